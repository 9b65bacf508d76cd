/* A socket in the caller's epoll set (caller-driven I/O). A system call is made only when
 * the awaited events change. */
#ifndef CREW_AMQP_EPOLL_WATCH_H
#define CREW_AMQP_EPOLL_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct epoll_watch {
    int epoll_fd;
    uint32_t tag;    /* epoll_data.u32 */
    uint32_t events; /* awaited now; 0: the socket is not in the set */
};

/* Wait for FD to be readable and, if WRITABLE, writable. False: the system refuses it. */
bool epoll_watch_set(struct epoll_watch *w, int fd, bool writable);

/* Remove FD from the set, if it is there. */
void epoll_watch_remove(struct epoll_watch *w, int fd);

#endif
