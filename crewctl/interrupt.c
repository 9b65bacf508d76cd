#include "interrupt.h"

#include "base/clock.h"
#include "base/wakeup.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static volatile sig_atomic_t caught;
static int wakeup_fd = -1;

/* SA_RESETHAND: the second signal has the default action and ends the program. */
static void on_signal(int signum) {
    int saved_errno = errno;
    caught = signum;
    wakeup_signal(wakeup_fd);
    errno = saved_errno;
}

void interrupt_catch(void) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    wakeup_fd = wakeup_open();
    if (wakeup_fd < 0) {
        perror("crewctl: eventfd");
        exit(EXIT_FAILURE);
    }
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction old;
        sigaction(signals[i], NULL, &old);
        if (old.sa_handler != SIG_IGN) /* nohup, or a job in the background */
            sigaction(signals[i], &action, NULL);
    }
}

int interrupt_signal(void) {
    return caught;
}

static int timeout_ms(uint64_t until_ms) {
    uint64_t now_ms = clock_ms();
    uint64_t left_ms = until_ms > now_ms ? until_ms - now_ms : 0;
    return left_ms < INT_MAX ? (int)left_ms : INT_MAX;
}

void interrupt_wait(int fd, uint64_t until_ms) {
    struct pollfd fds[] = {
        {.fd = fd, .events = POLLIN},
        {.fd = wakeup_fd, .events = POLLIN}, /* -1 is ignored by poll */
    };
    poll(fds, 2, timeout_ms(until_ms));
}
