/* wire/envelope.h */
#include "unit.h"
#include "wire/envelope.h"
#include "wire/limits.h"

static struct wire_bytes text(const char *s) {
    return (struct wire_bytes){(const uint8_t *)s, strlen(s)};
}

static void assert_text(struct wire_bytes bytes, const char *expected) {
    assert_int_equal(bytes.len, strlen(expected));
    assert_memory_equal(bytes.data, expected, bytes.len);
}

static int first(const struct buffer *b, struct wire_reader *reader,
                 struct wire_item *item) {
    assert_false(b->failed);
    assert_int_equal(wire_read(reader, b->data, b->len), CREW_OK);
    return wire_next(reader, item);
}

/* ---- the layout, byte by byte, as docs/wire.md has it ---- */

static void test_item_layout(void **state) {
    (void)state;
    static const uint8_t expected[] = {
        'C', 'R', 'W', 1,                              /* magic, version */
        0,   0,   0,   43,                             /* rest */
        1,   2,                                        /* request, id_bytes */
        0,   11,  0,   0,   0,   15,                   /* fields_bytes, pairs_bytes */
        'i', 'd',                                      /* id */
        2,   0,   4,   0,   0,   0x75, 0x30,           /* budget 30000 ms */
        3,   0,   1,   1,                              /* may be repeated */
        0,   1,   0,   0,   0,   2,    'A',  'b', 'c', /* A=bc */
        0,   0,   0,   0,   0,   0,                    /* an empty pair */
        'b', 'o', 'd', 'y', '!', '!',  '!'};
    struct buffer b = BUFFER_INIT;
    const struct wire_item item = {
        .kind = WIRE_REQUEST, .id = text("id"), .budget_ms = 30000, .may_repeat = true};
    wire_begin(&b);
    size_t mark = wire_open(&b, &item);
    wire_put_pair(&b, "A", 1, "bc", 2);
    wire_put_pair(&b, "", 0, "", 0);
    wire_open_body(&b, mark);
    buffer_append_text(&b, "body!!!");
    wire_close(&b, mark);
    assert_int_equal(b.len, sizeof expected);
    assert_memory_equal(b.data, expected, sizeof expected);
    buffer_fini(&b);
}

static void test_item_every_field_is_read_back(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    struct wire_reader reader;
    struct wire_item item;
    const struct wire_item sent = {
        .kind = WIRE_ANSWER,
        .id = text("id"),
        .deadline_unix_ms = 0x0102030405060708,
        .budget_ms = 0xfffffffe,
        .may_repeat = true,
        .status = 599,
        .error = text("crashed"),
        .run_us = UINT64_MAX,
        .sequence = 7,
        .credit_bytes = 8,
        .worker = text("w"),
        .task = text("t"),
        .content_type = text("text/plain"),
        .body = text("body"),
    };
    wire_begin(&b);
    wire_put(&b, &sent);
    assert_int_equal(first(&b, &reader, &item), 1);
    assert_int_equal(item.kind, WIRE_ANSWER);
    assert_text(item.id, "id");
    assert_true(item.deadline_unix_ms == sent.deadline_unix_ms);
    assert_int_equal(item.budget_ms, sent.budget_ms);
    assert_true(item.may_repeat);
    assert_int_equal(item.status, 599);
    assert_text(item.error, "crashed");
    assert_true(item.run_us == UINT64_MAX);
    assert_int_equal(item.sequence, 7);
    assert_int_equal(item.credit_bytes, 8);
    assert_text(item.worker, "w");
    assert_text(item.task, "t");
    assert_text(item.content_type, "text/plain");
    assert_int_equal(item.pairs.len, 0);
    assert_text(item.body, "body");
    assert_int_equal(wire_next(&reader, &item), 0);
    assert_int_equal(wire_next(&reader, &item), 0);
    buffer_fini(&b);
}

static void test_item_pairs_keep_order_repetition_and_bytes(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    struct wire_reader reader;
    struct wire_item item;
    struct crew_pair pair;
    size_t count = 0;
    wire_begin(&b);
    size_t mark =
        wire_open(&b, &(struct wire_item){.kind = WIRE_REQUEST, .id = text("id")});
    wire_put_pair(&b, "Z", 1, "first", 5);
    wire_put_pair(&b, "A", 1, "\xff\0\r\n", 4);
    wire_put_pair(&b, "Z", 1, "", 0);
    wire_open_body(&b, mark);
    wire_close(&b, mark);
    assert_int_equal(first(&b, &reader, &item), 1);
    assert_true(wire_pairs_valid(item.pairs, &count));
    assert_int_equal(count, 3);
    assert_true(wire_pairs_next(&item.pairs, &pair));
    assert_memory_equal(pair.value, "first", 5);
    assert_true(wire_pairs_next(&item.pairs, &pair));
    assert_int_equal(pair.value_bytes, 4);
    assert_memory_equal(pair.value, "\xff\0\r\n", 4);
    assert_true(wire_pairs_next(&item.pairs, &pair));
    assert_memory_equal(pair.name, "Z", 1);
    assert_int_equal(pair.value_bytes, 0);
    assert_false(wire_pairs_next(&item.pairs, &pair));
    buffer_fini(&b);
}

