/* Consuming through a link: deliveries, acks, dead letters. */
#include "base/xalloc.h"
#include "cmocka_all.h"
#include "link_fixture.h"
#include "raw_client.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void publish_numbers(struct link_fixture *f, const char *queue, int count) {
    for (int i = 0; i < count; i++) {
        char body[16];
        int bytes = snprintf(body, sizeof body, "%d", i);
        assert_int_equal(
            link_fixture_publish(f, link_fixture_message(queue, body, (size_t)bytes)),
            PUBLISH_CONFIRMED);
    }
}

/* The next delivery is number N. Returns its tag. */
static uint64_t expect_number(struct link_fixture *f, int n, bool redelivered) {
    struct message *m = link_fixture_next_delivery(f);
    buffer_u8(&m->body, 0);
    assert_int_equal(atoi((const char *)m->body.data), n);
    assert_int_equal(m->redelivered, redelivered);
    uint64_t tag = m->delivery_tag;
    message_free(m);
    return tag;
}

/* A queue that outlives a connection. */
static void declare_durable(struct link_fixture *f, const char *queue) {
    struct link_op *op = link_op_new(LINK_DECLARE_QUEUE, queue);
    op->durable = true;
    link_fixture_must_do(f, op);
}

static void test_unacked_messages_are_redelivered(void **state) {
    (void)state;
    const char *queue = "crew.test.acks";
    struct link_fixture f;
    uint64_t tags[10];
    amqp_connection_state_t raw = raw_open();
    link_fixture_open(&f);
    declare_durable(&f, queue);
    publish_numbers(&f, queue, 10);
    link_fixture_consume(&f, queue, false);
    for (int i = 0; i < 10; i++)
        tags[i] = expect_number(&f, i, false);
    const int acked[] = {0, 1, 2, 5, 9, 7};
    for (size_t i = 0; i < sizeof acked / sizeof acked[0]; i++)
        link_ack(f.link, f.epoch, tags[acked[i]]);
    link_fixture_close_within(&f, 2000);

    link_fixture_open(&f);
    link_fixture_consume(&f, queue, false);
    const int left[] = {3, 4, 6, 8};
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++)
        link_ack(f.link, f.epoch, expect_number(&f, left[i], true));
    link_fixture_expect_depth(&f, queue, 0);
    raw_delete(raw, queue);
    link_fixture_close(&f);
    raw_close(raw);
}

/* In a pattern that leaves gaps. The broker closes the AMQP channel on an ack of an
 * unknown tag. */
static void test_thousands_of_acks_out_of_order(void **state) {
    (void)state;
    enum { COUNT = 5000 };
    struct link_fixture f;
    char queue[40];
    link_fixture_open(&f);
    link_fixture_declare_queue(&f, queue);
    for (int i = 0; i < COUNT; i++)
        link_publish(f.link, f.epoch, link_fixture_message(queue, "x", 1));
    link_fixture_consume(&f, queue, false);
    for (int i = 0; i < COUNT; i++)
        message_free(link_fixture_next_delivery(&f));
    for (uint64_t step = 0; step < 3; step++) {
        for (uint64_t tag = 1 + step; tag <= COUNT; tag += 3)
            link_ack(f.link, f.epoch, tag);
        link_fixture_expect_depth(&f, queue, 0); /* the connection is still open */
    }
    assert_null(link_fixture_await(&f, LINK_LOST, 0));
    link_op(f.link, f.epoch, link_op_new(LINK_CANCEL, queue));
    link_fixture_wait_for(&f, LINK_OP_DONE);
    link_fixture_expect_depth(&f, queue, 0);
    link_fixture_close(&f);
}

static void test_requeued_message_is_redelivered(void **state) {
    (void)state;
    struct link_fixture f;
    char queue[40];
    link_fixture_open(&f);
    link_fixture_declare_queue(&f, queue);
    publish_numbers(&f, queue, 1);
    link_fixture_consume(&f, queue, false);
    link_reject(f.link, f.epoch, expect_number(&f, 0, false), true);
    link_ack(f.link, f.epoch, expect_number(&f, 0, true));
    link_fixture_close(&f);
}

/* Two clients with their reply queues bound to one dead-letter exchange. */
static void declare_dead_letters(struct link_fixture *f, const char *exchange,
                                 const char *replies) {
    struct link_op *op = link_op_new(LINK_DECLARE_EXCHANGE, exchange);
    op->type = xstrdup("headers");
    op->auto_delete = true;
    link_fixture_must_do(f, op);
    op = link_op_new(LINK_BIND, replies);
    op->exchange = xstrdup(exchange);
    link_op_text(op, "x-match", "all-with-x");
    link_op_text(op, "x-original-sender", replies);
    link_fixture_must_do(f, op);
    link_fixture_consume(f, replies, true);
}

