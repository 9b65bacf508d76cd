/* The inside of a worker, shared by the files worker*.c.
 *
 * A delivery is an AMQP message that came in; it carries one or more tasks, and is acked
 * when all of them are settled. A task is settled when its answer is safe with the broker
 * (or there is nobody to answer) and its owner is done with it.
 */
#ifndef CREW_WORKER_INTERNAL_H
#define CREW_WORKER_INTERNAL_H

#include "session/broker_session.h"
#include "session/compress_job.h"
#include "session/publish_waiter.h"
#include "wire/broker_names.h"
#include "wire/envelope.h"
#include "wire/limits.h"
#include <crew/worker.h>
#include <uthash.h>

/* The life of a task. Transitions: worker_task.c. */
enum task_state {
    TASK_WAITING,   /* with the owner, not begun: awaits begin, put_back or a cancel */
    TASK_CANCELLED, /* with the owner, and begin will refuse it */
    TASK_RUNNING,   /* a handler has it: awaits the answer */
    TASK_ANSWERED,  /* answered, the owner is not done yet (a handler is being killed) */
    TASK_SETTLING,  /* the owner is done: awaits that the answer is safe */
    TASK_PUT_BACK,  /* published again: awaits the broker's confirm */
    TASK_KEPT /* settled; its answer is kept until the deadline, should it come again */
};

enum reply_state {
    REPLY_NONE,        /* no answer yet */
    REPLY_COMPRESSING, /* on the background thread */
    REPLY_READY,       /* in the list: leaves with the next flush that has a connection */
    REPLY_SENT,        /* with the link: its status is awaited */
    REPLY_SAFE         /* the broker has it, or nobody waits for it */
};

struct delivery {
    struct message *message;
    size_t refs;      /* tasks that read from it */
    size_t unsettled; /* tasks that hold its ack back */
};

struct crew_task {
    crew_worker *worker;
    enum task_state state;
    enum reply_state reply_state;
    bool reply_again; /* SENT, and to be sent once more to the address it has now */

    UT_hash_handle hh; /* worker->tasks, by key */
    char *key;         /* id, or reply queue and id for callers that are not crew's */
    struct delivery *source; /* its bytes */
    struct delivery *settle; /* its ack; null: none to give */
    struct broker_session_timer
        timer; /* RUNNING: say that it was taken; KEPT: until when */

    enum crew_form form;
    bool understands_notices;
    const char *name;      /* of the task, in the source's consumer tag */
    char *id;              /* "" when a foreign caller gave none */
    char *reply_to;        /* null: nobody to answer */
    struct wire_item item; /* HTTP: as it came; plain: kind, id and body only */
    struct buffer pairs;   /* plain: its headers as a name/value block */
    uint64_t deadline_ms;
    bool may_repeat;
    bool is_unwanted; /* it was cancelled while RUNNING */

    struct message *reply; /* null: none, or with the link (SENT, alone in its message) */
    struct shipment *shipment; /* SENT, PUT_BACK: the message that it is in */
    struct crew_task *ship_prev, *ship_next;
    struct compress_job *compress_job;
    struct task_stream *stream;    /* from its head on; else null */
    struct crew_task *prev, *next; /* in ready (READY) or kept (KEPT) */
};

/* A task queue that is consumed, or is to be. */
enum served_state {
    SERVED_IDLE,      /* no connection, or the broker refused: awaits either */
    SERVED_DECLARING, /* steps are under way; ends with LINK_OP_DONE of its consume */
    SERVED_CONSUMING,
    SERVED_CANCELLING /* ends with LINK_OP_DONE of its cancel */
};

struct served {
    char *queue;
    UT_hash_handle hh;
    enum served_state state;
    bool wanted;    /* false: to be forgotten when it is no longer consumed */
    bool own_limit; /* its consumer began with one */
    bool warned;    /* that the broker refuses it; until it is consumed */
    bool looking;   /* the broker was asked what waits in it */
};

/* An id that a caller took back before its task came. */
struct cancelled {
    crew_worker *worker;
    char id[LIMIT_ITEM_ID_BYTES];
    size_t id_bytes;
    UT_hash_handle hh;
    struct broker_session_timer timer; /* its deadline: then the task cannot run anyway */
};

