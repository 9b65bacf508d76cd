/* wire/http_fields.h, wire/task_name.h and base/utf8.h */
#include "base/utf8.h"
#include "unit.h"
#include "wire/http_fields.h"
#include "wire/limits.h"
#include "wire/task_name.h"

static bool name_valid(const char *name) {
    return http_field_name_valid(name, strlen(name));
}

static void test_http_field_names_are_tokens(void **state) {
    (void)state;
    assert_true(name_valid("Content-Type"));
    assert_true(name_valid("x!#$%&'*+-.^_`|~09"));
    assert_false(name_valid(""));
    assert_false(name_valid("a b"));
    assert_false(name_valid("a:"));
    assert_false(name_valid("a\r"));
    assert_false(name_valid("\xc3\xa4"));
    assert_false(http_field_name_valid("a\0b", 3));
}

static void test_http_field_values_have_no_line_end(void **state) {
    (void)state;
    assert_true(http_field_value_valid("", 0));
    assert_true(http_field_value_valid("a\tb \xff", 5));
    assert_false(http_field_value_valid("a\rb", 3));
    assert_false(http_field_value_valid("a\n", 2));
    assert_false(http_field_value_valid("a\0b", 3));
}

static void test_http_statuses(void **state) {
    (void)state;
    assert_false(http_status_valid(199));
    assert_true(http_status_valid(200));
    assert_true(http_status_valid(599));
    assert_false(http_status_valid(600));
    assert_string_equal(http_reason(404), "Not Found");
    assert_string_equal(http_reason(504), "Gateway Timeout");
    assert_string_equal(http_reason(599), "");
}

static void test_http_fields_of_the_bridge_are_case_insensitive(void **state) {
    (void)state;
    assert_true(http_field_is_bridges_own("Status", 6));
    assert_true(http_field_is_bridges_own("CREW-ERROR", 10));
    assert_true(http_field_is_bridges_own("transfer-encoding", 17));
    assert_true(http_field_is_bridges_own("connection", 10));
    assert_true(http_field_is_bridges_own("Keep-Alive", 10));
    assert_false(http_field_is_bridges_own("Statu", 5));
    assert_false(http_field_is_bridges_own("Status2", 7));
    assert_false(http_field_is_bridges_own("Content-Length", 14));
    assert_true(http_name_equal("hOST", 4, "Host"));
    assert_false(http_name_equal("Hos", 3, "Host"));
}

static bool task_valid(const char *name) {
    return task_name_valid(name, strlen(name));
}

static void test_task_names(void **state) {
    (void)state;
    char longest[LIMIT_TASK_NAME_BYTES + 2];
    memset(longest, 'x', sizeof longest);
    assert_true(task_valid("test"));
    assert_true(task_valid("a.b/c d"));
    assert_true(task_valid("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"));
    assert_true(task_name_valid(longest, LIMIT_TASK_NAME_BYTES));
    assert_false(task_name_valid(longest, LIMIT_TASK_NAME_BYTES + 1));
    assert_false(task_valid(""));
    assert_false(task_valid("a\nb"));
    assert_false(task_valid("a\x7f"));
    assert_false(task_valid("\xc2\x85"));
    assert_false(task_valid("\xff"));
    assert_false(task_name_valid("a\0b", 3));
}

static size_t taken(const char *text, uint32_t *code) {
    return utf8_first(text, strlen(text), code);
}

static void test_utf8_accepts_only_valid_characters(void **state) {
    (void)state;
    uint32_t code = 1;
    assert_int_equal(taken("a", &code), 1);
    assert_int_equal(code, 'a');
    assert_int_equal(taken("\xe2\x82\xac!", &code), 3);
    assert_int_equal(code, 0x20ac);
    assert_int_equal(taken("\xf4\x8f\xbf\xbf", &code), 4);
    assert_int_equal(code, 0x10ffff);
    static const char *const broken[] = {"",
                                         "\x80",
                                         "\xc3",
                                         "\xc3(",
                                         "\xc0\x80",
                                         "\xe0\x80\x80",
                                         "\xe2\x82",
                                         "\xed\xa0\x80",
                                         "\xf0\x80\x80\x80",
                                         "\xf4\x90\x80\x80",
                                         "\xf5\x80\x80\x80"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_int_equal(taken(broken[i], &code), 0);
    assert_int_equal(code, 0x10ffff);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_field_names_are_tokens),
        cmocka_unit_test(test_http_field_values_have_no_line_end),
        cmocka_unit_test(test_http_statuses),
        cmocka_unit_test(test_http_fields_of_the_bridge_are_case_insensitive),
        cmocka_unit_test(test_task_names),
        cmocka_unit_test(test_utf8_accepts_only_valid_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
