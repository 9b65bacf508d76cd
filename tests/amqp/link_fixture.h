/* A link with an owner for tests, which collects its events and waits for them with a
 * time limit. */
#ifndef CREW_TEST_AMQP_LINK_FIXTURE_H
#define CREW_TEST_AMQP_LINK_FIXTURE_H

#include "amqp/link.h"
#include <pthread.h>

struct link_fixture {
    struct crew_broker broker;
    struct link *link;
    uint64_t epoch; /* of the last LINK_OPEN that was waited for */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct link_event *events; /* in order */
};

/* The broker of the tests: CREW_TEST_AMQP_URL. */
void link_fixture_broker(struct crew_broker *broker);

/* Start a link to BROKER; the fixture takes ownership of it. link_fixture_open waits
 * until it is open. */
void link_fixture_start(struct link_fixture *f, struct crew_broker *broker);
void link_fixture_open(struct link_fixture *f); /* to the broker of the tests */
void link_fixture_close(struct link_fixture *f);
void link_fixture_close_within(struct link_fixture *f, unsigned flush_ms);

/* Remove and return the first event of this kind; the test fails if there is none within
 * ten seconds. Other events stay in the list. */
struct link_event *link_fixture_expect(struct link_fixture *f, enum link_event_kind kind);
/* The same within WITHIN_MS; null: none. */
struct link_event *link_fixture_await(struct link_fixture *f, enum link_event_kind kind,
                                      unsigned within_ms);
/* link_fixture_expect, and free it. */
void link_fixture_wait_for(struct link_fixture *f, enum link_event_kind kind);

/* Do an operation and wait for its result; the caller frees it. */
struct link_op *link_fixture_do(struct link_fixture *f, struct link_op *op);
/* The same, and it must succeed. */
void link_fixture_must_do(struct link_fixture *f, struct link_op *op);

/* Declare an exclusive queue with a random name, which is stored in NAME. */
void link_fixture_declare_queue(struct link_fixture *f, char name[40]);
void link_fixture_consume(struct link_fixture *f, const char *queue, bool no_ack);

/* The number of messages in a queue. */
uint32_t link_fixture_queue_depth(struct link_fixture *f, const char *queue);
void link_fixture_expect_depth(struct link_fixture *f, const char *queue, uint32_t depth);

/* A message to a queue; link_fixture_publish waits for its publish status. */
struct message *link_fixture_message(const char *queue, const void *body, size_t bytes);
enum publish_status link_fixture_publish(struct link_fixture *f, struct message *m);

struct message *
link_fixture_next_delivery(struct link_fixture *f); /* the caller frees it */

#endif
