#include "link_fixture.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/xalloc.h"
#include "cmocka_all.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 10000

static void collect(void *arg, struct link_event *list) {
    struct link_fixture *f = arg;
    pthread_mutex_lock(&f->lock);
    struct link_event **end = &f->events;
    while (*end != NULL)
        end = &(*end)->next;
    *end = list;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

void link_fixture_broker(struct crew_broker *broker) {
    const char *url = getenv("CREW_TEST_AMQP_URL");
    assert_non_null(url);
    crew_broker_init(broker);
    assert_int_equal(crew_broker_parse(broker, url, NULL, 0), CREW_OK);
}

void link_fixture_start(struct link_fixture *f, struct crew_broker *broker) {
    memset(f, 0, sizeof *f);
    f->broker = *broker;
    pthread_mutex_init(&f->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&f->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    struct link_options options = {.broker = &f->broker,
                                   .name = "link test",
                                   .confirms = true,
                                   .on_events = collect,
                                   .arg = f};
    assert_int_equal(link_new(&options, &f->link), CREW_OK);
}

void link_fixture_open(struct link_fixture *f) {
    struct crew_broker broker;
    link_fixture_broker(&broker);
    link_fixture_start(f, &broker);
    link_fixture_wait_for(f, LINK_OPEN);
}

void link_fixture_close_within(struct link_fixture *f, unsigned flush_ms) {
    link_free(f->link, flush_ms);
    while (f->events != NULL) {
        struct link_event *next = f->events->next;
        link_event_free(f->events);
        f->events = next;
    }
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    crew_broker_fini(&f->broker);
}

void link_fixture_close(struct link_fixture *f) {
    link_fixture_close_within(f, 0);
}

static struct link_event *take(struct link_fixture *f, enum link_event_kind kind) {
    struct link_event **at = &f->events;
    while (*at != NULL && (*at)->kind != kind)
        at = &(*at)->next;
    struct link_event *event = *at;
    if (event != NULL) {
        *at = event->next;
        event->next = NULL;
    }
    return event;
}

struct link_event *link_fixture_await(struct link_fixture *f, enum link_event_kind kind,
                                      unsigned within_ms) {
    uint64_t until_ms = clock_ms() + within_ms;
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                             .tv_nsec = (long)(until_ms % 1000) * 1000000};
    pthread_mutex_lock(&f->lock);
    struct link_event *event = take(f, kind);
    while (event == NULL && clock_ms() < until_ms) {
        pthread_cond_timedwait(&f->changed, &f->lock, &until);
        event = take(f, kind);
    }
    pthread_mutex_unlock(&f->lock);
    if (event != NULL && kind == LINK_OPEN)
        f->epoch = event->epoch;
    return event;
}

struct link_event *link_fixture_expect(struct link_fixture *f,
                                       enum link_event_kind kind) {
    struct link_event *event = link_fixture_await(f, kind, TIMEOUT_MS);
    if (event == NULL)
        fail_msg("no event of kind %d", kind);
    return event;
}

void link_fixture_wait_for(struct link_fixture *f, enum link_event_kind kind) {
    link_event_free(link_fixture_expect(f, kind));
}

struct link_op *link_fixture_do(struct link_fixture *f, struct link_op *op) {
    link_op(f->link, f->epoch, op);
    struct link_event *event = link_fixture_expect(f, LINK_OP_DONE);
    assert_ptr_equal(event->op, op);
    event->op = NULL;
    link_event_free(event);
    return op;
}

void link_fixture_must_do(struct link_fixture *f, struct link_op *op) {
    link_fixture_do(f, op);
    assert_true(op->ok);
    assert_int_equal(op->reply_code, 0);
    link_op_free(op);
}

void link_fixture_declare_queue(struct link_fixture *f, char name[40]) {
    char random[17];
    random_hex(random, 8);
    snprintf(name, 40, "crew.test.%s", random);
    struct link_op *op = link_op_new(LINK_DECLARE_QUEUE, name);
    op->exclusive = true;
    link_fixture_must_do(f, op);
}

void link_fixture_consume(struct link_fixture *f, const char *queue, bool no_ack) {
    struct link_op *op = link_op_new(LINK_CONSUME, queue);
    op->no_ack = no_ack;
    link_fixture_must_do(f, op);
}

uint32_t link_fixture_queue_depth(struct link_fixture *f, const char *queue) {
    struct link_op *op = link_fixture_do(f, link_op_new(LINK_PROBE_QUEUE, queue));
    assert_true(op->ok);
    uint32_t messages = op->messages;
    link_op_free(op);
    return messages;
}

/* A classic queue counts a rejected or returned message with a delay. */
void link_fixture_expect_depth(struct link_fixture *f, const char *queue,
                               uint32_t depth) {
    uint64_t until_ms = clock_ms() + TIMEOUT_MS;
    while (link_fixture_queue_depth(f, queue) != depth && clock_ms() < until_ms) {
    }
    assert_int_equal(link_fixture_queue_depth(f, queue), depth);
}

struct message *link_fixture_message(const char *queue, const void *body, size_t bytes) {
    struct message_properties p = {.routing_key = queue};
    struct message *m = message_new(&p);
    buffer_append(&m->body, body, bytes);
    return m;
}

enum publish_status link_fixture_publish(struct link_fixture *f, struct message *m) {
    link_publish(f->link, f->epoch, m);
    struct link_event *event = link_fixture_expect(f, LINK_PUBLISHED);
    assert_ptr_equal(event->message, m);
    enum publish_status status = m->status;
    link_event_free(event);
    return status;
}

struct message *link_fixture_next_delivery(struct link_fixture *f) {
    struct link_event *event = link_fixture_expect(f, LINK_DELIVERY);
    struct message *m = event->message;
    event->message = NULL;
    link_event_free(event);
    return m;
}
