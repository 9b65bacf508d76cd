/* Consuming through a link from a real broker: deliveries, acks, dead letters. */
#include "base/xalloc.h"
#include "cmocka_all.h"
#include "raw.h"
#include "stage.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void publish_numbers(struct stage *s, const char *queue, int count) {
    for (int i = 0; i < count; i++) {
        char body[16];
        int bytes = snprintf(body, sizeof body, "%d", i);
        assert_int_equal(stage_publish(s, stage_message(queue, body, (size_t)bytes)),
                         PUBLISH_CONFIRMED);
    }
}

/* The next delivery is number N; its tag. */
static uint64_t expect_number(struct stage *s, int n, bool redelivered) {
    struct message *m = stage_delivery(s);
    buffer_u8(&m->body, 0);
    assert_int_equal(atoi((const char *)m->body.data), n);
    assert_int_equal(m->redelivered, redelivered);
    uint64_t tag = m->delivery_tag;
    message_free(m);
    return tag;
}

/* A queue that outlives a connection. */
static void declare_durable(struct stage *s, const char *queue) {
    struct link_op *op = link_op_new(LINK_DECLARE_QUEUE, queue);
    op->durable = true;
    stage_must(s, op);
}

static void test_what_is_acked_is_gone_and_the_rest_comes_again(void **state) {
    (void)state;
    const char *queue = "crew.test.acks";
    struct stage s;
    uint64_t tags[10];
    amqp_connection_state_t raw = raw_open();
    stage_open(&s);
    declare_durable(&s, queue);
    publish_numbers(&s, queue, 10);
    stage_consume(&s, queue, false);
    for (int i = 0; i < 10; i++)
        tags[i] = expect_number(&s, i, false);
    const int acked[] = {0, 1, 2, 5, 9, 7};
    for (size_t i = 0; i < sizeof acked / sizeof acked[0]; i++)
        link_ack(s.link, s.epoch, tags[acked[i]]);
    stage_close_within(&s, 2000);

    stage_open(&s);
    stage_consume(&s, queue, false);
    const int left[] = {3, 4, 6, 8};
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++)
        link_ack(s.link, s.epoch, expect_number(&s, left[i], true));
    stage_expect_depth(&s, queue, 0);
    raw_delete(raw, queue);
    stage_close(&s);
    raw_close(raw);
}

/* Thousands, in a pattern that leaves gaps: the broker closes the channel at the first
 * ack of a tag that it does not know. */
static void test_acks_of_many_in_odd_order(void **state) {
    (void)state;
    enum { COUNT = 5000 };
    struct stage s;
    char queue[40];
    stage_open(&s);
    stage_queue(&s, queue);
    for (int i = 0; i < COUNT; i++)
        link_publish(s.link, s.epoch, stage_message(queue, "x", 1));
    stage_consume(&s, queue, false);
    for (int i = 0; i < COUNT; i++)
        message_free(stage_delivery(&s));
    for (uint64_t step = 0; step < 3; step++) {
        for (uint64_t tag = 1 + step; tag <= COUNT; tag += 3)
            link_ack(s.link, s.epoch, tag);
        stage_expect_depth(&s, queue, 0); /* the link is well */
    }
    assert_null(stage_await(&s, LINK_LOST, 0));
    link_op(s.link, s.epoch, link_op_new(LINK_CANCEL, queue));
    stage_pass(&s, LINK_OP_DONE);
    stage_expect_depth(&s, queue, 0);
    stage_close(&s);
}

static void test_requeue_brings_it_again(void **state) {
    (void)state;
    struct stage s;
    char queue[40];
    stage_open(&s);
    stage_queue(&s, queue);
    publish_numbers(&s, queue, 1);
    stage_consume(&s, queue, false);
    link_reject(s.link, s.epoch, expect_number(&s, 0, false), true);
    link_ack(s.link, s.epoch, expect_number(&s, 0, true));
    stage_close(&s);
}

/* Two clients with reply queues at one dead-letter exchange. */
static void declare_dead_letters(struct stage *s, const char *exchange,
                                 const char *replies) {
    struct link_op *op = link_op_new(LINK_DECLARE_EXCHANGE, exchange);
    op->type = xstrdup("headers");
    op->auto_delete = true;
    stage_must(s, op);
    op = link_op_new(LINK_BIND, replies);
    op->exchange = xstrdup(exchange);
    link_op_text(op, "x-match", "all-with-x");
    link_op_text(op, "x-original-sender", replies);
    stage_must(s, op);
    stage_consume(s, replies, true);
}

static void publish_from(struct stage *s, const char *queue, const char *sender,
                         bool expires) {
    struct message_header header = {.name = "x-original-sender", .text = sender};
    struct message_properties p = {.routing_key = queue,
                                   .correlation_id = sender,
                                   .headers = &header,
                                   .header_count = 1,
                                   .has_expiration = expires,
                                   .expiration_ms = 1};
    assert_int_equal(stage_publish(s, message_new(&p)), PUBLISH_CONFIRMED);
}

