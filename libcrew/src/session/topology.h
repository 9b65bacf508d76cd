/* The exchanges and queues of crew as steps for a link (docs/wire.md, "Topology"). */
#ifndef CREW_SESSION_TOPOLOGY_H
#define CREW_SESSION_TOPOLOGY_H

#include "amqp/link.h"

struct link_op *topology_dlx(void);     /* crew.DLX: headers, durable */
struct link_op *topology_control(void); /* crew.control: topic, durable */
struct link_op *topology_pubsub(void);  /* crew.pubsub: topic, durable */

/* crew.tasks.TASK: durable, dead letters to crew.DLX, three levels of priority. */
struct link_op *topology_task_queue(const char *queue);

/* A queue of this connection alone: replies to a client, notices to a worker. */
struct link_op *topology_own_queue(const char *queue);

/* Dead letters of messages whose x-original-sender is QUEUE. */
struct link_op *topology_bind_dead_letters(const char *queue);

/* Notices with routing key PREFIX NAME into QUEUE, and no more. */
struct link_op *topology_bind_notices(const char *queue, const char *prefix,
                                      const char *name);
struct link_op *topology_unbind_notices(const char *queue, const char *prefix,
                                        const char *name);

/* crew.history: a stream that keeps about MAX_BYTES, and nothing older than MAX_AGE_S. */
struct link_op *topology_history(size_t max_bytes, uint64_t max_age_s);

/* All that is published into QUEUE. */
struct link_op *topology_bind_published(const char *queue);

struct link_op *topology_consume(const char *queue, bool no_ack);

/* PREFETCH deliveries at a time: of each consumer that begins from now on, or over all.
 */
struct link_op *topology_prefetch(unsigned prefetch, bool per_consumer);

/* A step failed because its queue, a durable one, is not up yet: the broker has only just
 * started. */
bool topology_is_down(const struct link_op *op);

/* So long a history that is down is waited for, by those who read it and who publish. */
#define TOPOLOGY_DOWN_MS 30000u

/* What a failed or surprising step means, in one line. */
void topology_describe(const struct link_op *op, char *text, size_t text_bytes);

#endif
