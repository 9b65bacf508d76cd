/* Topology through a link: what exists, what is refused, and that the link stays well. */
#include "base/xalloc.h"
#include "cmocka_all.h"
#include "raw.h"
#include "stage.h"
#include <stdlib.h>
#include <string.h>

static void test_probe(void **state) {
    (void)state;
    struct stage s;
    char queue[40];
    stage_open(&s);
    stage_queue(&s, queue);
    assert_int_equal(stage_publish(&s, stage_message(queue, "x", 1)), PUBLISH_CONFIRMED);
    struct link_op *op = stage_do(&s, link_op_new(LINK_PROBE_QUEUE, queue));
    assert_true(op->ok);
    assert_int_equal(op->messages, 1);
    assert_int_equal(op->consumers, 0);
    link_op_free(op);
    stage_consume(&s, queue, true);
    op = stage_do(&s, link_op_new(LINK_PROBE_QUEUE, queue));
    assert_int_equal(op->consumers, 1);
    link_op_free(op);
    stage_close(&s);
}

/* Again and again, with publishing beside it: only the topology channel pays. */
static void test_probe_of_a_missing_queue_costs_nobody_anything(void **state) {
    (void)state;
    struct stage s;
    char queue[40];
    stage_open(&s);
    stage_queue(&s, queue);
    stage_consume(&s, queue, true);
    for (int i = 0; i < 20; i++) {
        link_publish(s.link, s.epoch, stage_message(queue, "x", 1));
        struct link_op *op =
            stage_do(&s, link_op_new(LINK_PROBE_QUEUE, "crew.test.none"));
        assert_false(op->ok);
        assert_int_equal(op->reply_code, 404);
        link_op_free(op);
        message_free(stage_delivery(&s));
        stage_pass(&s, LINK_PUBLISHED);
    }
    assert_int_equal(stage_depth(&s, queue), 0);
    stage_close(&s);
}

