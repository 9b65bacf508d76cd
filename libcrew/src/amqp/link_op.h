/* One topology operation: declare, bind, consume and so on.
 *
 * A link does its operations in order, one at a time. Each ends with LINK_OP_DONE
 * (link_event.h), also when the connection is lost: then ok is false and reply_code is 0.
 */
#ifndef CREW_AMQP_LINK_OP_H
#define CREW_AMQP_LINK_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum link_op_kind {
    LINK_DECLARE_EXCHANGE, /* name, type, durable. If it exists with other arguments it is
                              used as it is: ok and foreign are true */
    LINK_DECLARE_QUEUE,    /* name, durable, exclusive; the same */
    LINK_PROBE_QUEUE,      /* passive declare: ok if it exists; messages, consumers */
    LINK_BIND,             /* name (queue), exchange, key */
    LINK_UNBIND,           /* name (queue), exchange, key */
    LINK_QOS,     /* prefetch: of all consumers on the data channel together or, with
                 per_consumer, of each consumer that is started from now on */
    LINK_CONSUME, /* name (queue), no_ack, exclusive; the consumer tag is the queue's
                     name. Fails without being sent if the declare of this queue has just
                     been refused, with that reply code and text */
    LINK_CANCEL   /* name: the consumer tag. No delivery for it follows the event */
};

/* An argument of a declare, bind or consume. */
struct link_argument {
    const char *name; /* a string literal */
    char *text;       /* null: a number */
    int64_t number;
};

#define LINK_ARGUMENTS_MAX 4

struct link_op {
    struct link_op *next; /* for the link's own use, as is epoch */
    uint64_t epoch;
    enum link_op_kind kind;
    char *name;
    char *type;
    char *exchange;
    char *key;
    struct link_argument arguments[LINK_ARGUMENTS_MAX];
    size_t argument_count;
    bool durable;
    bool exclusive;
    bool auto_delete;
    bool no_ack;
    unsigned prefetch;
    bool per_consumer;
    void *owner; /* for the use of the link's owner */

    /* result */
    bool ok;
    bool foreign;     /* it existed with other arguments */
    int reply_code;   /* AMQP reply code (404, 405, 406 ...) if not ok; 0: the connection
                         was lost; 502: a text is longer than AMQP's 255 bytes */
    char *reply_text; /* the broker's reply text; null: none */
    uint32_t messages;
    uint32_t consumers;
};

/* A zeroed operation of this kind on NAME. link_op_free frees it and its texts; null is
 * fine. */
struct link_op *link_op_new(enum link_op_kind kind, const char *name);
void link_op_free(struct link_op *op);

/* Add an argument: a text (copied) or a number. NAME is a string literal. */
void link_op_text(struct link_op *op, const char *name, const char *text);
void link_op_number(struct link_op *op, const char *name, int64_t number);

#endif
