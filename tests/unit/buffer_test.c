/* base/buffer.h */
#include "base/buffer.h"
#include "unit.h"

static void test_buffer_appends_in_order(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    buffer_append(&b, "ab", 2);
    buffer_append(&b, NULL, 0);
    buffer_append_text(&b, "cd");
    buffer_printf(&b, "%d-%s", 42, "x");
    assert_int_equal(b.len, 8);
    assert_memory_equal(b.data, "abcd42-x", 8);
    buffer_fini(&b);
    assert_null(b.data);
}

static void test_buffer_grows_over_many_appends(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    for (unsigned i = 0; i < 100000; i++)
        buffer_u8(&b, (uint8_t)i);
    assert_false(b.failed);
    assert_int_equal(b.len, 100000);
    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal(b.data[i], (uint8_t)i);
    buffer_fini(&b);
}

static void test_buffer_numbers_are_in_network_order(void **state) {
    (void)state;
    static const uint8_t expected[] = {1, 2, 3, 0xfe, 5, 6, 7, 8, 0xff, 1, 2, 3, 4, 5, 6};
    struct buffer b = BUFFER_INIT;
    buffer_u8(&b, 1);
    buffer_u16(&b, 0x0203);
    buffer_u32(&b, 0xfe050607);
    buffer_u64(&b, 0x08ff010203040506);
    assert_int_equal(b.len, sizeof expected);
    assert_memory_equal(b.data, expected, sizeof expected);
    assert_int_equal(bytes_u16(b.data + 1), 0x0203);
    assert_int_equal(bytes_u32(b.data + 3), 0xfe050607);
    assert_true(bytes_u64(b.data + 7) == 0x08ff010203040506);
    buffer_put_u32_at(&b, 3, 7);
    assert_int_equal(bytes_u32(b.data + 3), 7);
    assert_int_equal(b.data[7], 8);
    buffer_fini(&b);
}

static void test_buffer_failure_keeps_contents_until_reset(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    buffer_append_text(&b, "kept");
    assert_null(buffer_reserve(&b, SIZE_MAX - 2));
    assert_true(b.failed);
    buffer_append_text(&b, "gap"); /* appends after a failure do nothing */
    assert_int_equal(b.len, 4);
    assert_memory_equal(b.data, "kept", 4);
    buffer_reset(&b, 1000);
    assert_false(b.failed);
    buffer_append_text(&b, "new");
    assert_memory_equal(b.data, "new", 3);
    buffer_fini(&b);
}

static void test_buffer_reset_shrinks_large_memory(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    assert_non_null(buffer_reserve(&b, 1000));
    buffer_reset(&b, 5000);
    assert_true(b.cap >= 1000);
    buffer_reset(&b, 100);
    assert_int_equal(b.cap, 100);
    buffer_reset(&b, 0);
    assert_int_equal(b.cap, 0);
    assert_null(b.data);
}

static void test_buffer_consume_moves_the_rest(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    buffer_append_text(&b, "abcdef");
    buffer_consume(&b, 0);
    buffer_consume(&b, 2);
    assert_int_equal(b.len, 4);
    assert_memory_equal(b.data, "cdef", 4);
    buffer_consume(&b, 4);
    assert_int_equal(b.len, 0);
    buffer_fini(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffer_appends_in_order),
        cmocka_unit_test(test_buffer_grows_over_many_appends),
        cmocka_unit_test(test_buffer_numbers_are_in_network_order),
        cmocka_unit_test(test_buffer_failure_keeps_contents_until_reset),
        cmocka_unit_test(test_buffer_reset_shrinks_large_memory),
        cmocka_unit_test(test_buffer_consume_moves_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
