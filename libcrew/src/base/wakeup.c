#include "base/wakeup.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int wakeup_open(void) {
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void wakeup_signal(int fd) {
    const uint64_t one = 1;
    /* EAGAIN: the counter is full, so the descriptor is readable already. */
    while (write(fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

void wakeup_clear(int fd) {
    uint64_t count;
    while (read(fd, &count, sizeof count) < 0 && errno == EINTR) {
    }
}
