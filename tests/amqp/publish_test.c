/* Publishing through a link to a real broker. */
#include "base/xalloc.h"
#include "cmocka_all.h"
#include "raw.h"
#include "stage.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_message_arrives_with_all_its_properties(void **state) {
    (void)state;
    struct stage s;
    char queue[40];
    stage_open(&s);
    stage_queue(&s, queue);
    const struct message_header headers[] = {{"crew-text", "caf\xc3\xa9", 0},
                                             {"crew-number", NULL, -5000000000},
                                             {"e", "", 0}};
    struct message_properties p = {.routing_key = queue,
                                   .content_type = "text/plain",
                                   .content_encoding = "gzip",
                                   .correlation_id = "id-1",
                                   .reply_to = "crew.master.x",
                                   .message_id = "m-1",
                                   .type = "t",
                                   .headers = headers,
                                   .header_count = 3,
                                   .has_expiration = true,
                                   .expiration_ms = 60000,
                                   .timestamp_s = 1700000000,
                                   .priority = 3,
                                   .persistent = true,
                                   .mandatory = true};
    struct message *m = message_new(&p);
    buffer_append(&m->body, "a\0b", 3);
    assert_int_equal(stage_publish(&s, m), PUBLISH_CONFIRMED);

    stage_consume(&s, queue, false);
    struct message *in = stage_delivery(&s);
    assert_string_equal(in->consumer, queue);
    assert_int_equal(in->epoch, s.epoch);
    assert_int_equal(in->delivery_tag, 1);
    assert_false(in->redelivered);
    assert_false(in->unreadable);
    assert_string_equal(in->p.exchange, "");
    assert_string_equal(in->p.routing_key, queue);
    assert_string_equal(in->p.content_type, "text/plain");
    assert_string_equal(in->p.content_encoding, "gzip");
    assert_string_equal(in->p.correlation_id, "id-1");
    assert_string_equal(in->p.reply_to, "crew.master.x");
    assert_string_equal(in->p.message_id, "m-1");
    assert_string_equal(in->p.type, "t");
    assert_null(in->p.dead_reason);
    assert_int_equal(in->p.header_count, 3);
    assert_string_equal(message_header(in, "crew-text")->text, "caf\xc3\xa9");
    assert_int_equal(message_header(in, "crew-number")->number, -5000000000);
    assert_string_equal(message_header(in, "e")->text, "");
    assert_true(in->p.has_expiration);
    assert_int_equal(in->p.expiration_ms, 60000);
    assert_int_equal(in->p.timestamp_s, 1700000000);
    assert_int_equal(in->p.priority, 3);
    assert_true(in->p.persistent);
    assert_int_equal(in->body.len, 3);
    assert_memory_equal(in->body.data, "a\0b", 3);
    message_free(in);
    stage_close(&s);
}

static void test_message_without_properties_has_none(void **state) {
    (void)state;
    struct stage s;
    char queue[40];
    stage_open(&s);
    stage_queue(&s, queue);
    assert_int_equal(stage_publish(&s, stage_message(queue, "", 0)), PUBLISH_CONFIRMED);
    stage_consume(&s, queue, true);
    struct message *in = stage_delivery(&s);
    assert_null(in->p.content_type);
    assert_null(in->p.correlation_id);
    assert_null(in->p.reply_to);
    assert_int_equal(in->p.header_count, 0);
    assert_false(in->p.has_expiration);
    assert_false(in->p.persistent);
    assert_int_equal(in->body.len, 0);
    message_free(in);
    stage_close(&s);
}

static struct message *mandatory(const char *queue) {
    struct message_properties p = {.routing_key = queue, .mandatory = true};
    return message_new(&p);
}

static void test_message_to_no_queue_is_returned(void **state) {
    (void)state;
    struct stage s;
    stage_open(&s);
    assert_int_equal(stage_publish(&s, mandatory("crew.test.none")), PUBLISH_RETURNED);
    /* Not mandatory: the broker takes it and throws it away. */
    assert_int_equal(stage_publish(&s, stage_message("crew.test.none", "x", 1)),
                     PUBLISH_CONFIRMED);
    stage_close(&s);
}

/* Many at once, every third to a queue that is not there, bodies included. */
static void test_returns_are_told_apart(void **state) {
    (void)state;
    enum { COUNT = 600 };
    struct stage s;
    char queue[40];
    bool lost[COUNT];
    stage_open(&s);
    stage_queue(&s, queue);
    struct message *list = NULL;
    struct message **end = &list;
    for (int i = 0; i < COUNT; i++) {
        char id[16];
        lost[i] = i % 3 == 1;
        snprintf(id, sizeof id, "%d", i / 2); /* not unique, as after a repetition */
        struct message_properties p = {.routing_key = lost[i] ? "crew.test.none" : queue,
                                       .correlation_id = id,
                                       .mandatory = true};
        *end = message_new(&p);
        buffer_append_text(&(*end)->body, "some body");
        (*end)->owner = &lost[i];
        end = &(*end)->next;
    }
    link_publish(s.link, s.epoch, list);
    for (int i = 0; i < COUNT; i++) {
        struct link_event *event = stage_expect(&s, LINK_PUBLISHED);
        bool was_lost = *(bool *)event->message->owner;
        assert_int_equal(event->message->status,
                         was_lost ? PUBLISH_RETURNED : PUBLISH_CONFIRMED);
        link_event_free(event);
    }
    stage_expect_depth(&s, queue, COUNT - COUNT / 3);
    stage_close(&s);
}