static void put_simple(struct buffer *b, uint8_t kind, const char *id) {
    wire_put(b, &(struct wire_item){.kind = kind, .id = text(id), .body = text("x")});
}

static void test_item_unknown_kinds_are_skipped(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    struct wire_reader reader;
    struct wire_item item;
    wire_begin(&b);
    put_simple(&b, 100, "later");
    put_simple(&b, WIRE_TAKEN, "known");
    buffer_append(&b, "\0\0\0\3\143\377\377", 7); /* kind 99, with other contents */
    put_simple(&b, 200, "");
    put_simple(&b, 127, "later");
    assert_int_equal(first(&b, &reader, &item), 1);
    assert_text(item.id, "known");
    assert_int_equal(wire_next(&reader, &item), 1);
    assert_int_equal(item.kind, 200); /* a kind between processes needs no id */
    assert_int_equal(wire_next(&reader, &item), 0);
    buffer_fini(&b);
}

static void test_item_unknown_fields_are_skipped(void **state) {
    (void)state;
    static const uint8_t bytes[] = {'C', 'R', 'W', 1, 0, 0,   0,   23,  2,  1, 0,
                                    10,  0,   0,   0, 0, 'i', 99,  0,   2,  7, 7,
                                    4,   0,   2,   1, 4, 'b', 'o', 'd', 'y'};
    struct wire_reader reader;
    struct wire_item item;
    assert_int_equal(wire_read(&reader, bytes, sizeof bytes), 0);
    assert_int_equal(wire_next(&reader, &item), 1);
    assert_int_equal(item.status, 260);
    assert_text(item.body, "body");
}

/* ---- malformed ---- */

static void test_item_envelopes_of_other_versions_are_refused(void **state) {
    (void)state;
    struct wire_reader reader;
    assert_int_equal(wire_read(&reader, "CRW\x02", 4), CREW_EMALFORMED);
    assert_int_equal(wire_read(&reader, "CRW", 3), CREW_EMALFORMED);
    assert_int_equal(wire_read(&reader, "", 0), CREW_EMALFORMED);
    assert_int_equal(wire_read(&reader, "{\"a\": 1}", 8), CREW_EMALFORMED);
}

static void test_item_every_truncation_is_malformed(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    struct wire_reader reader;
    struct wire_item item;
    wire_begin(&b);
    size_t mark = wire_open(
        &b, &(struct wire_item){.kind = WIRE_REQUEST, .id = text("id"), .status = 7});
    wire_put_pair(&b, "NAME", 4, "value", 5);
    wire_open_body(&b, mark);
    wire_close(&b, mark);
    for (size_t bytes = 5; bytes < b.len; bytes++) {
        uint8_t *cut = malloc(bytes); /* of this size, for the address sanitizer */
        assert_non_null(cut);
        memcpy(cut, b.data, bytes);
        assert_int_equal(wire_read(&reader, cut, bytes), 0);
        assert_true(wire_next(&reader, &item) < 0);
        assert_true(wire_next(&reader, &item) < 0); /* the error is repeated */
        free(cut);
    }
    buffer_fini(&b);
}

/* Items with one inner length too large. */
static void test_item_inner_lengths_are_checked(void **state) {
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
    } faults[] = {{9, 200}, {10, 1}, {11, 200}, {15, 200}, {16 + 2 + 2, 200}, {27, 200}};
    struct buffer b = BUFFER_INIT;
    struct wire_reader reader;
    struct wire_item item;
    wire_begin(&b);
    size_t mark = wire_open(
        &b, &(struct wire_item){.kind = WIRE_REQUEST, .id = text("id"), .status = 7});
    wire_put_pair(&b, "NAME", 4, "value", 5);
    wire_open_body(&b, mark);
    wire_close(&b, mark);
    assert_int_equal(first(&b, &reader, &item), 1);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        uint8_t before = b.data[faults[i].at];
        b.data[faults[i].at] = faults[i].value;
        assert_true(first(&b, &reader, &item) < 0);
        b.data[faults[i].at] = before;
    }
    assert_int_equal(first(&b, &reader, &item), 1);
    buffer_fini(&b);
}