static void publish_from(struct link_fixture *f, const char *queue, const char *sender,
                         bool expires) {
    struct message_header header = {.name = "x-original-sender", .text = sender};
    struct message_properties p = {.routing_key = queue,
                                   .correlation_id = sender,
                                   .headers = &header,
                                   .header_count = 1,
                                   .has_expiration = expires,
                                   .expiration_ms = 1};
    assert_int_equal(link_fixture_publish(f, message_new(&p)), PUBLISH_CONFIRMED);
}

static void expect_dead(struct link_fixture *f, const char *sender, const char *reason) {
    struct message *m = link_fixture_next_delivery(f);
    assert_string_equal(m->p.correlation_id, sender);
    assert_string_equal(m->p.dead_reason, reason);
    assert_string_equal(message_header(m, "x-original-sender")->text, sender);
    assert_string_equal(m->consumer, sender);
    message_free(m);
}

static void test_dead_letters_reach_their_sender_with_the_reason(void **state) {
    (void)state;
    const char *exchange = "crew.test.DLX";
    struct link_fixture a;
    struct link_fixture b;
    char replies_a[40];
    char replies_b[40];
    char queue[50];
    link_fixture_open(&a);
    link_fixture_open(&b);
    link_fixture_declare_queue(&a, replies_a);
    link_fixture_declare_queue(&b, replies_b);
    declare_dead_letters(&a, exchange, replies_a);
    declare_dead_letters(&b, exchange, replies_b);
    snprintf(queue, sizeof queue, "%s.task", replies_a);
    struct link_op *op = link_op_new(LINK_DECLARE_QUEUE, queue);
    op->exclusive = true;
    link_op_text(op, "x-dead-letter-exchange", exchange);
    link_op_number(op, "x-max-priority", 3);
    link_fixture_must_do(&a, op);

    publish_from(&a, queue, replies_b, true);
    expect_dead(&b, replies_b, "expired");
    publish_from(&a, queue, replies_a, true);
    expect_dead(&a, replies_a, "expired");

    link_fixture_consume(&a, queue, false);
    publish_from(&a, queue, replies_b, false);
    struct message *m = link_fixture_next_delivery(&a);
    assert_null(m->p.dead_reason);
    link_reject(a.link, a.epoch, m->delivery_tag, false);
    message_free(m);
    expect_dead(&b, replies_b, "rejected");
    assert_null(link_fixture_await(&a, LINK_DELIVERY, 0));
    link_fixture_close(&b);
    link_fixture_close(&a);
}

static void set_prefetch(struct link_fixture *f, unsigned prefetch) {
    struct link_op *op = link_op_new(LINK_QOS, "");
    op->prefetch = prefetch;
    link_fixture_must_do(f, op);
}

/* One limit for all queues. */
static void test_prefetch_limits_all_consumers_together(void **state) {
    (void)state;
    struct link_fixture f;
    char queues[2][40];
    link_fixture_open(&f);
    set_prefetch(&f, 3);
    for (int i = 0; i < 2; i++) {
        link_fixture_declare_queue(&f, queues[i]);
        publish_numbers(&f, queues[i], 5);
        link_fixture_consume(&f, queues[i], false);
    }
    uint64_t tag = 0;
    for (int i = 0; i < 3; i++) {
        struct message *m = link_fixture_next_delivery(&f);
        tag = m->delivery_tag;
        message_free(m);
    }
    assert_null(link_fixture_await(&f, LINK_DELIVERY, 200));
    link_ack(f.link, f.epoch, tag);
    message_free(link_fixture_next_delivery(&f));
    assert_null(link_fixture_await(&f, LINK_DELIVERY, 200));
    link_fixture_close(&f);
}

static void test_no_delivery_after_a_cancel(void **state) {
    (void)state;
    struct link_fixture f;
    char queue[40];
    link_fixture_open(&f);
    link_fixture_declare_queue(&f, queue);
    link_fixture_consume(&f, queue, false);
    for (int i = 0; i < 1000; i++)
        link_publish(f.link, f.epoch, link_fixture_message(queue, "x", 1));
    link_fixture_must_do(&f, link_op_new(LINK_CANCEL, queue));
    uint32_t seen = 0;
    for (struct link_event *e; (e = link_fixture_await(&f, LINK_DELIVERY, 0)) != NULL;
         seen++)
        link_event_free(e);
    for (int i = 0; i < 1000; i++)
        link_fixture_wait_for(&f, LINK_PUBLISHED);
    link_fixture_expect_depth(&f, queue, 1000 - seen);
    assert_null(link_fixture_await(&f, LINK_DELIVERY, 0));
    link_fixture_close(&f);
}

