/* Publishing through a link. */
#include "base/xalloc.h"
#include "cmocka_all.h"
#include "link_fixture.h"
#include "raw_client.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_message_arrives_with_all_its_properties(void **state) {
    (void)state;
    struct link_fixture f;
    char queue[40];
    link_fixture_open(&f);
    link_fixture_declare_queue(&f, queue);
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
    assert_int_equal(link_fixture_publish(&f, m), PUBLISH_CONFIRMED);

    link_fixture_consume(&f, queue, false);
    struct message *in = link_fixture_next_delivery(&f);
    assert_string_equal(in->consumer, queue);
    assert_int_equal(in->epoch, f.epoch);
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
    link_fixture_close(&f);
}

static void test_message_without_properties_has_none(void **state) {
    (void)state;
    struct link_fixture f;
    char queue[40];
    link_fixture_open(&f);
    link_fixture_declare_queue(&f, queue);
    assert_int_equal(link_fixture_publish(&f, link_fixture_message(queue, "", 0)),
                     PUBLISH_CONFIRMED);
    link_fixture_consume(&f, queue, true);
    struct message *in = link_fixture_next_delivery(&f);
    assert_null(in->p.content_type);
    assert_null(in->p.correlation_id);
    assert_null(in->p.reply_to);
    assert_int_equal(in->p.header_count, 0);
    assert_false(in->p.has_expiration);
    assert_false(in->p.persistent);
    assert_int_equal(in->body.len, 0);
    message_free(in);
    link_fixture_close(&f);
}

static struct message *mandatory(const char *queue) {
    struct message_properties p = {.routing_key = queue, .mandatory = true};
    return message_new(&p);
}

static void test_message_to_no_queue_is_returned(void **state) {
    (void)state;
    struct link_fixture f;
    link_fixture_open(&f);
    assert_int_equal(link_fixture_publish(&f, mandatory("crew.test.none")),
                     PUBLISH_RETURNED);
    /* Not mandatory: the broker confirms and drops it. */
    assert_int_equal(
        link_fixture_publish(&f, link_fixture_message("crew.test.none", "x", 1)),
        PUBLISH_CONFIRMED);
    link_fixture_close(&f);
}

/* Many at once, every third to a queue that does not exist. */
static void test_only_unroutable_messages_are_returned(void **state) {
    (void)state;
    enum { COUNT = 600 };
    struct link_fixture f;
    char queue[40];
    bool lost[COUNT];
    link_fixture_open(&f);
    link_fixture_declare_queue(&f, queue);
    struct message *list = NULL;
    struct message **end = &list;
    for (int i = 0; i < COUNT; i++) {
        char id[16];
        lost[i] = i % 3 == 1;
        snprintf(id, sizeof id, "%d", i / 2); /* ids need not be unique */
        struct message_properties p = {.routing_key = lost[i] ? "crew.test.none" : queue,
                                       .correlation_id = id,
                                       .mandatory = true};
        *end = message_new(&p);
        buffer_append_text(&(*end)->body, "some body");
        (*end)->owner = &lost[i];
        end = &(*end)->next;
    }
    link_publish(f.link, f.epoch, list);
    for (int i = 0; i < COUNT; i++) {
        struct link_event *event = link_fixture_expect(&f, LINK_PUBLISHED);
        bool was_lost = *(bool *)event->message->owner;
        assert_int_equal(event->message->status,
                         was_lost ? PUBLISH_RETURNED : PUBLISH_CONFIRMED);
        link_event_free(event);
    }
    link_fixture_expect_depth(&f, queue, COUNT - COUNT / 3);
    link_fixture_close(&f);
}

static void test_full_queue_nacks(void **state) {
    (void)state;
    struct link_fixture f;
    const char *queue = "crew.test.full";
    amqp_connection_state_t raw = raw_open();
    raw_declare_full(raw, queue, 2);
    link_fixture_open(&f);
    assert_int_equal(link_fixture_publish(&f, link_fixture_message(queue, "1", 1)),
                     PUBLISH_CONFIRMED);
    assert_int_equal(link_fixture_publish(&f, link_fixture_message(queue, "2", 1)),
                     PUBLISH_CONFIRMED);
    assert_int_equal(link_fixture_publish(&f, link_fixture_message(queue, "3", 1)),
                     PUBLISH_NACKED);
    assert_int_equal(link_fixture_queue_depth(&f, queue), 2);
    raw_delete(raw, queue);
    raw_close(raw);
    link_fixture_close(&f);
}

