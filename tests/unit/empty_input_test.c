/* Parsers of foreign bytes accept an empty input, whose pointer may be null: no undefined
 * behaviour (run with the sanitizers, preset asan), and an empty or an error result. */
#include "base/base64.h"
#include "base/utf8.h"
#include "unit.h"
#include "wire/channel_name.h"
#include "wire/envelope.h"
#include "wire/gzip.h"
#include "wire/http_fields.h"
#include "wire/json.h"
#include "wire/retry_policy.h"
#include "wire/task_name.h"

static void test_an_empty_envelope_is_malformed(void **state) {
    (void)state;
    struct wire_reader reader;
    assert_int_equal(wire_read(&reader, NULL, 0), CREW_EMALFORMED);
}

static void test_an_empty_block_of_pairs_is_valid(void **state) {
    (void)state;
    struct wire_bytes block = {NULL, 0};
    struct crew_pair pair;
    size_t count = 1;
    assert_true(wire_pairs_valid(block, &count));
    assert_int_equal(count, 0);
    assert_false(wire_pairs_next(&block, &pair));
}

static void test_empty_parts_of_an_item_are_written_and_read(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    struct wire_reader reader;
    struct wire_item item;
    const struct wire_item sent = {.kind = WIRE_REQUEST, .id = wire_text("i")};
    wire_begin(&b);
    wire_put(&b, &sent);
    size_t mark = wire_open(&b, &sent);
    wire_put_pair(&b, NULL, 0, NULL, 0);
    wire_open_body(&b, mark);
    wire_close(&b, mark);
    assert_int_equal(wire_read(&reader, b.data, b.len), CREW_OK);
    assert_int_equal(wire_next(&reader, &item), 1);
    assert_int_equal(item.pairs.len + item.body.len + item.task.len, 0);
    assert_int_equal(wire_next(&reader, &item), 1);
    assert_int_equal(item.body.len, 0);
    assert_int_equal(wire_next(&reader, &item), 0);
    buffer_fini(&b);
}

static void test_empty_gzip_is_malformed(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    assert_int_equal(gzip_inflate(&b, NULL, 0, 100), CREW_EMALFORMED);
    assert_false(gzip_deflate(&b, NULL, 0));
    assert_int_equal(b.len, 0);
    buffer_fini(&b);
}

static void test_empty_texts_have_a_result(void **state) {
    (void)state;
    uint32_t code = 7;
    assert_int_equal(utf8_first(NULL, 0, &code), 0);
    assert_int_equal(code, 7);
    assert_true(utf8_valid(NULL, 0));
    assert_true(utf8_printable(NULL, 0));
    assert_false(task_name_valid(NULL, 0));
    assert_false(channel_name_valid(NULL, 0));
    assert_false(http_field_name_valid(NULL, 0));
    assert_true(http_field_value_valid(NULL, 0));
    assert_false(http_field_is_bridges_own(NULL, 0));
    assert_false(json_valid(NULL, 0, NULL, 0));
    assert_int_equal(retry_repeat_of_method(NULL, 0), CREW_REPEAT_NEVER);
}

static void test_empty_appends_do_nothing(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    buffer_append(&b, NULL, 0);
    base64_append(&b, NULL, 0);
    buffer_consume(&b, 0);
    buffer_reset(&b, 0);
    assert_int_equal(b.len, 0);
    assert_false(b.failed);
    buffer_fini(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_envelope_is_malformed),
        cmocka_unit_test(test_an_empty_block_of_pairs_is_valid),
        cmocka_unit_test(test_empty_parts_of_an_item_are_written_and_read),
        cmocka_unit_test(test_empty_gzip_is_malformed),
        cmocka_unit_test(test_empty_texts_have_a_result),
        cmocka_unit_test(test_empty_appends_do_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