struct crew_worker {
    struct broker_session session;
    char uuid[37];
    unsigned prefetch;
    unsigned prefetch_most;
    size_t gzip_above_bytes;
    size_t max_request_bytes;
    void (*on_task)(void *arg, crew_task *task);
    void *task_arg;
    void (*on_queue)(void *arg, const char *task, uint32_t messages, uint32_t consumers);
    void (*on_credit)(void *arg, crew_task *task, uint32_t allowed_bytes);
    void (*on_gone)(void *arg, crew_task *task);

    char *notice_queue;    /* of the present connection; null: none yet */
    unsigned notice_steps; /* under way; 0: notices come in */
    struct served *served;
    size_t awaited;        /* of these, those that are wanted and not consumed */
    bool several;          /* there is more than one task to serve */
    unsigned own_limit;    /* of each consumer that begins; 0: none */
    unsigned shared_limit; /* over all consumers; 0: none (worker_queues.c) */
    bool said_ready;
    bool warned_foreign;
    unsigned refusals; /* of queues, since the last one was consumed */
    struct broker_session_timer retry;

    struct crew_task *tasks; /* all, by key */
    struct crew_task *ready; /* with answers to be sent */
    struct shipment *shipments;
    struct task_stream *streams;
    struct crew_task *kept; /* oldest first */
    size_t kept_count;
    size_t kept_bytes;
    size_t inflating;
    struct cancelled *cancelled;
    uint64_t reported_ms;
};

#define TASK_TAKEN_AFTER_MS 100u
#define KEPT_MAX_BYTES (64u * 1024u * 1024u)

/* worker.c */
void worker_warn(crew_worker *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* worker_queues.c: what is consumed */
void queues_listen(crew_worker *w); /* the publishing side is connected */
void queues_connected(crew_worker *w);
void queues_disconnected(crew_worker *w);
void queues_op_done(crew_worker *w, struct link_op *op); /* frees op */
void queues_consumer_gone(crew_worker *w, const char *queue);
void queues_retry(struct broker_session_timer *timer);
bool queues_ready(const crew_worker *w);
bool queues_serves(const crew_worker *w, const char *task);
size_t queues_cancelling(const crew_worker *w);
void queues_fini(crew_worker *w);

/* worker_receive.c: what comes in. Frees M, or keeps it as long as its tasks live. */
void worker_receive(crew_worker *w, struct message *m);

/* worker_task.c: the life cycle */
crew_task *task_new(crew_worker *w, struct delivery *d);
void task_add(crew_task *task, const char *key); /* key is copied */
void task_offer(crew_task *task);                /* to the owner */
/* Answer without the owner; null or 0: end it silently. */
void task_respond(crew_task *task, const struct crew_answer *answer);
void task_refuse(crew_task *task, int error);
void task_redelivered(crew_task *task, struct delivery *d, const char *reply_to);
void task_cancel(crew_task *task);
void task_reply_is_safe(crew_task *task);
void task_message_published(crew_task *task, struct message *m);
void task_free(crew_task *task);
void delivery_settle(crew_worker *w, struct delivery *d); /* one of its tasks less */
void delivery_release(struct delivery *d);                /* one reader less */

/* worker_reply.c: answers on their way */
void reply_make(crew_task *task, const struct crew_answer *answer);
void reply_published(crew_task *task, struct message *m); /* m was its own */
void reply_settled(crew_task *task, enum publish_status status);
void reply_readdress(crew_task *task, const char *reply_to);
void reply_taken(crew_task *task);

/* worker_shipment.c: messages with the link */
void shipment_ready(crew_task *task); /* its reply is to be sent */
void shipment_send(crew_task *task, struct message *m);
void shipment_leave(crew_task *task);
void shipments_flush(crew_worker *w);
void shipments_fini(crew_worker *w);

/* worker_stream.c: answers in pieces, of tasks that have a stream */
void stream_credit(crew_task *task, uint32_t credit_bytes);
void stream_cancel(crew_task *task); /* nobody wants it */
void stream_redelivered(crew_task *task, const char *reply_to);
/* ITEM is its end; false: nobody is to be told of it. */
bool stream_end(crew_task *task, const struct crew_answer *answer,
                struct wire_item *item);
void stream_leave(crew_task *task); /* it goes; with or without a stream */
void streams_flush(crew_worker *w);
void streams_fini(crew_worker *w);

/* worker_cancelled.c */
void cancelled_remember(crew_worker *w, const struct wire_item *item);
bool cancelled_has(const crew_worker *w, const void *id, size_t id_bytes);
void cancelled_fini(crew_worker *w);

#endif
