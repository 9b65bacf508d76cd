/* A link: one connection to the broker that comes back by itself, and the thread that
 * owns it. The only room that knows rabbitmq-c.
 *
 * The owner hands over commands from its own thread; they never block. The link hands
 * back events, many at a time, by calling on_events on the link's thread; the owner is
 * expected to append them to its inbox and wake itself.
 *
 * An owner whose own loop never blocks for long may do the input and output of an open
 * connection itself: its link lends it (caller_epoll_fd), and the link's thread sleeps
 * until it is lost. That saves a change of thread for everything that comes and goes.
 *
 * Life cycle (enum link_state in link_room.h): WAITING (backoff) → CONNECTING → OPEN or
 * LENT → WAITING … → CLOSED. An OPEN link has channel 1 for publishing and consuming
 * (publisher confirms are on if the link was made for publishing) and channel 2 for
 * topology and probes, so that a refused declare costs nobody's deliveries. Each
 * connection has a new epoch (1, 2, …).
 *
 * Of several addresses a link takes the first that lets it in, and stays there as long as
 * it can; amqp/backoff.h says where it goes after a loss. link_switch_address sends it elsewhere.
 *
 * The owner declares its topology with link_op after each LINK_OPEN.
 */
#ifndef CREW_AMQP_LINK_H
#define CREW_AMQP_LINK_H

#include "amqp/message.h"
#include <crew/broker.h>

struct link;

/* One step of topology, done in order, one at a time; each ends with LINK_OP_DONE, also
 * when the connection is lost (with ok = false, reply_code = 0). */
enum link_op_kind {
    LINK_DECLARE_EXCHANGE, /* name, type, durable. Exists with other arguments: used as it
                              is, foreign = true */
    LINK_DECLARE_QUEUE,    /* name, durable, exclusive; the same */
    LINK_PROBE_QUEUE,      /* passive declare: exists = ok, messages, consumers */
    LINK_BIND,             /* name (queue), exchange, key */
    LINK_UNBIND,           /* name (queue), exchange, key */
    LINK_QOS,     /* prefetch, over all consumers of channel 1; or, per_consumer, of
                     each consumer that begins from now on */
    LINK_CONSUME, /* name (queue), consumer tag = queue name, no_ack, exclusive. Not tried
                     when the queue's declare was refused just before: fails the same way
                   */
    LINK_CANCEL   /* consumer tag = name; no delivery for it comes after the event */
};

/* Of a declare, bind or consume. */
struct link_argument {
    const char *name; /* a literal */
    char *text;       /* null: a number */
    int64_t number;
};

#define LINK_ARGUMENTS_MAX 4

struct link_op {
    struct link_op *next; /* the link's own, as is epoch */
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
    void *owner;

    /* filled when done */
    bool ok;
    bool foreign;   /* it was there with other arguments */
    int reply_code; /* AMQP reply code (404, 405, 406 …) when not ok; 0: connection lost;
                       502: a text of it is longer than AMQP's 255 bytes */
    char *reply_text; /* the broker's own words; null: none */
    uint32_t messages;
    uint32_t consumers;
};

/* A zeroed op of this kind for NAME. link_op_free frees it and its texts. */
struct link_op *link_op_new(enum link_op_kind kind, const char *name);
void link_op_free(struct link_op *op);

/* One more argument, a text (copied) or a number. NAME is a literal. */
void link_op_text(struct link_op *op, const char *name, const char *text);
void link_op_number(struct link_op *op, const char *name, int64_t number);

