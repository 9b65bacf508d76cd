/* What the files of a link share: link.c, the thread and its states, and link_run_caller_driven.c,
 * what the owner's thread does with a connection that was lent to it. */
#ifndef CREW_AMQP_LINK_INTERNAL_H
#define CREW_AMQP_LINK_INTERNAL_H

#include "amqp/backoff.h"
#include "amqp/connection.h"
#include "amqp/inbox.h"
#include <pthread.h>

/* The life of a link. Only the thread that has it sees it: its own, or while it is LENT
 * the owner's. */
enum link_state {
    LINK_STATE_WAITING,       /* no connection: until_ms awaited, then CONNECTING */
    LINK_STATE_CONNECTING,    /* an attempt blocks: OPEN, or WAITING again */
    LINK_STATE_OPEN,          /* in use: its loss ends it (WAITING), or link_free */
    LINK_STATE_CALLER_DRIVEN, /* in use by the owner's thread: its loss ends it (WAITING), or
                              link_stop (OPEN) */
    LINK_STATE_FLUSHING,      /* link_free: until_ms or that all is answered awaited */
    LINK_STATE_CLOSING,       /* good-bye said: until_ms or the broker's answer awaited */
    LINK_STATE_CLOSED,        /* the thread ends */
    LINK_STATE_COUNT
};

struct link {
    struct inbox inbox;
    pthread_t thread;
    pthread_mutex_t lock; /* guards the four below */
    pthread_cond_t changed;
    bool caller_driven; /* the owner's thread has the link */
    bool reclaimed;     /* it is not lent any more */
    bool ended;
    bool left_alone; /* link_free has gone: the thread frees the link */

    /* the owner's own */
    uint64_t free_by_ms; /* when link_free goes; 0: not stopped */
    int epoll_fd;        /* where lent sockets are watched; -1: it borrows none */
    uint32_t epoll_tag;
    uint32_t watched; /* for what; 0: not */

    /* of the thread that has the link */
    struct crew_broker broker;
    char *name;
    bool confirms;
    void (*on_events)(void *arg, struct link_event *list);
    void *arg;
    enum link_state state;
    uint64_t until_ms;
    uint64_t flush_ms;
    uint64_t opened_at_ms;
    struct backoff backoff;
    uint64_t epoch;
    bool connected; /* connection is in use */
    bool sent_away; /* to go_url, where the next attempt goes whatever backoff says */
    size_t go_url;
    struct connection connection;
    struct inbox_batch batch;
    struct event_list events;
    bool stopping; /* link_free was called: events are thrown away */
};

/* ---- link.c ---- */

void link_take_inbox(struct link *l);
void link_emit(struct link *l); /* hand over what has happened */
/* The connection is lost: say so, and wait before the next attempt. */
void link_lost(struct link *l);

/* ---- link_run_caller_driven.c ---- */

/* Lend the connection, which LINK_OPEN has told already, and wait until it comes back. */
void link_run_caller_driven(struct link *l);
/* The owner's thread gives it back, if it has it, and borrows it no more. */
void link_reclaim(struct link *l);

#endif