static void test_ops_end_in_their_order(void **state) {
    (void)state;
    enum { COUNT = 50 };
    struct stage s;
    struct link_op *ops[COUNT];
    char queue[40];
    stage_open(&s);
    stage_queue(&s, queue);
    for (int i = 0; i < COUNT; i++) {
        ops[i] = link_op_new(LINK_PROBE_QUEUE, i % 3 == 0 ? "crew.test.none" : queue);
        link_op(s.link, s.epoch, ops[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        struct link_event *event = stage_expect(&s, LINK_OP_DONE);
        assert_ptr_equal(event->op, ops[i]);
        assert_int_equal(event->op->ok, i % 3 != 0);
        link_event_free(event);
    }
    stage_close(&s);
}

static struct link_op *queue_op(const char *name, unsigned max_priority) {
    struct link_op *op = link_op_new(LINK_DECLARE_QUEUE, name);
    op->durable = true;
    if (max_priority > 0)
        link_op_number(op, "x-max-priority", max_priority);
    return op;
}

static void test_foreign_arguments_are_used_as_they_are(void **state) {
    (void)state;
    const char *queue = "crew.test.foreign";
    struct stage s;
    amqp_connection_state_t raw = raw_open();
    stage_open(&s);
    struct link_op *op = stage_do(&s, queue_op(queue, 3));
    assert_true(op->ok);
    assert_false(op->foreign);
    link_op_free(op);
    op = stage_do(&s, queue_op(queue, 3)); /* the same again */
    assert_true(op->ok);
    assert_false(op->foreign);
    link_op_free(op);
    op = stage_do(&s, queue_op(queue, 5));
    assert_true(op->ok);
    assert_true(op->foreign);
    assert_int_equal(op->reply_code, 0);
    link_op_free(op);

    struct link_op *exchange = link_op_new(LINK_DECLARE_EXCHANGE, "crew.test.foreign");
    exchange->type = xstrdup("topic");
    exchange->auto_delete = true;
    stage_must(&s, exchange);
    exchange = link_op_new(LINK_DECLARE_EXCHANGE, "crew.test.foreign");
    exchange->type = xstrdup("headers");
    exchange->durable = true;
    stage_do(&s, exchange);
    assert_true(exchange->ok);
    assert_true(exchange->foreign);
    link_op_free(exchange);

    op = link_op_new(LINK_BIND, queue); /* the last one takes the exchange with it */
    op->exchange = xstrdup("crew.test.foreign");
    op->key = xstrdup("a.*");
    stage_must(&s, op);
    raw_delete(raw, queue);
    raw_close(raw);
    stage_close(&s);
}

static void test_bindings_come_and_go(void **state) {
    (void)state;
    struct stage s;
    char queue[40];
    stage_open(&s);
    stage_queue(&s, queue);
    struct message_properties p = {
        .exchange = "amq.topic", .routing_key = "crew.test.a.b", .mandatory = true};
    struct link_op *op = link_op_new(LINK_BIND, queue);
    op->exchange = xstrdup("amq.topic");
    op->key = xstrdup("crew.test.a.*");
    stage_must(&s, op);
    assert_int_equal(stage_publish(&s, message_new(&p)), PUBLISH_CONFIRMED);
    op = link_op_new(LINK_UNBIND, queue);
    op->exchange = xstrdup("amq.topic");
    op->key = xstrdup("crew.test.a.*");
    stage_must(&s, op);
    assert_int_equal(stage_publish(&s, message_new(&p)), PUBLISH_RETURNED);
    stage_close(&s);
}

static void test_somebody_elses_exclusive_queue_is_refused(void **state) {
    (void)state;
    struct stage a;
    struct stage b;
    char queue[40];
    stage_open(&a);
    stage_open(&b);
    stage_queue(&a, queue);
    struct link_op *op = link_op_new(LINK_DECLARE_QUEUE, queue);
    op->exclusive = true;
    stage_do(&b, op);
    assert_false(op->ok);
    assert_int_equal(op->reply_code, 405);
    link_op_free(op);
    stage_close(&b);
    stage_close(&a);
}

static void test_a_name_too_long_is_refused(void **state) {
    (void)state;
    struct stage s;
    char name[257];
    memset(name, 'n', 256);
    name[256] = '\0';
    stage_open(&s);
    struct link_op *op = stage_do(&s, link_op_new(LINK_PROBE_QUEUE, name));
    assert_false(op->ok);
    assert_int_equal(op->reply_code, 502);
    link_op_free(op);
    assert_int_equal(stage_publish(&s, stage_message("crew.test.none", "x", 1)),
                     PUBLISH_CONFIRMED);
    stage_close(&s);
}

/* On the data channel a refusal closes what consumers live on: a new connection. */
static void test_consuming_a_missing_queue_renews_the_connection(void **state) {
    (void)state;
    struct stage s;
    stage_open(&s);
    uint64_t epoch = s.epoch;
    struct link_op *op = stage_do(&s, link_op_new(LINK_CONSUME, "crew.test.none"));
    assert_false(op->ok);
    assert_int_equal(op->reply_code, 404);
    link_op_free(op);
    struct link_event *event = stage_expect(&s, LINK_CHANNEL_CLOSED);
    assert_non_null(strstr(event->text, "NOT_FOUND"));
    link_event_free(event);
    stage_pass(&s, LINK_LOST);
    stage_pass(&s, LINK_OPEN);
    assert_int_equal(s.epoch, epoch + 1);
    stage_close(&s);
}

/* A queue that is refused costs nobody's deliveries when somebody wants to consume it. */
static void test_consuming_behind_a_refused_declare_is_refused_too(void **state) {
    (void)state;
    struct stage a;
    struct stage b;
    char theirs[40], ours[40];
    stage_open(&a);
    stage_open(&b);
    stage_queue(&a, theirs);
    stage_queue(&b, ours);
    struct link_op *declare = link_op_new(LINK_DECLARE_QUEUE, theirs);
    declare->exclusive = true;
    link_op(b.link, b.epoch, declare);
    link_op(b.link, b.epoch, link_op_new(LINK_CONSUME, theirs));
    for (int i = 0; i < 2; i++) {
        struct link_event *event = stage_expect(&b, LINK_OP_DONE);
        assert_false(event->op->ok);
        assert_int_equal(event->op->reply_code, 405);
        assert_non_null(strstr(event->op->reply_text, "RESOURCE_LOCKED"));
        link_event_free(event);
    }
    stage_consume(&b, ours, false);
    assert_null(stage_await(&b, LINK_LOST, 0));
    stage_close(&b);
    stage_close(&a);
}

static void test_wrong_password_is_said_without_it(void **state) {
    (void)state;
    struct crew_broker broker;
    struct stage s;
    stage_broker(&broker);
    free(broker.urls[0].password);
    broker.urls[0].password = xstrdup("hunter2");
    stage_start(&s, &broker);
    struct link_event *event = stage_expect(&s, LINK_FAILED);
    assert_non_null(strstr(event->text, "login refused: ACCESS_REFUSED"));
    assert_null(strstr(event->text, "hunter2"));
    link_event_free(event);
    stage_pass(&s, LINK_FAILED); /* and tries again */
    stage_close(&s);
}

static void test_missing_vhost_is_said(void **state) {
    (void)state;
    struct crew_broker broker;
    struct stage s;
    stage_broker(&broker);
    free(broker.urls[0].vhost);
    broker.urls[0].vhost = xstrdup("crew.test.none");
    stage_start(&s, &broker);
    struct link_event *event = stage_expect(&s, LINK_FAILED);
    assert_non_null(strstr(event->text, "vhost crew.test.none not found"));
    link_event_free(event);
    stage_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_probe_of_a_missing_queue_costs_nobody_anything),
        cmocka_unit_test(test_ops_end_in_their_order),
        cmocka_unit_test(test_foreign_arguments_are_used_as_they_are),
        cmocka_unit_test(test_bindings_come_and_go),
        cmocka_unit_test(test_somebody_elses_exclusive_queue_is_refused),
        cmocka_unit_test(test_a_name_too_long_is_refused),
        cmocka_unit_test(test_consuming_a_missing_queue_renews_the_connection),
        cmocka_unit_test(test_consuming_behind_a_refused_declare_is_refused_too),
        cmocka_unit_test(test_wrong_password_is_said_without_it),
        cmocka_unit_test(test_missing_vhost_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