static void test_item_known_kinds_need_an_id(void **state) {
    (void)state;
    struct wire_reader reader;
    struct wire_item item;
    for (uint8_t kind = WIRE_REQUEST; kind <= WIRE_TAKEN; kind++) {
        struct buffer b = BUFFER_INIT;
        wire_begin(&b);
        put_simple(&b, kind, "");
        assert_true(first(&b, &reader, &item) < 0);
        buffer_fini(&b);
    }
}

static void assert_refused_id(size_t bytes, bool refused) {
    char id[256];
    struct buffer b = BUFFER_INIT;
    struct wire_reader reader;
    struct wire_item item;
    memset(id, 'x', sizeof id);
    wire_begin(&b);
    wire_put(&b, &(struct wire_item){.kind = WIRE_REQUEST,
                                     .id = {(const uint8_t *)id, bytes}});
    assert_int_equal(first(&b, &reader, &item) < 0, refused);
    buffer_fini(&b);
}

static void test_item_limits_id(void **state) {
    (void)state;
    assert_refused_id(LIMIT_ITEM_ID_BYTES, false);
    assert_refused_id(LIMIT_ITEM_ID_BYTES + 1, true);
}

static void test_item_limits_items_and_pairs(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    struct wire_reader reader;
    struct wire_item item;
    wire_begin(&b);
    for (unsigned i = 0; i <= LIMIT_ITEMS_PER_MESSAGE; i++)
        put_simple(&b, WIRE_CANCEL, "id");
    assert_int_equal(wire_read(&reader, b.data, b.len), 0);
    for (unsigned i = 0; i < LIMIT_ITEMS_PER_MESSAGE; i++)
        assert_int_equal(wire_next(&reader, &item), 1);
    assert_true(wire_next(&reader, &item) < 0);

    buffer_reset(&b, b.cap);
    for (unsigned i = 0; i < LIMIT_PAIR_COUNT; i++)
        wire_put_pair(&b, "a", 1, "", 0);
    assert_true(wire_pairs_valid((struct wire_bytes){b.data, b.len}, NULL));
    wire_put_pair(&b, "a", 1, "", 0);
    assert_false(wire_pairs_valid((struct wire_bytes){b.data, b.len}, NULL));

    buffer_reset(&b, b.cap);
    char *large = calloc(1, LIMIT_PAIRS_BYTES);
    assert_non_null(large);
    wire_put_pair(&b, "a", 1, large, LIMIT_PAIRS_BYTES - 7); /* the head has 6 bytes */
    assert_true(wire_pairs_valid((struct wire_bytes){b.data, b.len}, NULL));
    buffer_reset(&b, b.cap);
    wire_put_pair(&b, "a", 1, large, LIMIT_PAIRS_BYTES - 6);
    free(large);
    assert_false(wire_pairs_valid((struct wire_bytes){b.data, b.len}, NULL));
    buffer_fini(&b);
}

static void test_item_too_long_values_fail_the_buffer(void **state) {
    (void)state;
    static char large[70000];
    const struct wire_bytes bytes = {(const uint8_t *)large, sizeof large};
    const struct wire_item items[] = {
        {.kind = WIRE_REQUEST, .id = {(const uint8_t *)large, 256}},
        {.kind = WIRE_REQUEST, .id = text("id"), .error = bytes},
        {.kind = WIRE_REQUEST,
         .id = text("id"),
         .error = {(const uint8_t *)large, 40000},
         .task = {(const uint8_t *)large, 40000}},
    };
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        struct buffer b = BUFFER_INIT;
        wire_begin(&b);
        wire_put(&b, &items[i]);
        assert_true(b.failed);
        buffer_fini(&b);
    }
    struct buffer b = BUFFER_INIT;
    wire_put_pair(&b, large, sizeof large, "", 0);
    assert_true(b.failed);
    buffer_fini(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_item_layout),
        cmocka_unit_test(test_item_every_field_is_read_back),
        cmocka_unit_test(test_item_pairs_keep_order_repetition_and_bytes),
        cmocka_unit_test(test_item_unknown_kinds_are_skipped),
        cmocka_unit_test(test_item_unknown_fields_are_skipped),
        cmocka_unit_test(test_item_envelopes_of_other_versions_are_refused),
        cmocka_unit_test(test_item_every_truncation_is_malformed),
        cmocka_unit_test(test_item_inner_lengths_are_checked),
        cmocka_unit_test(test_item_known_kinds_need_an_id),
        cmocka_unit_test(test_item_limits_id),
        cmocka_unit_test(test_item_limits_items_and_pairs),
        cmocka_unit_test(test_item_too_long_values_fail_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