static void expect_dead(struct stage *s, const char *sender, const char *reason) {
    struct message *m = stage_delivery(s);
    assert_string_equal(m->p.correlation_id, sender);
    assert_string_equal(m->p.dead_reason, reason);
    assert_string_equal(message_header(m, "x-original-sender")->text, sender);
    assert_string_equal(m->consumer, sender);
    message_free(m);
}

static void test_dead_letters_come_to_their_sender_with_the_reason(void **state) {
    (void)state;
    const char *exchange = "crew.test.DLX";
    struct stage a;
    struct stage b;
    char replies_a[40];
    char replies_b[40];
    char queue[50];
    stage_open(&a);
    stage_open(&b);
    stage_queue(&a, replies_a);
    stage_queue(&b, replies_b);
    declare_dead_letters(&a, exchange, replies_a);
    declare_dead_letters(&b, exchange, replies_b);
    snprintf(queue, sizeof queue, "%s.task", replies_a);
    struct link_op *op = link_op_new(LINK_DECLARE_QUEUE, queue);
    op->exclusive = true;
    link_op_text(op, "x-dead-letter-exchange", exchange);
    link_op_number(op, "x-max-priority", 3);
    stage_must(&a, op);

    publish_from(&a, queue, replies_b, true);
    expect_dead(&b, replies_b, "expired");
    publish_from(&a, queue, replies_a, true);
    expect_dead(&a, replies_a, "expired");

    stage_consume(&a, queue, false);
    publish_from(&a, queue, replies_b, false);
    struct message *m = stage_delivery(&a);
    assert_null(m->p.dead_reason);
    link_reject(a.link, a.epoch, m->delivery_tag, false);
    message_free(m);
    expect_dead(&b, replies_b, "rejected");
    assert_null(stage_await(&a, LINK_DELIVERY, 0));
    stage_close(&b);
    stage_close(&a);
}

static void set_prefetch(struct stage *s, unsigned prefetch) {
    struct link_op *op = link_op_new(LINK_QOS, "");
    op->prefetch = prefetch;
    stage_must(s, op);
}

/* One limit over all queues. */
static void test_prefetch_counts_over_all_consumers(void **state) {
    (void)state;
    struct stage s;
    char queues[2][40];
    stage_open(&s);
    set_prefetch(&s, 3);
    for (int i = 0; i < 2; i++) {
        stage_queue(&s, queues[i]);
        publish_numbers(&s, queues[i], 5);
        stage_consume(&s, queues[i], false);
    }
    uint64_t tag = 0;
    for (int i = 0; i < 3; i++) {
        struct message *m = stage_delivery(&s);
        tag = m->delivery_tag;
        message_free(m);
    }
    assert_null(stage_await(&s, LINK_DELIVERY, 200));
    link_ack(s.link, s.epoch, tag);
    message_free(stage_delivery(&s));
    assert_null(stage_await(&s, LINK_DELIVERY, 200));
    stage_close(&s);
}

static void test_nothing_comes_after_a_cancel(void **state) {
    (void)state;
    struct stage s;
    char queue[40];
    stage_open(&s);
    stage_queue(&s, queue);
    stage_consume(&s, queue, false);
    for (int i = 0; i < 1000; i++)
        link_publish(s.link, s.epoch, stage_message(queue, "x", 1));
    stage_must(&s, link_op_new(LINK_CANCEL, queue));
    uint32_t seen = 0;
    for (struct link_event *e; (e = stage_await(&s, LINK_DELIVERY, 0)) != NULL; seen++)
        link_event_free(e);
    for (int i = 0; i < 1000; i++)
        stage_pass(&s, LINK_PUBLISHED);
    stage_expect_depth(&s, queue, 1000 - seen);
    assert_null(stage_await(&s, LINK_DELIVERY, 0));
    stage_close(&s);
}

static void test_a_deleted_queue_tells_its_consumer(void **state) {
    (void)state;
    const char *queue = "crew.test.deleted";
    struct stage s;
    amqp_connection_state_t raw = raw_open();
    stage_open(&s);
    declare_durable(&s, queue);
    stage_consume(&s, queue, false);
    raw_delete(raw, queue);
    struct link_event *event = stage_expect(&s, LINK_CONSUMER_CANCELLED);
    assert_string_equal(event->text, queue);
    link_event_free(event);
    raw_close(raw);
    stage_close(&s);
}

/* ---- what other clients send ---- */

static void publish_odd(const char *queue, amqp_table_entry_t *entries, int count,
                        amqp_bytes_t correlation_id) {
    amqp_connection_state_t raw = raw_open();
    amqp_basic_properties_t p = {._flags = AMQP_BASIC_HEADERS_FLAG |
                                           AMQP_BASIC_CORRELATION_ID_FLAG,
                                 .headers = {.num_entries = count, .entries = entries},
                                 .correlation_id = correlation_id};
    raw_publish(raw, queue, &p, "odd");
    raw_close(raw);
}

