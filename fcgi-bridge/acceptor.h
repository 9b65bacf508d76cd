/* Accepts connections on the listening socket. When descriptors run out it pauses until
 * one is closed or some time has passed: it neither spins nor rejects connections, which
 * wait in the socket's backlog. */
#ifndef BRIDGE_ACCEPTOR_H
#define BRIDGE_ACCEPTOR_H

#include <stdint.h>
#include <uv.h>

enum acceptor_state {
    ACCEPTOR_READY,  /* initialized, until acceptor_open */
    ACCEPTOR_OPEN,   /* until acceptor_close, or until descriptors run out */
    ACCEPTOR_PAUSED, /* until acceptor_resume or its timer */
    ACCEPTOR_CLOSED  /* the listening socket may be closed */
};

struct acceptor {
    enum acceptor_state state;
    int listen_fd;
    void (*on_accept)(void *arg, int fd); /* owns FD */
    void *arg;
    uv_poll_t poll;
    uv_timer_t timer;
    uint64_t warned_ms; /* when a pause was last logged; 0: never */
};

/* acceptor_init - 0 or a libuv error. */
int acceptor_init(struct acceptor *acceptor, uv_loop_t *loop, int listen_fd,
                  void (*on_accept)(void *arg, int fd), void *arg);

/* acceptor_open - accept from now on. */
void acceptor_open(struct acceptor *acceptor);

/* acceptor_resume - a descriptor has become free: end a pause. */
void acceptor_resume(struct acceptor *acceptor);

/* acceptor_close - accept nothing more. */
void acceptor_close(struct acceptor *acceptor);

#endif
