/* Acks and rejects, as the bytes that a transport without a socket would write. */
#include "amqp/acks.h"
#include "cmocka_all.h"
#include <stdio.h>
#include <string.h>

#define EPOCH 7

struct fixture {
    struct acks acks;
    struct transport transport;
};

static int set_up(void **state) {
    static struct fixture f;
    f = (struct fixture){.transport = {.frame_max = 4096}};
    acks_init(&f.acks);
    *state = &f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    acks_fini(&f->acks);
    transport_fini(&f->transport);
    return 0;
}

static void deliver(struct fixture *f, uint64_t first, uint64_t last) {
    for (uint64_t tag = first; tag <= last; tag++)
        assert_true(acks_delivered(&f->acks, tag, "queue"));
}

/* Compare what was written with a text such as "ack 3, ack <=3, reject 3, requeue 3". */
static void expect(struct fixture *f, const char *expected) {
    char text[400] = "";
    const struct buffer *b = &f->transport.encoded;
    for (size_t at = 0; at < b->len; at += bytes_u32(b->data + at + 3) + 8) {
        bool ack = bytes_u32(b->data + at + 7) == AMQP_BASIC_ACK_METHOD;
        bool flag = b->data[at + 19] != 0;
        const char *verb =
            ack ? (flag ? "ack <=" : "ack ") : (flag ? "requeue " : "reject ");
        size_t len = strlen(text);
        snprintf(text + len, sizeof text - len, "%s%s%u", len > 0 ? ", " : "", verb,
                 (unsigned)bytes_u64(b->data + at + 11));
    }
    assert_string_equal(text, expected);
    buffer_reset(&f->transport.encoded, 4096);
}

static void settle(struct fixture *f, const uint64_t *tags, size_t count,
                   enum settlement_kind verb) {
    struct settlement list[16];
    for (size_t i = 0; i < count; i++)
        list[i] = (struct settlement){EPOCH, tags[i], verb};
    acks_settle(&f->acks, &f->transport, 1, list, count, EPOCH);
}

#define TAGS(...) (const uint64_t[]){__VA_ARGS__}, sizeof((uint64_t[]){__VA_ARGS__}) / 8

static void test_acks_of_the_lowest_tags_are_sent_as_one(void **state) {
    struct fixture *f = *state;
    deliver(f, 1, 5);
    settle(f, TAGS(2, 1, 3), SETTLE_ACK);
    expect(f, "ack <=3");
    settle(f, TAGS(4), SETTLE_ACK);
    expect(f, "ack 4");
}

static void test_no_multiple_ack_over_an_unsettled_delivery(void **state) {
    struct fixture *f = *state;
    deliver(f, 1, 6);
    settle(f, TAGS(2, 4, 5), SETTLE_ACK);
    expect(f, "ack 2, ack 4, ack 5");
    settle(f, TAGS(1, 3), SETTLE_ACK);
    expect(f, "ack <=3");
    settle(f, TAGS(6), SETTLE_ACK);
    expect(f, "ack 6");
}

static void test_rejects_are_sent_one_by_one(void **state) {
    struct fixture *f = *state;
    deliver(f, 1, 4);
    settle(f, TAGS(2), SETTLE_REJECT);
    expect(f, "reject 2");
    settle(f, TAGS(3), SETTLE_REQUEUE);
    expect(f, "requeue 3");
    settle(f, TAGS(1, 4), SETTLE_ACK);
    expect(f, "ack <=4");
}

static void test_multiple_ack_names_the_highest_acked_tag(void **state) {
    struct fixture *f = *state;
    deliver(f, 1, 3);
    settle(f, TAGS(3), SETTLE_REJECT);
    expect(f, "reject 3");
    settle(f, TAGS(1, 2), SETTLE_ACK); /* tag 3 is not known to the broker any more */
    expect(f, "ack <=2");
}

static void test_repeated_unknown_and_old_settlements_are_ignored(void **state) {
    struct fixture *f = *state;
    deliver(f, 1, 2);
    settle(f, TAGS(2, 2, 9), SETTLE_ACK);
    expect(f, "ack 2");
    settle(f, TAGS(2), SETTLE_REJECT);
    struct settlement old = {EPOCH - 1, 1, SETTLE_ACK};
    acks_settle(&f->acks, &f->transport, 1, &old, 1, EPOCH);
    expect(f, "");
}

static void test_deliveries_of_no_ack_consumers_need_no_ack(void **state) {
    struct fixture *f = *state;
    acks_set_consumer(&f->acks, "replies", true);
    for (uint64_t tag = 1; tag <= 1000; tag++)
        assert_true(acks_delivered(&f->acks, tag, "replies"));
    assert_true(f->acks.cap <= 64);
    deliver(f, 1001, 1002);
    settle(f, TAGS(500, 1001, 1002), SETTLE_ACK);
    expect(f, "ack <=1002");
    acks_set_consumer(&f->acks, "replies", false);
    assert_true(acks_delivered(&f->acks, 1003, "replies"));
    settle(f, TAGS(1003), SETTLE_ACK);
    expect(f, "ack 1003");
}

static void test_a_skipped_delivery_tag_is_an_error(void **state) {
    struct fixture *f = *state;
    assert_false(acks_delivered(&f->acks, 2, "queue"));
    assert_false(acks_delivered(&f->acks, 0, "queue"));
    deliver(f, 1, 500); /* the ring grows */
    assert_false(acks_delivered(&f->acks, 500, "queue"));
    settle(f, TAGS(1, 2, 500), SETTLE_ACK);
    expect(f, "ack <=2, ack 500");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_acks_of_the_lowest_tags_are_sent_as_one),
        TEST(test_no_multiple_ack_over_an_unsettled_delivery),
        TEST(test_rejects_are_sent_one_by_one),
        TEST(test_multiple_ack_names_the_highest_acked_tag),
        TEST(test_repeated_unknown_and_old_settlements_are_ignored),
        TEST(test_deliveries_of_no_ack_consumers_need_no_ack),
        TEST(test_a_skipped_delivery_tag_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
