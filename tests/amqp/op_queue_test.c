/* Topology operations against a simulated broker: the methods that are written, and the
 * replies that are given back. */
#include "amqp/op_queue.h"
#include "cmocka_all.h"
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct transport transport;
    struct acks acks;
    struct event_list events;
    struct op_queue ops;
};

static int set_up(void **state) {
    static struct fixture f;
    f = (struct fixture){.transport = {.frame_max = 4096}};
    acks_init(&f.acks);
    op_queue_init(&f.ops, &f.transport, &f.acks, &f.events);
    *state = &f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    op_queue_fail_all(&f->ops);
    event_list_free(&f->events);
    acks_fini(&f->acks);
    transport_fini(&f->transport);
    return 0;
}

static struct link_op *add(struct fixture *f, enum link_op_kind kind, const char *name) {
    struct link_op *op = link_op_new(kind, name);
    op_queue_add(&f->ops, op);
    op_queue_advance(&f->ops);
    return op;
}

/* The next method that was written is ID on CHANNEL. */
static void expect_written(struct fixture *f, amqp_channel_t channel,
                           amqp_method_number_t id) {
    struct buffer *b = &f->transport.encoded;
    assert_true(b->len >= 12);
    assert_int_equal(bytes_u16(b->data + 1), channel);
    assert_int_equal(bytes_u32(b->data + 7), id);
    buffer_consume(b, bytes_u32(b->data + 3) + 8);
}

static void expect_nothing_written(struct fixture *f) {
    assert_int_equal(f->transport.encoded.len, 0);
}

/* The next event is the result of OP; frees both. */
static void expect_done(struct fixture *f, const struct link_op *op, bool ok, int code) {
    struct link_event *event = f->events.first;
    assert_non_null(event);
    assert_int_equal(event->kind, LINK_OP_DONE);
    assert_ptr_equal(event->op, op);
    assert_int_equal(op->ok, ok);
    assert_int_equal(op->reply_code, code);
    f->events.first = event->next;
    if (event->next == NULL)
        f->events.last = NULL;
    link_event_free(event);
}

static bool reply(struct fixture *f, amqp_channel_t channel, amqp_method_number_t id,
                  void *decoded) {
    amqp_method_t method = {.id = id, .decoded = decoded};
    bool valid = op_queue_on_method(&f->ops, channel, &method);
    op_queue_advance(&f->ops);
    return valid;
}

static void declare_ok(struct fixture *f) {
    amqp_queue_declare_ok_t ok = {.message_count = 3, .consumer_count = 2};
    assert_true(reply(f, TOPOLOGY_CHANNEL, AMQP_QUEUE_DECLARE_OK_METHOD, &ok));
}

static void refuse(struct fixture *f, uint16_t code, const char *text) {
    amqp_channel_close_t close = {.reply_code = code,
                                  .reply_text = amqp_cstring_bytes(text)};
    assert_true(reply(f, TOPOLOGY_CHANNEL, AMQP_CHANNEL_CLOSE_METHOD, &close));
    expect_written(f, TOPOLOGY_CHANNEL, AMQP_CHANNEL_CLOSE_OK_METHOD);
    expect_written(f, TOPOLOGY_CHANNEL, AMQP_CHANNEL_OPEN_METHOD);
}

static void reopened(struct fixture *f) {
    amqp_channel_open_ok_t ok = {.channel_id = amqp_empty_bytes};
    assert_true(reply(f, TOPOLOGY_CHANNEL, AMQP_CHANNEL_OPEN_OK_METHOD, &ok));
}

static void test_one_operation_at_a_time_in_order(void **state) {
    struct fixture *f = *state;
    struct link_op *first = add(f, LINK_DECLARE_QUEUE, "a");
    struct link_op *second = add(f, LINK_BIND, "a");
    expect_written(f, TOPOLOGY_CHANNEL, AMQP_QUEUE_DECLARE_METHOD);
    expect_nothing_written(f);
    assert_null(f->events.first);
    declare_ok(f);
    assert_int_equal(first->messages, 3);
    assert_int_equal(first->consumers, 2);
    expect_done(f, first, true, 0);
    expect_written(f, TOPOLOGY_CHANNEL, AMQP_QUEUE_BIND_METHOD);
    assert_false(op_queue_is_idle(&f->ops));
    amqp_queue_bind_ok_t ok = {0};
    assert_true(reply(f, TOPOLOGY_CHANNEL, AMQP_QUEUE_BIND_OK_METHOD, &ok));
    expect_done(f, second, true, 0);
    assert_true(op_queue_is_idle(&f->ops));
}

static void test_next_operation_waits_until_the_channel_is_reopened(void **state) {
    struct fixture *f = *state;
    struct link_op *probe = add(f, LINK_PROBE_QUEUE, "missing");
    struct link_op *next = add(f, LINK_PROBE_QUEUE, "q");
    expect_written(f, TOPOLOGY_CHANNEL, AMQP_QUEUE_DECLARE_METHOD);
    refuse(f, 404, "NOT_FOUND");
    expect_done(f, probe, false, 404);
    expect_nothing_written(f);
    reopened(f);
    expect_written(f, TOPOLOGY_CHANNEL, AMQP_QUEUE_DECLARE_METHOD);
    declare_ok(f);
    expect_done(f, next, true, 0);
}

