/* The owner of a link, for tests. */
#include "stage.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/xalloc.h"
#include "cmocka_all.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOUND_MS 10000

static void collect(void *arg, struct link_event *list) {
    struct stage *s = arg;
    pthread_mutex_lock(&s->lock);
    struct link_event **end = &s->events;
    while (*end != NULL)
        end = &(*end)->next;
    *end = list;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

void stage_broker(struct crew_broker *broker) {
    const char *url = getenv("CREW_TEST_AMQP_URL");
    assert_non_null(url);
    crew_broker_init(broker);
    assert_int_equal(crew_broker_parse(broker, url, NULL, 0), CREW_OK);
}

void stage_start(struct stage *s, struct crew_broker *broker) {
    memset(s, 0, sizeof *s);
    s->broker = *broker;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    struct link_options options = {.broker = &s->broker,
                                   .name = "link test",
                                   .confirms = true,
                                   .on_events = collect,
                                   .arg = s};
    assert_int_equal(link_new(&options, &s->link), CREW_OK);
}

void stage_open(struct stage *s) {
    struct crew_broker broker;
    stage_broker(&broker);
    stage_start(s, &broker);
    stage_pass(s, LINK_OPEN);
}

void stage_close_within(struct stage *s, unsigned flush_ms) {
    link_free(s->link, flush_ms);
    while (s->events != NULL) {
        struct link_event *next = s->events->next;
        link_event_free(s->events);
        s->events = next;
    }
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    crew_broker_fini(&s->broker);
}

void stage_close(struct stage *s) {
    stage_close_within(s, 0);
}

static struct link_event *take(struct stage *s, enum link_event_kind kind) {
    struct link_event **at = &s->events;
    while (*at != NULL && (*at)->kind != kind)
        at = &(*at)->next;
    struct link_event *event = *at;
    if (event != NULL) {
        *at = event->next;
        event->next = NULL;
    }
    return event;
}

struct link_event *stage_await(struct stage *s, enum link_event_kind kind,
                               unsigned within_ms) {
    uint64_t until_ms = clock_ms() + within_ms;
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                             .tv_nsec = (long)(until_ms % 1000) * 1000000};
    pthread_mutex_lock(&s->lock);
    struct link_event *event = take(s, kind);
    while (event == NULL && clock_ms() < until_ms) {
        pthread_cond_timedwait(&s->changed, &s->lock, &until);
        event = take(s, kind);
    }
    pthread_mutex_unlock(&s->lock);
    if (event != NULL && kind == LINK_OPEN)
        s->epoch = event->epoch;
    return event;
}

struct link_event *stage_expect(struct stage *s, enum link_event_kind kind) {
    struct link_event *event = stage_await(s, kind, BOUND_MS);
    if (event == NULL)
        fail_msg("no event of kind %d came", kind);
    return event;
}

void stage_pass(struct stage *s, enum link_event_kind kind) {
    link_event_free(stage_expect(s, kind));
}

struct link_op *stage_do(struct stage *s, struct link_op *op) {
    link_op(s->link, s->epoch, op);
    struct link_event *event = stage_expect(s, LINK_OP_DONE);
    assert_ptr_equal(event->op, op);
    event->op = NULL;
    link_event_free(event);
    return op;
}

void stage_must(struct stage *s, struct link_op *op) {
    stage_do(s, op);
    assert_true(op->ok);
    assert_int_equal(op->reply_code, 0);
    link_op_free(op);
}

void stage_queue(struct stage *s, char name[40]) {
    char random[17];
    random_hex(random, 8);
    snprintf(name, 40, "crew.test.%s", random);
    struct link_op *op = link_op_new(LINK_DECLARE_QUEUE, name);
    op->exclusive = true;
    stage_must(s, op);
}

void stage_consume(struct stage *s, const char *queue, bool no_ack) {
    struct link_op *op = link_op_new(LINK_CONSUME, queue);
    op->no_ack = no_ack;
    stage_must(s, op);
}

uint32_t stage_depth(struct stage *s, const char *queue) {
    struct link_op *op = stage_do(s, link_op_new(LINK_PROBE_QUEUE, queue));
    assert_true(op->ok);
    uint32_t messages = op->messages;
    link_op_free(op);
    return messages;
}

/* A classic queue counts a rejected or returned message a moment later. */
void stage_expect_depth(struct stage *s, const char *queue, uint32_t depth) {
    uint64_t until_ms = clock_ms() + BOUND_MS;
    while (stage_depth(s, queue) != depth && clock_ms() < until_ms) {
    }
    assert_int_equal(stage_depth(s, queue), depth);
}

struct message *stage_message(const char *queue, const void *body, size_t bytes) {
    struct message_properties p = {.routing_key = queue};
    struct message *m = message_new(&p);
    buffer_append(&m->body, body, bytes);
    return m;
}

enum publish_status stage_publish(struct stage *s, struct message *m) {
    link_publish(s->link, s->epoch, m);
    struct link_event *event = stage_expect(s, LINK_PUBLISHED);
    assert_ptr_equal(event->message, m);
    enum publish_status status = m->status;
    link_event_free(event);
    return status;
}

struct message *stage_delivery(struct stage *s) {
    struct link_event *event = stage_expect(s, LINK_DELIVERY);
    struct message *m = event->message;
    event->message = NULL;
    link_event_free(event);
    return m;
}
