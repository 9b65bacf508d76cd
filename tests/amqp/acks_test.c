/* Acks and rejects, as the bytes that a transport without a socket would write. */
#include "amqp/acks.h"
#include "cmocka_all.h"
#include <stdio.h>
#include <string.h>

#define EPOCH 7

struct scene {
    struct acks acks;
    struct transport transport;
};

static int set_up(void **state) {
    static struct scene s;
    s = (struct scene){.transport = {.frame_max = 4096}};
    acks_init(&s.acks);
    *state = &s;
    return 0;
}

static int tear_down(void **state) {
    struct scene *s = *state;
    acks_fini(&s->acks);
    transport_fini(&s->transport);
    return 0;
}

static void deliver(struct scene *s, uint64_t first, uint64_t last) {
    for (uint64_t tag = first; tag <= last; tag++)
        assert_true(acks_delivered(&s->acks, tag, "queue"));
}

/* What was written, as words: "ack 3", "ack <=3", "reject 3", "requeue 3". */
static void expect(struct scene *s, const char *wanted) {
    char words[400] = "";
    const struct buffer *b = &s->transport.encoded;
    for (size_t at = 0; at < b->len; at += bytes_u32(b->data + at + 3) + 8) {
        bool ack = bytes_u32(b->data + at + 7) == AMQP_BASIC_ACK_METHOD;
        bool flag = b->data[at + 19] != 0;
        const char *verb =
            ack ? (flag ? "ack <=" : "ack ") : (flag ? "requeue " : "reject ");
        size_t len = strlen(words);
        snprintf(words + len, sizeof words - len, "%s%s%u", len > 0 ? ", " : "", verb,
                 (unsigned)bytes_u64(b->data + at + 11));
    }
    assert_string_equal(words, wanted);
    buffer_reset(&s->transport.encoded, 4096);
}

static void settle(struct scene *s, const uint64_t *tags, size_t count,
                   enum settlement_kind verb) {
    struct settlement list[16];
    for (size_t i = 0; i < count; i++)
        list[i] = (struct settlement){EPOCH, tags[i], verb};
    acks_settle(&s->acks, &s->transport, 1, list, count, EPOCH);
}

#define TAGS(...) (const uint64_t[]){__VA_ARGS__}, sizeof((uint64_t[]){__VA_ARGS__}) / 8

static void test_what_lies_together_at_the_lower_end_is_one_ack(void **state) {
    struct scene *s = *state;
    deliver(s, 1, 5);
    settle(s, TAGS(2, 1, 3), SETTLE_ACK);
    expect(s, "ack <=3");
    settle(s, TAGS(4), SETTLE_ACK);
    expect(s, "ack 4");
}

static void test_never_multiple_over_one_that_waits(void **state) {
    struct scene *s = *state;
    deliver(s, 1, 6);
    settle(s, TAGS(2, 4, 5), SETTLE_ACK);
    expect(s, "ack 2, ack 4, ack 5");
    settle(s, TAGS(1, 3), SETTLE_ACK);
    expect(s, "ack <=3");
    settle(s, TAGS(6), SETTLE_ACK);
    expect(s, "ack 6");
}

static void test_rejects_are_single(void **state) {
    struct scene *s = *state;
    deliver(s, 1, 4);
    settle(s, TAGS(2), SETTLE_REJECT);
    expect(s, "reject 2");
    settle(s, TAGS(3), SETTLE_REQUEUE);
    expect(s, "requeue 3");
    settle(s, TAGS(1, 4), SETTLE_ACK);
    expect(s, "ack <=4");
}

static void test_a_run_ends_with_a_tag_that_is_acked(void **state) {
    struct scene *s = *state;
    deliver(s, 1, 3);
    settle(s, TAGS(3), SETTLE_REJECT);
    expect(s, "reject 3");
    settle(s, TAGS(1, 2), SETTLE_ACK); /* <=3 would name a tag that the broker forgot */
    expect(s, "ack <=2");
}

static void test_twice_or_unknown_or_of_another_epoch_is_nothing(void **state) {
    struct scene *s = *state;
    deliver(s, 1, 2);
    settle(s, TAGS(2, 2, 9), SETTLE_ACK);
    expect(s, "ack 2");
    settle(s, TAGS(2), SETTLE_REJECT);
    struct settlement old = {EPOCH - 1, 1, SETTLE_ACK};
    acks_settle(&s->acks, &s->transport, 1, &old, 1, EPOCH);
    expect(s, "");
}

static void test_consumers_without_acks_leave_nothing(void **state) {
    struct scene *s = *state;
    acks_set_consumer(&s->acks, "replies", true);
    for (uint64_t tag = 1; tag <= 1000; tag++)
        assert_true(acks_delivered(&s->acks, tag, "replies"));
    assert_true(s->acks.cap <= 64);
    deliver(s, 1001, 1002);
    settle(s, TAGS(500, 1001, 1002), SETTLE_ACK);
    expect(s, "ack <=1002");
    acks_set_consumer(&s->acks, "replies", false);
    assert_true(acks_delivered(&s->acks, 1003, "replies"));
    settle(s, TAGS(1003), SETTLE_ACK);
    expect(s, "ack 1003");
}

static void test_tags_come_in_turn(void **state) {
    struct scene *s = *state;
    assert_false(acks_delivered(&s->acks, 2, "queue"));
    assert_false(acks_delivered(&s->acks, 0, "queue"));
    deliver(s, 1, 500); /* the ring grows */
    assert_false(acks_delivered(&s->acks, 500, "queue"));
    settle(s, TAGS(1, 2, 500), SETTLE_ACK);
    expect(s, "ack <=2, ack 500");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_what_lies_together_at_the_lower_end_is_one_ack),
        TEST(test_never_multiple_over_one_that_waits),
        TEST(test_rejects_are_single),
        TEST(test_a_run_ends_with_a_tag_that_is_acked),
        TEST(test_twice_or_unknown_or_of_another_epoch_is_nothing),
        TEST(test_consumers_without_acks_leave_nothing),
        TEST(test_tags_come_in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