static void test_deleting_a_queue_cancels_its_consumer(void **state) {
    (void)state;
    const char *queue = "crew.test.deleted";
    struct link_fixture f;
    amqp_connection_state_t raw = raw_open();
    link_fixture_open(&f);
    declare_durable(&f, queue);
    link_fixture_consume(&f, queue, false);
    raw_delete(raw, queue);
    struct link_event *event = link_fixture_expect(&f, LINK_CONSUMER_CANCELLED);
    assert_string_equal(event->text, queue);
    link_event_free(event);
    raw_close(raw);
    link_fixture_close(&f);
}

/* ---- messages of other clients ---- */

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

static void test_headers_of_all_types_are_read(void **state) {
    (void)state;
    struct link_fixture f;
    char queue[40];
    link_fixture_open(&f);
    link_fixture_declare_queue(&f, queue);
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
    link_fixture_consume(&f, queue, true);
    struct message *m = link_fixture_next_delivery(&f);
    assert_false(m->unreadable);
    assert_string_equal(message_header(m, "bytes")->text, "b");
    assert_int_equal(message_header(m, "true")->number, 1);
    assert_int_equal(message_header(m, "small")->number, -3);
    assert_int_equal(message_header(m, "huge")->number, INT64_MIN);
    assert_null(message_header(m, "double"));
    assert_null(message_header(m, "void"));
    assert_null(m->p.dead_reason);
    message_free(m);
    link_fixture_close(&f);
}

static void test_zero_byte_in_a_text_makes_the_message_unreadable(void **state) {
    (void)state;
    struct link_fixture f;
    char queue[40];
    link_fixture_open(&f);
    link_fixture_declare_queue(&f, queue);
    link_fixture_consume(&f, queue, false);
    char bytes[] = {'a', '\0', 'b'};
    const amqp_bytes_t zero = {.len = sizeof bytes, .bytes = bytes};
    publish_odd(queue, NULL, 0, zero);
    amqp_table_entry_t entry = raw_text("h", "");
    entry.value.value.bytes = zero;
    publish_odd(queue, &entry, 1, amqp_cstring_bytes("id"));
    publish_odd(queue, NULL, 0, amqp_cstring_bytes("id"));
    const bool unreadable[] = {true, true, false};
    for (int i = 0; i < 3; i++) {
        struct message *m = link_fixture_next_delivery(&f);
        assert_int_equal(m->unreadable, unreadable[i]);
        assert_int_equal(m->body.len, 3);
        message_free(m);
    }
    link_fixture_close(&f);
}

/* Nested arrays, as deep as a frame allows: rabbitmq-c decodes them recursively. */
static void test_deeply_nested_headers(void **state) {
    (void)state;
    enum { DEPTH = 26000 };
    struct link_fixture f;
    char queue[40];
    link_fixture_open(&f);
    link_fixture_declare_queue(&f, queue);
    link_fixture_consume(&f, queue, true);
    amqp_field_value_t *levels = xcalloc(1, DEPTH * sizeof *levels);
    for (int i = 0; i < DEPTH; i++) {
        levels[i].kind = AMQP_FIELD_KIND_ARRAY;
        levels[i].value.array.num_entries = i + 1 < DEPTH;
        levels[i].value.array.entries = &levels[i] + 1;
    }
    amqp_table_entry_t entry = {.key = amqp_cstring_bytes("deep"), .value = levels[0]};
    publish_odd(queue, &entry, 1, amqp_cstring_bytes("id"));
    struct message *m = link_fixture_next_delivery(&f);
    assert_string_equal(m->p.correlation_id, "id");
    assert_null(message_header(m, "deep"));
    message_free(m);
    free(levels);
    link_fixture_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unacked_messages_are_redelivered),
        cmocka_unit_test(test_thousands_of_acks_out_of_order),
        cmocka_unit_test(test_requeued_message_is_redelivered),
        cmocka_unit_test(test_dead_letters_reach_their_sender_with_the_reason),
        cmocka_unit_test(test_prefetch_limits_all_consumers_together),
        cmocka_unit_test(test_no_delivery_after_a_cancel),
        cmocka_unit_test(test_deleting_a_queue_cancels_its_consumer),
        cmocka_unit_test(test_headers_of_all_types_are_read),
        cmocka_unit_test(test_zero_byte_in_a_text_makes_the_message_unreadable),
        cmocka_unit_test(test_deeply_nested_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
