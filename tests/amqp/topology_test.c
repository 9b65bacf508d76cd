/* Topology operations of a link: results and refusals. */
#include "base/xalloc.h"
#include "cmocka_all.h"
#include "link_fixture.h"
#include "raw_client.h"
#include <stdlib.h>
#include <string.h>

static void test_probe_counts_messages_and_consumers(void **state) {
    (void)state;
    struct link_fixture f;
    char queue[40];
    link_fixture_open(&f);
    link_fixture_declare_queue(&f, queue);
    assert_int_equal(link_fixture_publish(&f, link_fixture_message(queue, "x", 1)),
                     PUBLISH_CONFIRMED);
    struct link_op *op = link_fixture_do(&f, link_op_new(LINK_PROBE_QUEUE, queue));
    assert_true(op->ok);
    assert_int_equal(op->messages, 1);
    assert_int_equal(op->consumers, 0);
    link_op_free(op);
    link_fixture_consume(&f, queue, true);
    op = link_fixture_do(&f, link_op_new(LINK_PROBE_QUEUE, queue));
    assert_int_equal(op->consumers, 1);
    link_op_free(op);
    link_fixture_close(&f);
}

/* Refusals close only the topology channel. */
static void test_probe_of_a_missing_queue_does_not_affect_deliveries(void **state) {
    (void)state;
    struct link_fixture f;
    char queue[40];
    link_fixture_open(&f);
    link_fixture_declare_queue(&f, queue);
    link_fixture_consume(&f, queue, true);
    for (int i = 0; i < 20; i++) {
        link_publish(f.link, f.epoch, link_fixture_message(queue, "x", 1));
        struct link_op *op =
            link_fixture_do(&f, link_op_new(LINK_PROBE_QUEUE, "crew.test.none"));
        assert_false(op->ok);
        assert_int_equal(op->reply_code, 404);
        link_op_free(op);
        message_free(link_fixture_next_delivery(&f));
        link_fixture_wait_for(&f, LINK_PUBLISHED);
    }
    assert_int_equal(link_fixture_queue_depth(&f, queue), 0);
    link_fixture_close(&f);
}

