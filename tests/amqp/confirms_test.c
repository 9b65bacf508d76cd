/* Fates of published messages. */
#include "amqp/confirms.h"
#include "cmocka_all.h"
#include <stdio.h>

#define ALL_WRITTEN UINT64_MAX

struct scene {
    struct confirms confirms;
    struct event_list events;
};

static int set_up(void **state) {
    static struct scene s;
    s = (struct scene){0};
    confirms_init(&s.confirms);
    *state = &s;
    return 0;
}

static int tear_down(void **state) {
    struct scene *s = *state;
    confirms_lose(&s->confirms, 0, &s->events);
    confirms_fini(&s->confirms);
    event_list_free(&s->events);
    return 0;
}

static struct message *add(struct scene *s, const char *key, const char *id) {
    struct message_properties p = {
        .routing_key = key, .correlation_id = id, .mandatory = true};
    struct message *m = message_new(&p);
    uint64_t start = s->confirms.next_tag * 100;
    confirms_add(&s->confirms, m, start, start + 100);
    return m;
}

static void expect(struct scene *s, const struct message *m, enum publish_status status) {
    struct link_event *event = s->events.first;
    assert_non_null(event);
    assert_ptr_equal(event->message, m);
    assert_int_equal(event->message->status, status);
    s->events.first = event->next;
    if (event->next == NULL)
        s->events.last = NULL;
    link_event_free(event);
}

static bool ack(struct scene *s, uint64_t tag, bool multiple) {
    return confirms_settle(&s->confirms, tag, multiple, true, ALL_WRITTEN, &s->events);
}

static void test_single_acks_in_any_order(void **state) {
    struct scene *s = *state;
    struct message *m[3] = {add(s, "a", NULL), add(s, "b", NULL), add(s, "c", NULL)};
    assert_true(ack(s, 3, false));
    expect(s, m[2], PUBLISH_CONFIRMED);
    assert_true(ack(s, 1, false));
    expect(s, m[0], PUBLISH_CONFIRMED);
    assert_false(confirms_empty(&s->confirms));
    assert_true(ack(s, 1, false)); /* again: nothing */
    assert_null(s->events.first);
    assert_true(ack(s, 2, false));
    expect(s, m[1], PUBLISH_CONFIRMED);
    assert_true(confirms_empty(&s->confirms));
}

static void test_multiple_leaves_out_what_is_settled(void **state) {
    struct scene *s = *state;
    struct message *m[4];
    for (int i = 0; i < 4; i++)
        m[i] = add(s, "a", NULL);
    confirms_settle(&s->confirms, 2, false, false, ALL_WRITTEN, &s->events);
    expect(s, m[1], PUBLISH_NACKED);
    assert_true(ack(s, 3, true));
    expect(s, m[0], PUBLISH_CONFIRMED);
    expect(s, m[2], PUBLISH_CONFIRMED);
    assert_null(s->events.first);
    assert_true(ack(s, 0, true)); /* all */
    expect(s, m[3], PUBLISH_CONFIRMED);
}

static void test_many_wait_and_the_ring_goes_round(void **state) {
    struct scene *s = *state;
    struct message *m[300];
    for (int round = 0; round < 3; round++) {
        uint64_t first = s->confirms.next_tag;
        for (int i = 0; i < 300; i++)
            m[i] = add(s, "a", NULL);
        assert_true(ack(s, first + 149, true));
        assert_true(ack(s, first + 299, true));
        for (int i = 0; i < 300; i++)
            expect(s, m[i], PUBLISH_CONFIRMED);
    }
    assert_true(confirms_empty(&s->confirms));
}

static void test_an_ack_of_the_unsent_is_refused(void **state) {
    struct scene *s = *state;
    add(s, "a", NULL); /* bytes 100 to 200 */
    assert_false(ack(s, 2, false));
    assert_false(ack(s, 0, false));
    assert_false(ack(s, 2, true));
    assert_false(confirms_settle(&s->confirms, 1, false, true, 199, &s->events));
    assert_null(s->events.first);
    assert_true(confirms_settle(&s->confirms, 1, false, true, 200, &s->events));
    assert_non_null(s->events.first);
}

static void give_back(struct scene *s, const char *key, const char *id) {
    struct message_properties p = {
        .exchange = "", .routing_key = key, .correlation_id = id};
    confirms_returned(&s->confirms, &p);
}

static void test_returned_messages_are_told_apart(void **state) {
    struct scene *s = *state;
    struct message *m[4] = {add(s, "gone", "1"), add(s, "here", "2"), add(s, "gone", "3"),
                            add(s, "gone", "1")};
    give_back(s, "gone", "3");
    assert_true(ack(s, 4, true));
    expect(s, m[0], PUBLISH_CONFIRMED);
    expect(s, m[1], PUBLISH_CONFIRMED);
    expect(s, m[2], PUBLISH_RETURNED);
    expect(s, m[3], PUBLISH_CONFIRMED);
}

static void test_equal_messages_are_returned_in_order(void **state) {
    struct scene *s = *state;
    struct message *m[3] = {add(s, "gone", NULL), add(s, "gone", NULL),
                            add(s, "gone", NULL)};
    give_back(s, "gone", NULL);
    give_back(s, "gone", NULL);
    give_back(s, "never", NULL); /* of nobody: nothing */
    assert_true(ack(s, 3, true));
    expect(s, m[0], PUBLISH_RETURNED);
    expect(s, m[1], PUBLISH_RETURNED);
    expect(s, m[2], PUBLISH_CONFIRMED);
}

static void test_a_return_out_of_order_is_found(void **state) {
    struct scene *s = *state;
    struct message *m[2] = {add(s, "gone", "1"), add(s, "gone", "2")};
    give_back(s, "gone", "2");
    give_back(s, "gone", "1");
    assert_true(ack(s, 2, true));
    expect(s, m[0], PUBLISH_RETURNED);
    expect(s, m[1], PUBLISH_RETURNED);
}

static void test_a_lost_connection_tells_unknown_from_unsent(void **state) {
    struct scene *s = *state;
    struct message *m[4] = {add(s, "gone", NULL), add(s, "b", NULL), add(s, "c", NULL),
                            add(s, "d", NULL)}; /* at 100, 200, 300, 400 */
    give_back(s, "gone", NULL);
    confirms_lose(&s->confirms, 301, &s->events);
    expect(s, m[0], PUBLISH_RETURNED); /* that much is known */
    expect(s, m[1], PUBLISH_UNKNOWN);
    expect(s, m[2], PUBLISH_UNKNOWN); /* one byte is enough */
    expect(s, m[3], PUBLISH_UNSENT);
    assert_true(confirms_empty(&s->confirms));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_single_acks_in_any_order),
        TEST(test_multiple_leaves_out_what_is_settled),
        TEST(test_many_wait_and_the_ring_goes_round),
        TEST(test_an_ack_of_the_unsent_is_refused),
        TEST(test_returned_messages_are_told_apart),
        TEST(test_equal_messages_are_returned_in_order),
        TEST(test_a_return_out_of_order_is_found),
        TEST(test_a_lost_connection_tells_unknown_from_unsent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