static void test_headers_of_other_kinds(void **state) {
    (void)state;
    struct stage s;
    char queue[40];
    stage_open(&s);
    stage_queue(&s, queue);
    amqp_table_entry_t entries[] = {raw_text("bytes", "b"),
                                    {.key = amqp_cstring_bytes("true")},
                                    {.key = amqp_cstring_bytes("small")},
                                    {.key = amqp_cstring_bytes("double")},
                                    {.key = amqp_cstring_bytes("void")},
                                    {.key = amqp_cstring_bytes("huge")},
                                    {.key = amqp_cstring_bytes("x-death")}};
    entries[0].value.kind = AMQP_FIELD_KIND_BYTES;
    entries[1].value = (amqp_field_value_t){AMQP_FIELD_KIND_BOOLEAN, {.boolean = 1}};
    entries[2].value = (amqp_field_value_t){AMQP_FIELD_KIND_I8, {.i8 = -3}};
    entries[3].value = (amqp_field_value_t){AMQP_FIELD_KIND_F64, {.f64 = 1.5}};
    entries[4].value.kind = AMQP_FIELD_KIND_VOID;
    entries[5].value = (amqp_field_value_t){AMQP_FIELD_KIND_I64, {.i64 = INT64_MIN}};
    entries[6].value = (amqp_field_value_t){AMQP_FIELD_KIND_I32, {.i32 = 1}};
    publish_odd(queue, entries, 7, amqp_cstring_bytes("id"));
    stage_consume(&s, queue, true);
    struct message *m = stage_delivery(&s);
    assert_false(m->unreadable);
    assert_string_equal(message_header(m, "bytes")->text, "b");
    assert_int_equal(message_header(m, "true")->number, 1);
    assert_int_equal(message_header(m, "small")->number, -3);
    assert_int_equal(message_header(m, "huge")->number, INT64_MIN);
    assert_null(message_header(m, "double"));
    assert_null(message_header(m, "void"));
    assert_null(m->p.dead_reason);
    message_free(m);
    stage_close(&s);
}

static void test_a_zero_byte_makes_it_unreadable(void **state) {
    (void)state;
    struct stage s;
    char queue[40];
    stage_open(&s);
    stage_queue(&s, queue);
    stage_consume(&s, queue, false);
    char bytes[] = {'a', '\0', 'b'};
    const amqp_bytes_t zero = {.len = sizeof bytes, .bytes = bytes};
    publish_odd(queue, NULL, 0, zero);
    amqp_table_entry_t entry = raw_text("h", "");
    entry.value.value.bytes = zero;
    publish_odd(queue, &entry, 1, amqp_cstring_bytes("id"));
    publish_odd(queue, NULL, 0, amqp_cstring_bytes("id"));
    const bool unreadable[] = {true, true, false};
    for (int i = 0; i < 3; i++) {
        struct message *m = stage_delivery(&s);
        assert_int_equal(m->unreadable, unreadable[i]);
        assert_int_equal(m->body.len, 3);
        message_free(m);
    }
    stage_close(&s);
}

/* Arrays in arrays, as deep as a frame can hold: rabbitmq-c recurses. */
static void test_deeply_nested_headers(void **state) {
    (void)state;
    enum { DEPTH = 26000 };
    struct stage s;
    char queue[40];
    stage_open(&s);
    stage_queue(&s, queue);
    stage_consume(&s, queue, true);
    amqp_field_value_t *levels = xcalloc(1, DEPTH * sizeof *levels);
    for (int i = 0; i < DEPTH; i++) {
        levels[i].kind = AMQP_FIELD_KIND_ARRAY;
        levels[i].value.array.num_entries = i + 1 < DEPTH;
        levels[i].value.array.entries = &levels[i] + 1;
    }
    amqp_table_entry_t entry = {.key = amqp_cstring_bytes("deep"), .value = levels[0]};
    publish_odd(queue, &entry, 1, amqp_cstring_bytes("id"));
    struct message *m = stage_delivery(&s);
    assert_string_equal(m->p.correlation_id, "id");
    assert_null(message_header(m, "deep"));
    message_free(m);
    free(levels);
    stage_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_acked_is_gone_and_the_rest_comes_again),
        cmocka_unit_test(test_acks_of_many_in_odd_order),
        cmocka_unit_test(test_requeue_brings_it_again),
        cmocka_unit_test(test_dead_letters_come_to_their_sender_with_the_reason),
        cmocka_unit_test(test_prefetch_counts_over_all_consumers),
        cmocka_unit_test(test_nothing_comes_after_a_cancel),
        cmocka_unit_test(test_a_deleted_queue_tells_its_consumer),
        cmocka_unit_test(test_headers_of_other_kinds),
        cmocka_unit_test(test_a_zero_byte_makes_it_unreadable),
        cmocka_unit_test(test_deeply_nested_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
