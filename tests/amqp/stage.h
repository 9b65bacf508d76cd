/* The owner of a link, for tests: collects its events and waits for them, with a bound.
 */
#ifndef CREW_TEST_AMQP_STAGE_H
#define CREW_TEST_AMQP_STAGE_H

#include "amqp/link.h"
#include <pthread.h>

struct stage {
    struct crew_broker broker;
    struct link *link;
    uint64_t epoch; /* of the last LINK_OPEN that stage_expect gave */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct link_event *events; /* in order */
};

/* The broker of the tests: CREW_TEST_AMQP_URL. */
void stage_broker(struct crew_broker *broker);

/* A link to BROKER, which is taken over. stage_open waits until it is open. */
void stage_start(struct stage *s, struct crew_broker *broker);
void stage_open(struct stage *s); /* to the broker of the tests */
void stage_close(struct stage *s);
void stage_close_within(struct stage *s, unsigned flush_ms);

/* The first event of this kind that has come or comes within ten seconds, taken out; the
 * test fails without one. Those before it stay. */
struct link_event *stage_expect(struct stage *s, enum link_event_kind kind);
/* The same within WITHIN_MS; null: none came. */
struct link_event *stage_await(struct stage *s, enum link_event_kind kind,
                               unsigned within_ms);
/* stage_expect, and free it. */
void stage_pass(struct stage *s, enum link_event_kind kind);

/* Do an op and wait for its end; the caller frees it. */
struct link_op *stage_do(struct stage *s, struct link_op *op);
/* The same, and it must succeed. */
void stage_must(struct stage *s, struct link_op *op);

/* A queue of our own, gone with the connection; its name is written into NAME. */
void stage_queue(struct stage *s, char name[40]);
void stage_consume(struct stage *s, const char *queue, bool no_ack);

/* How many messages are in a queue, by a probe. */
uint32_t stage_depth(struct stage *s, const char *queue);
void stage_expect_depth(struct stage *s, const char *queue, uint32_t depth);

/* A message to a queue; stage_publish waits for its publish status. */
struct message *stage_message(const char *queue, const void *body, size_t bytes);
enum publish_status stage_publish(struct stage *s, struct message *m);

struct message *stage_delivery(struct stage *s); /* the caller frees it */

#endif
