/* Commands for a link, and which thread owns it. */
#include "amqp/inbox.h"
#include "amqp/io_owner.h"
#include "base/clock.h"
#include "cmocka_all.h"
#include <poll.h>
#include <stdlib.h>

static int set_up(void **state) {
    static struct inbox inbox;
    assert_int_equal(inbox_init(&inbox), 0);
    *state = &inbox;
    return 0;
}

static int tear_down(void **state) {
    inbox_fini(*state);
    return 0;
}

static bool is_woken(const struct inbox *inbox) {
    struct pollfd p = {.fd = inbox_fd(inbox), .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static void test_commands_are_taken_in_order(void **state) {
    struct inbox *inbox = *state;
    struct inbox_batch batch = {.messages = NULL};
    struct message *m[3];
    struct link_op *ops[3];
    for (int i = 0; i < 3; i++) {
        const struct settlement ack = {1, (uint64_t)i, SETTLE_ACK};
        m[i] = message_new(&(struct message_properties){.routing_key = "q"});
        ops[i] = link_op_new(LINK_PROBE_QUEUE, "q");
        inbox_put_messages(inbox, m[i], m[i]);
        inbox_put_op(inbox, ops[i]);
        inbox_put_settlement(inbox, &ack);
    }
    inbox_put_stop(inbox, 7);
    inbox_take(inbox, &batch);
    assert_int_equal(batch.settlement_count, 3);
    for (int i = 0; i < 3; i++) {
        assert_ptr_equal(batch.messages, m[i]);
        assert_ptr_equal(batch.ops, ops[i]);
        assert_int_equal(batch.settlements[i].tag, i);
        batch.messages = m[i]->next;
        batch.ops = ops[i]->next;
        message_free(m[i]);
        link_op_free(ops[i]);
    }
    assert_null(batch.messages);
    assert_null(batch.ops);
    assert_true(batch.stop);
    assert_int_equal(batch.stop_flush_ms, 7);
    inbox_take(inbox, &batch);
    assert_int_equal(batch.settlement_count, 0);
    assert_false(batch.stop);
    free(batch.settlements);
}

static void test_commands_not_taken_are_freed(void **state) {
    struct inbox *inbox = *state;
    struct message *m = message_new(&(struct message_properties){.routing_key = "q"});
    inbox_put_messages(inbox, m, m);
    inbox_put_op(inbox, link_op_new(LINK_PROBE_QUEUE, "q"));
}

static void test_taker_is_woken_once_per_take_unless_it_polls(void **state) {
    struct inbox *inbox = *state;
    struct inbox_batch batch = {.messages = NULL};
    assert_false(is_woken(inbox));
    inbox_put_stop(inbox, 0);
    inbox_put_stop(inbox, 0);
    assert_true(is_woken(inbox));
    inbox_take(inbox, &batch);
    assert_false(is_woken(inbox));
    inbox_set_polled(inbox, true);
    inbox_put_stop(inbox, 0);
    assert_false(is_woken(inbox));
    inbox_set_polled(inbox, false);
    inbox_put_stop(inbox, 0);
    assert_true(is_woken(inbox));
    free(batch.settlements);
}

static void test_later_switch_replaces_the_address_and_keeps_the_epoch(void **state) {
    struct inbox *inbox = *state;
    struct inbox_batch batch = {.messages = NULL};
    inbox_put_switch(inbox, 5, 1);
    inbox_put_switch(inbox, 0, 2);
    inbox_take(inbox, &batch);
    assert_true(batch.switch_address);
    assert_int_equal(batch.switch_epoch, 5);
    assert_int_equal(batch.switch_url, 2);
}

/* ---- io_owner ---- */

static void *pass_and_end(void *arg) {
    struct io_owner *o = arg;
    do
        io_owner_await_return(o);
    while (io_owner_pass_to_caller(o));
    io_owner_end(o);
    return NULL;
}

static void test_thread_sleeps_while_the_caller_owns_the_link(void **state) {
    (void)state;
    struct io_owner o;
    pthread_t thread;
    io_owner_init(&o);
    assert_true(io_owner_pass_to_caller(&o));
    assert_int_equal(pthread_create(&thread, NULL, pass_and_end, &o), 0);
    assert_true(io_owner_reclaim(&o)); /* the caller owns it and must return it */
    assert_false(io_owner_await_end(&o, clock_ms()));
    io_owner_return(&o);
    assert_true(io_owner_await_end(&o, clock_ms() + 10000));
    pthread_join(thread, NULL);
    io_owner_fini(&o);
}

static void test_after_a_reclaim_the_thread_keeps_the_link(void **state) {
    (void)state;
    struct io_owner o;
    io_owner_init(&o);
    assert_false(io_owner_reclaim(&o));
    assert_false(io_owner_pass_to_caller(&o));
    io_owner_fini(&o);
}

static void test_thread_frees_an_abandoned_link(void **state) {
    (void)state;
    struct io_owner o;
    io_owner_init(&o);
    assert_false(io_owner_await_end(&o, 0));
    assert_true(io_owner_end(&o));
    io_owner_fini(&o);
    io_owner_init(&o);
    assert_false(io_owner_end(&o));
    assert_true(io_owner_await_end(&o, 0));
    io_owner_fini(&o);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_commands_are_taken_in_order),
        TEST(test_commands_not_taken_are_freed),
        TEST(test_taker_is_woken_once_per_take_unless_it_polls),
        TEST(test_later_switch_replaces_the_address_and_keeps_the_epoch),
        cmocka_unit_test(test_thread_sleeps_while_the_caller_owns_the_link),
        cmocka_unit_test(test_after_a_reclaim_the_thread_keeps_the_link),
        cmocka_unit_test(test_thread_frees_an_abandoned_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
