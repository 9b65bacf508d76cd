/* Media types in the header field Accept. */
#include "cmocka_all.h"

#include "fcgi-bridge/http/accept_header.h"
#include <string.h>

static bool names(const char *value) {
    return accept_header_names(value, strlen(value), "application/json");
}

static void test_named(void **state) {
    (void)state;
    assert_true(names("application/json"));
    assert_true(names("Application/JSON"));
    assert_true(names("text/html, application/json"));
    assert_true(names("text/html,\tapplication/json ;q=0.5,*/*"));
    assert_true(names(",,application/json"));
    assert_true(names("application/json; q=0.001"));
    assert_true(names("application/json;charset=utf-8"));
    assert_true(names("application/json;q=0, application/json"));
}

static void test_not_named(void **state) {
    (void)state;
    assert_false(names(""));
    assert_false(names("*/*"));
    assert_false(names("application/*"));
    assert_false(names("application/ld+json"));
    assert_false(names("application/json5"));
    assert_false(names("text/json"));
    assert_false(names("application/jso"));
    assert_false(names("text/html;x=application/json"));
    assert_false(names("application/json;q=0"));
    assert_false(names("application/json ; Q=0.000"));
    assert_false(names("application/json;a=b;q=0."));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named),
        cmocka_unit_test(test_not_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
