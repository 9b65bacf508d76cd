/* base/random.h and base/clock.h */
#include "base/clock.h"
#include "base/random.h"
#include "unit.h"

#include <time.h>

static void test_random_uuid_has_the_form_of_version_4(void **state) {
    (void)state;
    static const char form[] = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
    char text[UUID_BYTES], other[UUID_BYTES];
    for (unsigned round = 0; round < 100; round++) {
        random_uuid(text);
        assert_int_equal(strlen(text), UUID_BYTES - 1);
        for (size_t i = 0; form[i] != '\0'; i++) {
            const char *allowed = form[i] == 'x'   ? "0123456789abcdef"
                                  : form[i] == 'y' ? "89ab"
                                  : form[i] == '4' ? "4"
                                                   : "-";
            assert_non_null(strchr(allowed, text[i]));
        }
        random_uuid(other);
        assert_string_not_equal(text, other);
    }
}

static void test_random_hex_has_its_length(void **state) {
    (void)state;
    char text[201], other[201];
    memset(text, 'Z', sizeof text);
    random_hex(text, 5);
    assert_int_equal(strspn(text, "0123456789abcdef"), 10);
    assert_int_equal(text[10], '\0');
    assert_int_equal(text[11], 'Z');
    random_hex(text, 100);
    random_hex(other, 100);
    assert_int_equal(strspn(text, "0123456789abcdef"), 200);
    assert_string_not_equal(text, other);
}

static void test_random_below_is_uniform(void **state) {
    (void)state;
    unsigned seen[5] = {0};
    for (unsigned i = 0; i < 1000; i++) {
        uint32_t number = random_below(5);
        assert_in_range(number, 0, 4);
        seen[number]++;
    }
    for (unsigned i = 0; i < 5; i++)
        assert_true(seen[i] > 100); /* 200 expected, deviation 13 */
    assert_int_equal(random_below(1), 0);
    assert_int_equal(random_below(0), 0);
}

static void test_clock_units(void **state) {
    (void)state;
    uint64_t us = clock_us(), ms = clock_ms();
    assert_true(ms >= us / 1000 && ms - us / 1000 < 1000);
    int64_t apart_ms = (int64_t)clock_unix_ms() - (int64_t)time(NULL) * 1000;
    assert_true(apart_ms > -1000 && apart_ms < 3000);
    while (clock_us() == us) {
    }
    assert_true(clock_us() > us);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_uuid_has_the_form_of_version_4),
        cmocka_unit_test(test_random_hex_has_its_length),
        cmocka_unit_test(test_random_below_is_uniform),
        cmocka_unit_test(test_clock_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