static void test_declare_with_other_arguments_is_checked_passively(void **state) {
    struct fixture *f = *state;
    struct link_op *declare = add(f, LINK_DECLARE_QUEUE, "q");
    expect_written(f, TOPOLOGY_CHANNEL, AMQP_QUEUE_DECLARE_METHOD);
    refuse(f, 406, "PRECONDITION_FAILED");
    assert_null(f->events.first);
    reopened(f);
    expect_written(f, TOPOLOGY_CHANNEL, AMQP_QUEUE_DECLARE_METHOD);
    amqp_queue_declare_ok_t ok = {0};
    amqp_method_t method = {AMQP_QUEUE_DECLARE_OK_METHOD, &ok};
    assert_true(op_queue_on_method(&f->ops, TOPOLOGY_CHANNEL, &method));
    assert_true(declare->foreign);
    expect_done(f, declare, true, 0);
}

static void test_consume_after_a_refused_declare_is_not_sent(void **state) {
    struct fixture *f = *state;
    struct link_op *declare = add(f, LINK_DECLARE_QUEUE, "q");
    struct link_op *consume = add(f, LINK_CONSUME, "q");
    expect_written(f, TOPOLOGY_CHANNEL, AMQP_QUEUE_DECLARE_METHOD);
    refuse(f, 405, "RESOURCE_LOCKED");
    reopened(f);
    expect_done(f, declare, false, 405);
    assert_string_equal(consume->reply_text, "RESOURCE_LOCKED");
    expect_done(f, consume, false, 405);
    expect_nothing_written(f);
}

static void test_consumer_without_acks_is_registered_with_acks(void **state) {
    struct fixture *f = *state;
    struct link_op *consume = link_op_new(LINK_CONSUME, "replies");
    consume->no_ack = true;
    op_queue_add(&f->ops, consume);
    op_queue_advance(&f->ops);
    expect_written(f, DATA_CHANNEL, AMQP_BASIC_CONSUME_METHOD);
    assert_true(acks_delivered(&f->acks, 1, "replies"));
    struct settlement ack = {0, 1, SETTLE_ACK};
    acks_settle(&f->acks, &f->transport, DATA_CHANNEL, &ack, 1, 0);
    expect_nothing_written(f);
}

static void test_name_over_255_bytes_fails_without_being_sent(void **state) {
    struct fixture *f = *state;
    char name[257];
    memset(name, 'n', 256);
    name[256] = '\0';
    struct link_op *op = add(f, LINK_PROBE_QUEUE, name);
    expect_done(f, op, false, 502);
    expect_nothing_written(f);
}

static void test_unexpected_replies_are_errors(void **state) {
    struct fixture *f = *state;
    amqp_queue_declare_ok_t declare_ok = {0};
    amqp_channel_open_ok_t open_ok = {.channel_id = amqp_empty_bytes};
    assert_false(reply(f, TOPOLOGY_CHANNEL, AMQP_QUEUE_DECLARE_OK_METHOD, &declare_ok));
    assert_false(reply(f, TOPOLOGY_CHANNEL, AMQP_CHANNEL_OPEN_OK_METHOD, &open_ok));
    add(f, LINK_CONSUME, "q");
    assert_false(reply(f, TOPOLOGY_CHANNEL, AMQP_BASIC_CONSUME_OK_METHOD, &open_ok));
    assert_false(reply(f, DATA_CHANNEL, AMQP_QUEUE_DECLARE_OK_METHOD, &declare_ok));
}

static void test_lost_connection_fails_all_operations_in_order(void **state) {
    struct fixture *f = *state;
    struct link_op *ops[3] = {add(f, LINK_PROBE_QUEUE, "a"), add(f, LINK_QOS, ""),
                              add(f, LINK_PROBE_QUEUE, "b")};
    op_queue_fail_all(&f->ops);
    for (int i = 0; i < 3; i++)
        expect_done(f, ops[i], false, 0);
    assert_true(op_queue_is_idle(&f->ops));
}

/* Random operations and answers: every operation gets one result, in order, ok exactly if
 * the broker accepted it, and at most one is in progress. */
static void test_random_operations_and_answers(void **state) {
    struct fixture *f = *state;
    enum { COUNT = 2000 };
    static struct link_op *ops[COUNT];
    unsigned seed = 20240229, added = 0, done = 0;
    while (done < COUNT) {
        while (added < COUNT && rand_r(&seed) % 3 > 0)
            ops[added++] = add(f, LINK_PROBE_QUEUE, "q");
        if (done == added)
            continue;
        expect_written(f, TOPOLOGY_CHANNEL, AMQP_QUEUE_DECLARE_METHOD);
        expect_nothing_written(f);
        bool ok = rand_r(&seed) % 4 > 0;
        if (ok) {
            declare_ok(f);
        } else {
            refuse(f, 404, "NOT_FOUND");
            reopened(f);
        }
        expect_done(f, ops[done++], ok, ok ? 0 : 404);
        assert_null(f->events.first);
    }
    assert_true(op_queue_is_idle(&f->ops));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_one_operation_at_a_time_in_order),
        TEST(test_next_operation_waits_until_the_channel_is_reopened),
        TEST(test_declare_with_other_arguments_is_checked_passively),
        TEST(test_consume_after_a_refused_declare_is_not_sent),
        TEST(test_consumer_without_acks_is_registered_with_acks),
        TEST(test_name_over_255_bytes_fails_without_being_sent),
        TEST(test_unexpected_replies_are_errors),
        TEST(test_lost_connection_fails_all_operations_in_order),
        TEST(test_random_operations_and_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