static void test_message_that_cannot_be_encoded_is_nacked(void **state) {
    (void)state;
    struct link_fixture f;
    char name[300];
    memset(name, 'n', sizeof name);
    name[299] = '\0';
    link_fixture_open(&f);
    assert_int_equal(link_fixture_publish(&f, link_fixture_message(name, "x", 1)),
                     PUBLISH_NACKED);
    char *large = xcalloc(1, 200001);
    memset(large, 'h', 200000);
    struct message_header header = {.name = "h", .text = large};
    struct message_properties p = {
        .routing_key = "q", .headers = &header, .header_count = 1};
    assert_int_equal(link_fixture_publish(&f, message_new(&p)), PUBLISH_NACKED);
    free(large);
    assert_int_equal(link_fixture_publish(&f, mandatory("crew.test.none")),
                     PUBLISH_RETURNED);
    link_fixture_close(&f);
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

/* Around the limits of copying (16 KiB) and of a frame (131072 - 8), and a large one. */
static void test_bodies_of_all_sizes_arrive_unchanged(void **state) {
    (void)state;
    const size_t sizes[] = {0,      1,      16384,  16385,  131063,
                            131064, 131065, 262128, 262129, 10u << 20};
    const size_t count = sizeof sizes / sizeof sizes[0];
    struct link_fixture f;
    char queue[40];
    link_fixture_open(&f);
    link_fixture_declare_queue(&f, queue);
    link_fixture_consume(&f, queue, true);
    for (size_t i = 0; i < count; i++) {
        struct message *m = link_fixture_message(queue, "", 0);
        fill(&m->body, sizes[i], (uint32_t)i);
        link_publish(f.link, f.epoch,
                     m); /* without waiting, so that several are queued */
    }
    for (size_t i = 0; i < count; i++) {
        struct message *in = link_fixture_next_delivery(&f);
        struct buffer expected = BUFFER_INIT;
        fill(&expected, sizes[i], (uint32_t)i);
        assert_int_equal(in->body.len, sizes[i]);
        if (sizes[i] > 0)
            assert_memory_equal(in->body.data, expected.data, sizes[i]);
        buffer_fini(&expected);
        message_free(in);
    }
    for (size_t i = 0; i < count; i++) {
        struct link_event *event = link_fixture_expect(&f, LINK_PUBLISHED);
        assert_int_equal(event->message->status, PUBLISH_CONFIRMED);
        link_event_free(event);
    }
    link_fixture_close(&f);
}

/* More than the link queues for the socket at a time. */
static void test_many_messages_at_once_are_all_confirmed(void **state) {
    (void)state;
    enum { COUNT = 20000 };
    struct link_fixture f;
    char queue[40];
    char body[500] = "";
    link_fixture_open(&f);
    link_fixture_declare_queue(&f, queue);
    for (int i = 0; i < COUNT; i++)
        link_publish(f.link, f.epoch, link_fixture_message(queue, body, sizeof body));
    for (int i = 0; i < COUNT; i++) {
        struct link_event *event = link_fixture_expect(&f, LINK_PUBLISHED);
        assert_int_equal(event->message->status, PUBLISH_CONFIRMED);
        link_event_free(event);
    }
    link_fixture_expect_depth(&f, queue, COUNT);
    link_fixture_close(&f);
}

static void test_commands_of_an_old_epoch_are_not_executed(void **state) {
    (void)state;
    struct link_fixture f;
    char queue[40];
    link_fixture_open(&f);
    link_fixture_declare_queue(&f, queue);
    f.epoch++;
    assert_int_equal(link_fixture_publish(&f, link_fixture_message(queue, "x", 1)),
                     PUBLISH_UNSENT);
    struct link_op *op = link_fixture_do(&f, link_op_new(LINK_PROBE_QUEUE, queue));
    assert_false(op->ok);
    assert_int_equal(op->reply_code, 0);
    link_op_free(op);
    f.epoch--;
    assert_int_equal(link_fixture_queue_depth(&f, queue), 0);
    link_fixture_close(&f);
}

/* link_free flushes for FLUSH_MS. */
static void test_free_sends_queued_messages(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    struct link_fixture keeper;
    struct link_fixture f;
    char queue[40];
    link_fixture_open(&keeper);
    link_fixture_declare_queue(&keeper, queue);
    link_fixture_open(&f);
    for (int i = 0; i < COUNT; i++)
        link_publish(f.link, f.epoch, link_fixture_message(queue, "x", 1));
    link_fixture_close_within(&f, 5000);
    link_fixture_expect_depth(&keeper, queue, COUNT);
    link_fixture_close(&keeper);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message_arrives_with_all_its_properties),
        cmocka_unit_test(test_message_without_properties_has_none),
        cmocka_unit_test(test_message_to_no_queue_is_returned),
        cmocka_unit_test(test_only_unroutable_messages_are_returned),
        cmocka_unit_test(test_full_queue_nacks),
        cmocka_unit_test(test_message_that_cannot_be_encoded_is_nacked),
        cmocka_unit_test(test_bodies_of_all_sizes_arrive_unchanged),
        cmocka_unit_test(test_many_messages_at_once_are_all_confirmed),
        cmocka_unit_test(test_commands_of_an_old_epoch_are_not_executed),
        cmocka_unit_test(test_free_sends_queued_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
