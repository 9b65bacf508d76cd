#include "acceptor.h"

#include "bridge.h"
#include "daemon/log.h"
#include "fcgi-bridge/fcgi/limits.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define PAUSE_MS 200
#define COMPLAINT_EVERY_MS 10000

static void on_pause_over(uv_timer_t *timer) {
    acceptor_resume(timer->data);
}

static void pause_accepting(struct bridge *bridge, int error) {
    struct acceptor *acceptor = &bridge->acceptor;
    uint64_t now_ms = uv_now(&bridge->loop);
    if (acceptor->complained_ms == 0 ||
        now_ms - acceptor->complained_ms > COMPLAINT_EVERY_MS) {
        acceptor->complained_ms = now_ms;
        log_warning("cannot accept connections for now: %s", strerror(error));
    }
    acceptor->state = ACCEPTOR_PAUSED;
    uv_poll_stop(&acceptor->poll);
    uv_timer_start(&acceptor->timer, on_pause_over, PAUSE_MS, 0);
}

static bool is_shortage(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_readable(uv_poll_t *poll, int status, int events) {
    struct bridge *bridge = poll->data;
    (void)events;
    if (status < 0)
        return;
    for (int i = 0; i < LIMIT_ACCEPTS_AT_ONCE; i++) {
        int fd = accept4(bridge->listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            connection_open(bridge, fd);
        } else if (is_shortage(errno)) {
            pause_accepting(bridge, errno);
            return;
        } else if (errno == EAGAIN) {
            return;
        } /* else: that one has gone already (accept(2), "Error handling") */
    }
}

int acceptor_init(struct bridge *bridge) {
    struct acceptor *acceptor = &bridge->acceptor;
    acceptor->poll.data = acceptor->timer.data = bridge;
    int error = uv_timer_init(&bridge->loop, &acceptor->timer);
    return error ? error
                 : uv_poll_init(&bridge->loop, &acceptor->poll, bridge->listener->fd);
}

void acceptor_open(struct bridge *bridge) {
    bridge->acceptor.state = ACCEPTOR_OPEN;
    uv_poll_start(&bridge->acceptor.poll, UV_READABLE, on_readable);
}

void acceptor_resume(struct bridge *bridge) {
    if (bridge->acceptor.state != ACCEPTOR_PAUSED)
        return;
    uv_timer_stop(&bridge->acceptor.timer);
    acceptor_open(bridge);
}

void acceptor_close(struct bridge *bridge) {
    struct acceptor *acceptor = &bridge->acceptor;
    if (acceptor->state == ACCEPTOR_CLOSED)
        return;
    acceptor->state = ACCEPTOR_CLOSED;
    uv_close((uv_handle_t *)&acceptor->timer, NULL);
    uv_close((uv_handle_t *)&acceptor->poll, NULL);
}
