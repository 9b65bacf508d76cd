/* Topology: the exchanges, queues and bindings of crew as operations for a link
 * (docs/wire.md, "Topology"). */
#ifndef CREW_SESSION_TOPOLOGY_H
#define CREW_SESSION_TOPOLOGY_H

#include "amqp/link.h"

struct link_op *topology_dlx(void);     /* crew.DLX: headers, durable */
struct link_op *topology_control(void); /* crew.control: topic, durable */
struct link_op *topology_pubsub(void);  /* crew.pubsub: topic, durable */

/* crew.tasks.TASK: durable, dead letters to crew.DLX, three levels of priority. */
struct link_op *topology_task_queue(const char *queue);

/* An exclusive queue: replies to a client, notices to a worker. */
struct link_op *topology_exclusive_queue(const char *queue);

/* Dead letters of messages whose x-original-sender is QUEUE. */
struct link_op *topology_bind_dead_letters(const char *queue);

/* Begin and stop routing notices with the key PREFIX NAME to QUEUE. */
struct link_op *topology_bind_notices(const char *queue, const char *prefix,
                                      const char *name);
struct link_op *topology_unbind_notices(const char *queue, const char *prefix,
                                        const char *name);

/* crew.history: a stream that keeps about MAX_BYTES, and nothing older than MAX_AGE_S. */
struct link_op *topology_history(size_t max_bytes, uint64_t max_age_s);

/* Route everything that is published to QUEUE. */
struct link_op *topology_bind_all_publications(const char *queue);

struct link_op *topology_consume(const char *queue, bool no_ack);

/* PREFETCH unacknowledged deliveries at a time: per consumer that is started from now on,
 * or global over all consumers (AMQP basic.qos as RabbitMQ defines it). */
struct link_op *topology_prefetch(unsigned prefetch, bool per_consumer);

/* OP failed because its durable queue is not available yet: the broker has just
 * started. */
bool topology_is_down(const struct link_op *op);

/* How long subscribers and publishers wait for a history that is not available. */
#define TOPOLOGY_DOWN_MS 30000u

/* Describe an operation that failed, or found other arguments than crew's, in one
 * line. */
void topology_describe(const struct link_op *op, char *text, size_t text_bytes);

#endif
