#include "amqp/epoll_watch.h"

#include <stddef.h>
#include <sys/epoll.h>

bool epoll_watch_set(struct epoll_watch *w, int fd, bool writable) {
    struct epoll_event event = {.events = EPOLLIN | (writable ? EPOLLOUT : 0u),
                                .data.u32 = w->tag};
    if (event.events == w->events)
        return true;
    int operation = w->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (epoll_ctl(w->epoll_fd, operation, fd, &event) != 0)
        return false;
    w->events = event.events;
    return true;
}

void epoll_watch_remove(struct epoll_watch *w, int fd) {
    if (w->events != 0) {
        epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        w->events = 0;
    }
}
