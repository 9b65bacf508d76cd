/* Consumers: which queues a worker consumes, and with which prefetch. These are its task
 * queues, with acks, and an exclusive queue for notices (cancel, credit). Everything is
 * declared again after a reconnect.
 *
 * Notices come over the publishing connection. A prefetch that is used up holds back
 * every consumer of its AMQP channel, also those without acks, and that is when the
 * cancel of a waiting task has to come through.
 *
 * Prefetch: a global limit (over all consumers of the AMQP channel) can be changed at any
 * time, but costs the broker work for every message. A per-consumer limit costs nothing,
 * but is fixed when the consumer is started. So the consumer of a worker of one task is
 * started with the highest prefetch that was asked for until then, and the global limit
 * is in force only while the prefetch is lower. If the prefetch is raised further, or
 * there are several tasks, only the global limit is used, until the next connection.
 */
#ifndef CREW_WORKER_CONSUMERS_H
#define CREW_WORKER_CONSUMERS_H

#include "session/broker_session.h"

struct consumer;

/* The answer to consumers_inspect. */
typedef void consumers_info_fn(void *arg, const char *task, uint32_t messages,
                               uint32_t consumers);

struct consumers {
    struct broker_session *session;
    const char *worker; /* its UUID */
    consumers_info_fn *on_info;
    void *info_arg;

    char *notice_queue;  /* of the present connection; null: none yet */
    unsigned notice_ops; /* under way; 0: notices come in */

    struct consumer *all;      /* by queue */
    size_t missing;            /* consumers that are wanted and not consuming */
    bool has_several;          /* more than one task is served */
    unsigned prefetch;         /* wanted, over all queues */
    unsigned highest_prefetch; /* that was ever wanted */
    unsigned per_consumer;     /* limit of each consumer that is started; 0: none */
    unsigned global;           /* limit over all consumers; 0: none */

    bool warned_foreign;
    unsigned refusals; /* of queues, since one was consumed last */
    struct broker_session_timer retry;
};

/* WORKER, the UUID, must outlive C. */
void consumers_init(struct consumers *c, struct broker_session *session,
                    const char *worker, unsigned prefetch, consumers_info_fn *on_info,
                    void *info_arg);
void consumers_fini(struct consumers *c);

/* ---- events of the session ---- */

void consumers_publisher_connected(struct consumers *c);
void consumers_connected(struct consumers *c);
void consumers_disconnected(struct consumers *c);
void consumers_op_done(struct consumers *c, struct link_op *op); /* frees OP */

/* The broker cancelled the consumer of QUEUE (may be null). True: a task queue's. */
bool consumers_cancelled_by_broker(struct consumers *c, const char *queue);

/* ---- what to consume ---- */

/* Consume the queues of exactly these tasks. CREW_EEXIST, CREW_EINVAL:
 * crew_worker_serve. */
int consumers_serve(struct consumers *c, const char *const *tasks, size_t count);
void consumers_set_prefetch(struct consumers *c, unsigned prefetch);

/* Ask the broker about the queue of a task that is served. */
void consumers_inspect(struct consumers *c, const char *task);

/* ---- state ---- */

/* Every queue is consumed, notices too. */
bool consumers_are_ready(const struct consumers *c);
bool consumers_serves(const struct consumers *c, const char *task);
size_t consumers_count(const struct consumers *c);
unsigned consumers_highest_prefetch(const struct consumers *c);

/* Consumers that are not wanted any more, but may still receive a delivery. */
size_t consumers_count_stopping(const struct consumers *c);

/* QUEUE is that of the notices. */
bool consumers_is_notice_queue(const struct consumers *c, const char *queue);

#endif
