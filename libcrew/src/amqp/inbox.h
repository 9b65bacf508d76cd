/* Commands for a link from its owner's threads: messages, operations, settlements, an
 * address to switch to, stop. They are taken all at once, so both sides hold the lock
 * only for a moment. Order is kept within each kind. */
#ifndef CREW_AMQP_INBOX_H
#define CREW_AMQP_INBOX_H

#include "amqp/acks.h"
#include "amqp/link_op.h"
#include "amqp/message.h"
#include <pthread.h>

struct inbox_batch {
    struct message *messages;
    struct message *messages_last;
    struct link_op *ops;
    struct link_op *ops_last;
    struct settlement *settlements;
    size_t settlement_count;
    size_t settlement_cap;
    bool switch_address;   /* to switch_url, from the connection of switch_epoch */
    uint64_t switch_epoch; /* 0: there is none */
    size_t switch_url;
    bool stop; /* the last command */
    uint64_t stop_flush_ms;
};

struct inbox {
    pthread_mutex_t lock;
    int wakeup_fd;
    bool woken;  /* wakeup_fd is readable */
    bool polled; /* the taker polls the inbox: no wake-ups */
    struct inbox_batch batch;
};

int inbox_init(struct inbox *inbox);  /* 0 or CREW_ESYSTEM */
void inbox_fini(struct inbox *inbox); /* frees what has not been taken */

/* Readable when there is something to take, unless the inbox is polled. */
int inbox_fd(const struct inbox *inbox);

/* Whether the taker polls the inbox from now on, so that no wake-up is needed. */
void inbox_set_polled(struct inbox *inbox, bool polled);

void inbox_put_messages(struct inbox *inbox, struct message *first, struct message *last);
void inbox_put_op(struct inbox *inbox, struct link_op *op);
void inbox_put_settlement(struct inbox *inbox, const struct settlement *settlement);
void inbox_put_switch(struct inbox *inbox, uint64_t epoch, size_t url);
void inbox_put_stop(struct inbox *inbox, unsigned flush_ms);

/* Take everything. BATCH holds nothing but its array of settlements, which is reused. */
void inbox_take(struct inbox *inbox, struct inbox_batch *batch);

#endif