static void test_operations_end_in_order(void **state) {
    (void)state;
    enum { COUNT = 50 };
    struct link_fixture f;
    struct link_op *ops[COUNT];
    char queue[40];
    link_fixture_open(&f);
    link_fixture_declare_queue(&f, queue);
    for (int i = 0; i < COUNT; i++) {
        ops[i] = link_op_new(LINK_PROBE_QUEUE, i % 3 == 0 ? "crew.test.none" : queue);
        link_op(f.link, f.epoch, ops[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        struct link_event *event = link_fixture_expect(&f, LINK_OP_DONE);
        assert_ptr_equal(event->op, ops[i]);
        assert_int_equal(event->op->ok, i % 3 != 0);
        link_event_free(event);
    }
    link_fixture_close(&f);
}

static struct link_op *queue_op(const char *name, unsigned max_priority) {
    struct link_op *op = link_op_new(LINK_DECLARE_QUEUE, name);
    op->durable = true;
    if (max_priority > 0)
        link_op_number(op, "x-max-priority", max_priority);
    return op;
}

static void test_queue_with_other_arguments_is_used_as_it_is(void **state) {
    (void)state;
    const char *queue = "crew.test.foreign";
    struct link_fixture f;
    amqp_connection_state_t raw = raw_open();
    link_fixture_open(&f);
    struct link_op *op = link_fixture_do(&f, queue_op(queue, 3));
    assert_true(op->ok);
    assert_false(op->foreign);
    link_op_free(op);
    op = link_fixture_do(&f, queue_op(queue, 3)); /* with the same arguments */
    assert_true(op->ok);
    assert_false(op->foreign);
    link_op_free(op);
    op = link_fixture_do(&f, queue_op(queue, 5));
    assert_true(op->ok);
    assert_true(op->foreign);
    assert_int_equal(op->reply_code, 0);
    link_op_free(op);

    struct link_op *exchange = link_op_new(LINK_DECLARE_EXCHANGE, "crew.test.foreign");
    exchange->type = xstrdup("topic");
    exchange->auto_delete = true;
    link_fixture_must_do(&f, exchange);
    exchange = link_op_new(LINK_DECLARE_EXCHANGE, "crew.test.foreign");
    exchange->type = xstrdup("headers");
    exchange->durable = true;
    link_fixture_do(&f, exchange);
    assert_true(exchange->ok);
    assert_true(exchange->foreign);
    link_op_free(exchange);

    op = link_op_new(LINK_BIND, queue); /* deleting the queue deletes the exchange too */
    op->exchange = xstrdup("crew.test.foreign");
    op->key = xstrdup("a.*");
    link_fixture_must_do(&f, op);
    raw_delete(raw, queue);
    raw_close(raw);
    link_fixture_close(&f);
}

static void test_bind_and_unbind(void **state) {
    (void)state;
    struct link_fixture f;
    char queue[40];
    link_fixture_open(&f);
    link_fixture_declare_queue(&f, queue);
    struct message_properties p = {
        .exchange = "amq.topic", .routing_key = "crew.test.a.b", .mandatory = true};
    struct link_op *op = link_op_new(LINK_BIND, queue);
    op->exchange = xstrdup("amq.topic");
    op->key = xstrdup("crew.test.a.*");
    link_fixture_must_do(&f, op);
    assert_int_equal(link_fixture_publish(&f, message_new(&p)), PUBLISH_CONFIRMED);
    op = link_op_new(LINK_UNBIND, queue);
    op->exchange = xstrdup("amq.topic");
    op->key = xstrdup("crew.test.a.*");
    link_fixture_must_do(&f, op);
    assert_int_equal(link_fixture_publish(&f, message_new(&p)), PUBLISH_RETURNED);
    link_fixture_close(&f);
}

static void test_exclusive_queue_of_another_connection_is_refused(void **state) {
    (void)state;
    struct link_fixture a;
    struct link_fixture b;
    char queue[40];
    link_fixture_open(&a);
    link_fixture_open(&b);
    link_fixture_declare_queue(&a, queue);
    struct link_op *op = link_op_new(LINK_DECLARE_QUEUE, queue);
    op->exclusive = true;
    link_fixture_do(&b, op);
    assert_false(op->ok);
    assert_int_equal(op->reply_code, 405);
    link_op_free(op);
    link_fixture_close(&b);
    link_fixture_close(&a);
}

static void test_name_over_255_bytes_is_refused(void **state) {
    (void)state;
    struct link_fixture f;
    char name[257];
    memset(name, 'n', 256);
    name[256] = '\0';
    link_fixture_open(&f);
    struct link_op *op = link_fixture_do(&f, link_op_new(LINK_PROBE_QUEUE, name));
    assert_false(op->ok);
    assert_int_equal(op->reply_code, 502);
    link_op_free(op);
    assert_int_equal(
        link_fixture_publish(&f, link_fixture_message("crew.test.none", "x", 1)),
        PUBLISH_CONFIRMED);
    link_fixture_close(&f);
}

/* A refusal on the data channel closes it with its consumers: the link reconnects. */
static void test_consuming_a_missing_queue_reconnects(void **state) {
    (void)state;
    struct link_fixture f;
    link_fixture_open(&f);
    uint64_t epoch = f.epoch;
    struct link_op *op = link_fixture_do(&f, link_op_new(LINK_CONSUME, "crew.test.none"));
    assert_false(op->ok);
    assert_int_equal(op->reply_code, 404);
    link_op_free(op);
    struct link_event *event = link_fixture_expect(&f, LINK_CHANNEL_CLOSED);
    assert_non_null(strstr(event->text, "NOT_FOUND"));
    link_event_free(event);
    link_fixture_wait_for(&f, LINK_LOST);
    link_fixture_wait_for(&f, LINK_OPEN);
    assert_int_equal(f.epoch, epoch + 1);
    link_fixture_close(&f);
}

/* Consuming a queue whose declare was refused does not close the data channel. */
static void test_consume_after_a_refused_declare_fails_without_reconnect(void **state) {
    (void)state;
    struct link_fixture a;
    struct link_fixture b;
    char theirs[40], ours[40];
    link_fixture_open(&a);
    link_fixture_open(&b);
    link_fixture_declare_queue(&a, theirs);
    link_fixture_declare_queue(&b, ours);
    struct link_op *declare = link_op_new(LINK_DECLARE_QUEUE, theirs);
    declare->exclusive = true;
    link_op(b.link, b.epoch, declare);
    link_op(b.link, b.epoch, link_op_new(LINK_CONSUME, theirs));
    for (int i = 0; i < 2; i++) {
        struct link_event *event = link_fixture_expect(&b, LINK_OP_DONE);
        assert_false(event->op->ok);
        assert_int_equal(event->op->reply_code, 405);
        assert_non_null(strstr(event->op->reply_text, "RESOURCE_LOCKED"));
        link_event_free(event);
    }
    link_fixture_consume(&b, ours, false);
    assert_null(link_fixture_await(&b, LINK_LOST, 0));
    link_fixture_close(&b);
    link_fixture_close(&a);
}

static void test_wrong_password_is_reported_without_the_password(void **state) {
    (void)state;
    struct crew_broker broker;
    struct link_fixture f;
    link_fixture_broker(&broker);
    free(broker.urls[0].password);
    broker.urls[0].password = xstrdup("hunter2");
    link_fixture_start(&f, &broker);
    struct link_event *event = link_fixture_expect(&f, LINK_FAILED);
    assert_non_null(strstr(event->text, "login refused: ACCESS_REFUSED"));
    assert_null(strstr(event->text, "hunter2"));
    link_event_free(event);
    link_fixture_wait_for(&f, LINK_FAILED); /* it retries */
    link_fixture_close(&f);
}

static void test_missing_vhost_is_reported(void **state) {
    (void)state;
    struct crew_broker broker;
    struct link_fixture f;
    link_fixture_broker(&broker);
    free(broker.urls[0].vhost);
    broker.urls[0].vhost = xstrdup("crew.test.none");
    link_fixture_start(&f, &broker);
    struct link_event *event = link_fixture_expect(&f, LINK_FAILED);
    assert_non_null(strstr(event->text, "vhost crew.test.none not found"));
    link_event_free(event);
    link_fixture_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probe_counts_messages_and_consumers),
        cmocka_unit_test(test_probe_of_a_missing_queue_does_not_affect_deliveries),
        cmocka_unit_test(test_operations_end_in_order),
        cmocka_unit_test(test_queue_with_other_arguments_is_used_as_it_is),
        cmocka_unit_test(test_bind_and_unbind),
        cmocka_unit_test(test_exclusive_queue_of_another_connection_is_refused),
        cmocka_unit_test(test_name_over_255_bytes_is_refused),
        cmocka_unit_test(test_consuming_a_missing_queue_reconnects),
        cmocka_unit_test(test_consume_after_a_refused_declare_fails_without_reconnect),
        cmocka_unit_test(test_wrong_password_is_reported_without_the_password),
        cmocka_unit_test(test_missing_vhost_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