enum link_event_kind {
    LINK_OPEN,    /* connected and logged in at address url: declare your topology. Lent:
                     call link_drive from now on */
    LINK_LOST,    /* text says why; comes after the last event of its epoch, the fates
                     of all its messages included */
    LINK_FAILED,  /* an attempt to connect failed, text says why; it will try again */
    LINK_BLOCKED, /* connection.blocked, text says why */
    LINK_UNBLOCKED,
    LINK_OP_DONE,       /* op: the owner frees it */
    LINK_PUBLISHED,     /* message with its status: the owner frees it */
    LINK_DELIVERY,      /* message: the owner frees it and acks by its epoch and tag */
    LINK_CONSUMER_GONE, /* text: the queue whose consumer the broker cancelled */
    LINK_CHANNEL_LOST /* channel 1 was closed by the broker, text says why; the link drops
                         the connection and opens a new one (LINK_LOST follows) */
};

struct link_event {
    struct link_event *next;
    enum link_event_kind kind;
    uint64_t epoch;
    struct message *message;
    struct link_op *op;
    char *text;
    size_t url;         /* LINK_OPEN: which of the addresses */
    bool caller_driven; /* LINK_OPEN: its input and output are the owner's */
};

void link_event_free(struct link_event *event); /* with all that it still carries */

struct link_options {
    const struct crew_broker *broker; /* copied */
    const char *name;                 /* connection_name, copied */
    bool confirms;                    /* for publishing: confirm.select on channel 1 */
    bool
        caller_driven_io; /* open connections to the owner, unless they are over TLS, whose
                          writing may block. Decoding takes up to 3 MiB of stack */
    int caller_epoll_fd; /* of the owner: where the socket of a lent one is watched ... */
    uint32_t caller_epoll_tag; /* ... and what epoll_data.u32 is then */
    /* LIST is a singly linked list in order of happening, at least one; the callee owns
     * it. Called on the link's thread. */
    void (*on_events)(void *arg, struct link_event *list);
    void *arg;
};

/* Starts the thread. CREW_ESYSTEM. */
int link_new(const struct link_options *options, struct link **link);

/* The owner's part for a connection that was lent to it, from LINK_OPEN to LINK_LOST:
 * take in what has come (READABLE: epoll said so), do what was handed over, write.
 * *EVENTS is what happened; null: nothing. False: the connection is lost, and not lent
 * any more. What is handed over to a lent link waits for the next turn. */
bool link_drive(struct link *link, bool readable, struct link_event **events);

/* In how many milliseconds the next turn is due, readable or not; -1: never. */
int link_drive_due_ms(const struct link *link);

/* Watch nothing until the next turn. */
void link_disarm(struct link *link);

/* Publish a list of messages (linked by next) on the present connection, in order. The
 * link owns them until LINK_PUBLISHED. When the link is not open, or was opened anew
 * since EPOCH, their fate is PUBLISH_UNSENT. Any thread. */
void link_publish(struct link *link, uint64_t epoch, struct message *list);

/* Do a step of topology. Any thread. */
void link_op(struct link *link, uint64_t epoch, struct link_op *op);

/* Ack or reject (requeue = false: dead letter; true: back into the queue) one delivery.
 * Of another epoch than the present one: ignored. Any thread. Acks that are handed over
 * together travel together. */
void link_ack(struct link *link, uint64_t epoch, uint64_t delivery_tag);
void link_reject(struct link *link, uint64_t epoch, uint64_t delivery_tag, bool requeue);

/* Leave the connection of EPOCH (0: there is none to leave) and make the next attempt at
 * address URL. Nothing happens when there is a newer connection: its LINK_OPEN is on its
 * way to the owner. LINK_LOST follows for the one that is left, and the wait before the
 * attempt is that after any loss. Any thread. */
void link_switch_address(struct link *link, uint64_t epoch, size_t url);

/* Begin what link_free waits for; its time counts from here. For owners of several links,
 * that they end at the same time. Null is fine. */
void link_stop(struct link *link, unsigned flush_ms);

/* Flush what was handed over (for at most FLUSH_MS), close the connection politely, end
 * the thread, free. Events that were still to come are thrown away, messages freed.
 * Blocks at most FLUSH_MS and a second. Null is fine. Not from on_events. */
void link_free(struct link *link, unsigned flush_ms);

#endif
