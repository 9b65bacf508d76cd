#include "acceptor.h"

#include "daemon/log.h"
#include "fcgi-bridge/fcgi/limits.h"
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#define PAUSE_MS 200
#define WARN_EVERY_MS 10000

static void on_pause_end(uv_timer_t *timer) {
    acceptor_resume(timer->data);
}

static void pause_accepting(struct acceptor *acceptor, int error) {
    uint64_t now_ms = uv_now(acceptor->timer.loop);
    if (acceptor->warned_ms == 0 || now_ms - acceptor->warned_ms > WARN_EVERY_MS) {
        acceptor->warned_ms = now_ms;
        log_warning("cannot accept connections for now: %s", strerror(error));
    }
    acceptor->state = ACCEPTOR_PAUSED;
    uv_poll_stop(&acceptor->poll);
    uv_timer_start(&acceptor->timer, on_pause_end, PAUSE_MS, 0);
}

static bool is_shortage(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_readable(uv_poll_t *poll, int status, int events) {
    struct acceptor *acceptor = poll->data;
    (void)events;
    if (status < 0)
        return;
    for (int i = 0; i < LIMIT_ACCEPTS_AT_ONCE; i++) {
        int fd = accept4(acceptor->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            acceptor->on_accept(acceptor->arg, fd);
        } else if (is_shortage(errno)) {
            pause_accepting(acceptor, errno);
            return;
        } else if (errno == EAGAIN) {
            return;
        } /* else: the peer has disconnected already (accept(2), "Error handling") */
    }
}

int acceptor_init(struct acceptor *acceptor, uv_loop_t *loop, int listen_fd,
                  void (*on_accept)(void *arg, int fd), void *arg) {
    *acceptor =
        (struct acceptor){.listen_fd = listen_fd, .on_accept = on_accept, .arg = arg};
    int error = uv_timer_init(loop, &acceptor->timer);
    if (error == 0)
        error = uv_poll_init(loop, &acceptor->poll, listen_fd);
    acceptor->timer.data = acceptor->poll.data = acceptor;
    return error;
}

void acceptor_open(struct acceptor *acceptor) {
    acceptor->state = ACCEPTOR_OPEN;
    uv_poll_start(&acceptor->poll, UV_READABLE, on_readable);
}

void acceptor_resume(struct acceptor *acceptor) {
    if (acceptor->state != ACCEPTOR_PAUSED)
        return;
    uv_timer_stop(&acceptor->timer);
    acceptor_open(acceptor);
}

void acceptor_close(struct acceptor *acceptor) {
    if (acceptor->state == ACCEPTOR_CLOSED)
        return;
    acceptor->state = ACCEPTOR_CLOSED;
    uv_close((uv_handle_t *)&acceptor->timer, NULL);
    uv_close((uv_handle_t *)&acceptor->poll, NULL);
}