static void test_full_queue_refuses(void **state) {
    (void)state;
    struct stage s;
    const char *queue = "crew.test.full";
    amqp_connection_state_t raw = raw_open();
    raw_declare_full(raw, queue, 2);
    stage_open(&s);
    assert_int_equal(stage_publish(&s, stage_message(queue, "1", 1)), PUBLISH_CONFIRMED);
    assert_int_equal(stage_publish(&s, stage_message(queue, "2", 1)), PUBLISH_CONFIRMED);
    assert_int_equal(stage_publish(&s, stage_message(queue, "3", 1)), PUBLISH_NACKED);
    assert_int_equal(stage_depth(&s, queue), 2);
    raw_delete(raw, queue);
    raw_close(raw);
    stage_close(&s);
}

static void test_what_amqp_cannot_carry_is_refused(void **state) {
    (void)state;
    struct stage s;
    char name[300];
    memset(name, 'n', sizeof name);
    name[299] = '\0';
    stage_open(&s);
    assert_int_equal(stage_publish(&s, stage_message(name, "x", 1)), PUBLISH_NACKED);
    char *large = xcalloc(1, 200001);
    memset(large, 'h', 200000);
    struct message_header header = {.name = "h", .text = large};
    struct message_properties p = {
        .routing_key = "q", .headers = &header, .header_count = 1};
    assert_int_equal(stage_publish(&s, message_new(&p)), PUBLISH_NACKED);
    free(large);
    assert_int_equal(stage_publish(&s, mandatory("crew.test.none")), PUBLISH_RETURNED);
    stage_close(&s);
}

static void fill(struct buffer *body, size_t bytes, uint32_t seed) {
    uint8_t *to = buffer_reserve(body, bytes);
    assert_true(bytes == 0 || to != NULL);
    for (size_t i = 0; i < bytes; i++) {
        seed = seed * 1664525u + 1013904223u;
        to[i] = (uint8_t)(seed >> 24);
    }
    body->len = bytes;
}

/* Around the edges of copying (16 KiB), of a frame (131072 - 8), and far beyond. */
static void test_bodies_of_all_sizes_come_back(void **state) {
    (void)state;
    const size_t sizes[] = {0,      1,      16384,  16385,  131063,
                            131064, 131065, 262128, 262129, 10u << 20};
    const size_t count = sizeof sizes / sizeof sizes[0];
    struct stage s;
    char queue[40];
    stage_open(&s);
    stage_queue(&s, queue);
    stage_consume(&s, queue, true);
    for (size_t i = 0; i < count; i++) {
        struct message *m = stage_message(queue, "", 0);
        fill(&m->body, sizes[i], (uint32_t)i);
        link_publish(s.link, s.epoch,
                     m); /* not waited for: they lie one behind the other */
    }
    for (size_t i = 0; i < count; i++) {
        struct message *in = stage_delivery(&s);
        struct buffer wanted = BUFFER_INIT;
        fill(&wanted, sizes[i], (uint32_t)i);
        assert_int_equal(in->body.len, sizes[i]);
        if (sizes[i] > 0)
            assert_memory_equal(in->body.data, wanted.data, sizes[i]);
        buffer_fini(&wanted);
        message_free(in);
    }
    for (size_t i = 0; i < count; i++) {
        struct link_event *event = stage_expect(&s, LINK_PUBLISHED);
        assert_int_equal(event->message->status, PUBLISH_CONFIRMED);
        link_event_free(event);
    }
    stage_close(&s);
}

/* More at once than the link hands to the socket at a time. */
static void test_a_flood_is_confirmed_in_full(void **state) {
    (void)state;
    enum { COUNT = 20000 };
    struct stage s;
    char queue[40];
    char body[500] = "";
    stage_open(&s);
    stage_queue(&s, queue);
    for (int i = 0; i < COUNT; i++)
        link_publish(s.link, s.epoch, stage_message(queue, body, sizeof body));
    for (int i = 0; i < COUNT; i++) {
        struct link_event *event = stage_expect(&s, LINK_PUBLISHED);
        assert_int_equal(event->message->status, PUBLISH_CONFIRMED);
        link_event_free(event);
    }
    stage_expect_depth(&s, queue, COUNT);
    stage_close(&s);
}

static void test_an_old_epoch_is_not_served(void **state) {
    (void)state;
    struct stage s;
    char queue[40];
    stage_open(&s);
    stage_queue(&s, queue);
    s.epoch++;
    assert_int_equal(stage_publish(&s, stage_message(queue, "x", 1)), PUBLISH_UNSENT);
    struct link_op *op = stage_do(&s, link_op_new(LINK_PROBE_QUEUE, queue));
    assert_false(op->ok);
    assert_int_equal(op->reply_code, 0);
    link_op_free(op);
    s.epoch--;
    assert_int_equal(stage_depth(&s, queue), 0);
    stage_close(&s);
}

/* link_free gives what was handed over its time. */
static void test_free_flushes(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    struct stage keeper;
    struct stage s;
    char queue[40];
    stage_open(&keeper);
    stage_queue(&keeper, queue);
    stage_open(&s);
    for (int i = 0; i < COUNT; i++)
        link_publish(s.link, s.epoch, stage_message(queue, "x", 1));
    stage_close_within(&s, 5000);
    stage_expect_depth(&keeper, queue, COUNT);
    stage_close(&keeper);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message_arrives_with_all_its_properties),
        cmocka_unit_test(test_message_without_properties_has_none),
        cmocka_unit_test(test_message_to_no_queue_is_returned),
        cmocka_unit_test(test_returns_are_told_apart),
        cmocka_unit_test(test_full_queue_refuses),
        cmocka_unit_test(test_what_amqp_cannot_carry_is_refused),
        cmocka_unit_test(test_bodies_of_all_sizes_come_back),
        cmocka_unit_test(test_a_flood_is_confirmed_in_full),
        cmocka_unit_test(test_an_old_epoch_is_not_served),
        cmocka_unit_test(test_free_flushes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
