/* Taking connections from the listening socket. When descriptors run out it pauses, and
 * goes on when one is free again, so that it neither spins nor turns anybody away: the
 * others wait in the socket's backlog. */
#ifndef BRIDGE_ACCEPTOR_H
#define BRIDGE_ACCEPTOR_H

#include <stdint.h>
#include <uv.h>

struct bridge;

enum acceptor_state {
    ACCEPTOR_READY,  /* initialised; acceptor_open ends it */
    ACCEPTOR_OPEN,   /* until acceptor_close, or until descriptors run out */
    ACCEPTOR_PAUSED, /* out of descriptors; ended by acceptor_resume or its timer */
    ACCEPTOR_CLOSED  /* for good: the listening socket may be closed */
};

struct acceptor {
    enum acceptor_state state;
    uv_poll_t poll;
    uv_timer_t timer;
    uint64_t complained_ms; /* when a pause was last logged; 0: never */
};

int acceptor_init(struct bridge *bridge); /* 0 or a libuv error */
void acceptor_open(struct bridge *bridge);
void acceptor_resume(struct bridge *bridge); /* a descriptor has become free */
void acceptor_close(struct bridge *bridge);

#endif
