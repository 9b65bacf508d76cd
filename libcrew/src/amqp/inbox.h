/* What the owner of a link hands over from its own threads, in three lanes, and where
 * to go. It is taken whole, so both sides hold the lock for a moment only. */
#ifndef CREW_AMQP_INBOX_H
#define CREW_AMQP_INBOX_H

#include "amqp/acks.h"
#include "amqp/link.h"
#include <pthread.h>

struct inbox_batch {
    struct message *messages;
    struct message *messages_last;
    struct link_op *ops;
    struct link_op *ops_last;
    struct settle *settles;
    size_t settle_count;
    size_t settle_cap;
    bool go; /* to address go_url, away from the connection of go_epoch (0: none) */
    uint64_t go_epoch;
    size_t go_url;
    bool stop; /* nothing more will come */
    uint64_t stop_flush_ms;
};

struct inbox {
    pthread_mutex_t lock;
    int wakeup_fd;
    bool woken;    /* the descriptor is readable */
    bool attended; /* whoever takes comes by itself: nobody is woken */
    struct inbox_batch batch;
};

int inbox_init(struct inbox *inbox); /* 0 or CREW_ESYSTEM */
void inbox_fini(struct inbox *inbox);

/* From now on whoever takes comes by itself; or not any more. */
void inbox_attend(struct inbox *inbox, bool attended);

void inbox_put_messages(struct inbox *inbox, struct message *first, struct message *last);
void inbox_put_op(struct inbox *inbox, struct link_op *op);
void inbox_put_settle(struct inbox *inbox, const struct settle *settle);
void inbox_put_go(struct inbox *inbox, uint64_t epoch, size_t url);
void inbox_put_stop(struct inbox *inbox, unsigned flush_ms);

/* Swap: BATCH, which must be empty, for what has come. Its array of settles is used
 * again. */
void inbox_take(struct inbox *inbox, struct inbox_batch *batch);

#endif
