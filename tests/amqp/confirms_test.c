/* Publish status of messages. */
#include "amqp/confirms.h"
#include "cmocka_all.h"
#include <stdio.h>

#define ALL_WRITTEN UINT64_MAX

struct fixture {
    struct confirms confirms;
    struct event_list events;
};

static int set_up(void **state) {
    static struct fixture f;
    f = (struct fixture){0};
    confirms_init(&f.confirms);
    *state = &f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    confirms_lose(&f->confirms, 0, &f->events);
    confirms_fini(&f->confirms);
    event_list_free(&f->events);
    return 0;
}

static struct message *add(struct fixture *f, const char *key, const char *id) {
    struct message_properties p = {
        .routing_key = key, .correlation_id = id, .mandatory = true};
    struct message *m = message_new(&p);
    uint64_t start = f->confirms.next_tag * 100;
    confirms_add(&f->confirms, m, start, start + 100);
    return m;
}

static void expect(struct fixture *f, const struct message *m,
                   enum publish_status status) {
    struct link_event *event = f->events.first;
    assert_non_null(event);
    assert_ptr_equal(event->message, m);
    assert_int_equal(event->message->status, status);
    f->events.first = event->next;
    if (event->next == NULL)
        f->events.last = NULL;
    link_event_free(event);
}

static bool ack(struct fixture *f, uint64_t tag, bool multiple) {
    return confirms_settle(&f->confirms, tag, multiple, true, ALL_WRITTEN, &f->events);
}

static void test_single_confirms_in_any_order(void **state) {
    struct fixture *f = *state;
    struct message *m[3] = {add(f, "a", NULL), add(f, "b", NULL), add(f, "c", NULL)};
    assert_true(ack(f, 3, false));
    expect(f, m[2], PUBLISH_CONFIRMED);
    assert_true(ack(f, 1, false));
    expect(f, m[0], PUBLISH_CONFIRMED);
    assert_false(confirms_empty(&f->confirms));
    assert_true(ack(f, 1, false)); /* settled before: nothing happens */
    assert_null(f->events.first);
    assert_true(ack(f, 2, false));
    expect(f, m[1], PUBLISH_CONFIRMED);
    assert_true(confirms_empty(&f->confirms));
}

static void test_multiple_confirm_skips_settled_messages(void **state) {
    struct fixture *f = *state;
    struct message *m[4];
    for (int i = 0; i < 4; i++)
        m[i] = add(f, "a", NULL);
    confirms_settle(&f->confirms, 2, false, false, ALL_WRITTEN, &f->events);
    expect(f, m[1], PUBLISH_NACKED);
    assert_true(ack(f, 3, true));
    expect(f, m[0], PUBLISH_CONFIRMED);
    expect(f, m[2], PUBLISH_CONFIRMED);
    assert_null(f->events.first);
    assert_true(ack(f, 0, true)); /* all */
    expect(f, m[3], PUBLISH_CONFIRMED);
}

static void test_ring_grows_and_wraps_around(void **state) {
    struct fixture *f = *state;
    struct message *m[300];
    for (int round = 0; round < 3; round++) {
        uint64_t first = f->confirms.next_tag;
        for (int i = 0; i < 300; i++)
            m[i] = add(f, "a", NULL);
        assert_true(ack(f, first + 149, true));
        assert_true(ack(f, first + 299, true));
        for (int i = 0; i < 300; i++)
            expect(f, m[i], PUBLISH_CONFIRMED);
    }
    assert_true(confirms_empty(&f->confirms));
}

static void test_confirm_of_an_unsent_message_is_an_error(void **state) {
    struct fixture *f = *state;
    add(f, "a", NULL); /* bytes 100 to 200 */
    assert_false(ack(f, 2, false));
    assert_false(ack(f, 0, false));
    assert_false(ack(f, 2, true));
    assert_false(confirms_settle(&f->confirms, 1, false, true, 199, &f->events));
    assert_null(f->events.first);
    assert_true(confirms_settle(&f->confirms, 1, false, true, 200, &f->events));
    assert_non_null(f->events.first);
}

static void give_back(struct fixture *f, const char *key, const char *id) {
    struct message_properties p = {
        .exchange = "", .routing_key = key, .correlation_id = id};
    confirms_returned(&f->confirms, &p);
}

static void test_returned_message_is_found_by_key_and_id(void **state) {
    struct fixture *f = *state;
    struct message *m[4] = {add(f, "gone", "1"), add(f, "here", "2"), add(f, "gone", "3"),
                            add(f, "gone", "1")};
    give_back(f, "gone", "3");
    assert_true(ack(f, 4, true));
    expect(f, m[0], PUBLISH_CONFIRMED);
    expect(f, m[1], PUBLISH_CONFIRMED);
    expect(f, m[2], PUBLISH_RETURNED);
    expect(f, m[3], PUBLISH_CONFIRMED);
}

static void test_equal_messages_are_returned_in_order(void **state) {
    struct fixture *f = *state;
    struct message *m[3] = {add(f, "gone", NULL), add(f, "gone", NULL),
                            add(f, "gone", NULL)};
    give_back(f, "gone", NULL);
    give_back(f, "gone", NULL);
    give_back(f, "never", NULL); /* matches no message */
    assert_true(ack(f, 3, true));
    expect(f, m[0], PUBLISH_RETURNED);
    expect(f, m[1], PUBLISH_RETURNED);
    expect(f, m[2], PUBLISH_CONFIRMED);
}

static void test_return_out_of_order_is_found(void **state) {
    struct fixture *f = *state;
    struct message *m[2] = {add(f, "gone", "1"), add(f, "gone", "2")};
    give_back(f, "gone", "2");
    give_back(f, "gone", "1");
    assert_true(ack(f, 2, true));
    expect(f, m[0], PUBLISH_RETURNED);
    expect(f, m[1], PUBLISH_RETURNED);
}

static void test_lost_connection_separates_unknown_from_unsent(void **state) {
    struct fixture *f = *state;
    struct message *m[4] = {add(f, "gone", NULL), add(f, "b", NULL), add(f, "c", NULL),
                            add(f, "d", NULL)}; /* at 100, 200, 300, 400 */
    give_back(f, "gone", NULL);
    confirms_lose(&f->confirms, 301, &f->events);
    expect(f, m[0], PUBLISH_RETURNED); /* the return came before the loss */
    expect(f, m[1], PUBLISH_UNKNOWN);
    expect(f, m[2], PUBLISH_UNKNOWN); /* one byte was written */
    expect(f, m[3], PUBLISH_UNSENT);
    assert_true(confirms_empty(&f->confirms));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_single_confirms_in_any_order),
        TEST(test_multiple_confirm_skips_settled_messages),
        TEST(test_ring_grows_and_wraps_around),
        TEST(test_confirm_of_an_unsent_message_is_an_error),
        TEST(test_returned_message_is_found_by_key_and_id),
        TEST(test_equal_messages_are_returned_in_order),
        TEST(test_return_out_of_order_is_found),
        TEST(test_lost_connection_separates_unknown_from_unsent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
