/* Render cache: records are found again for the same message in the same form, and only
 * then. */
#include "cmocka_all.h"

#include "fcgi-bridge/pubsub/render_cache.h"

static const char body[] = "body";
static const struct crew_subscribed message = {.cursor = 12, .body = body};
static const struct render_key key = {.form = RENDER_MESSAGE, .request_id = 1};

static struct render_cache cache;

static int setup(void **state) {
    (void)state;
    buffer_append_text(render_cache_find(&cache, key, &message), "records");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    render_cache_clear(&cache);
    return 0;
}

static bool is_cached(struct render_key wanted, const struct crew_subscribed *of) {
    const struct buffer *records = render_cache_find(&cache, wanted, of);
    return records->len == 7 && memcmp(records->data, "records", 7) == 0;
}

static void test_same(void **state) {
    (void)state;
    assert_true(is_cached(key, &message));
    assert_true(is_cached(key, &message));
}

static void test_forms_are_independent(void **state) {
    (void)state;
    for (enum render_form form = 0; form < RENDER_FORMS; form++) {
        struct render_key other = key;
        other.form = form;
        assert_true(is_cached(other, &message) == (form == key.form));
    }
    assert_true(is_cached(key, &message));
}

static void test_other_message(void **state) {
    (void)state;
    struct crew_subscribed other = message;
    other.cursor = 13;
    assert_false(is_cached(key, &other));
    assert_false(is_cached(key, &message)); /* only the last one is kept */
}

static void test_other_history(void **state) {
    (void)state;
    static const char other_body[] = "body";
    struct crew_subscribed other = message;
    other.body = other_body;
    assert_false(is_cached(key, &other));
}

static void test_gap(void **state) {
    (void)state;
    struct crew_subscribed other = message;
    other.gap = true;
    assert_false(is_cached(key, &other));
}

static void test_other_request_id(void **state) {
    (void)state;
    struct render_key other = key;
    other.request_id = 2;
    assert_false(is_cached(other, &message));
}

static void test_head(void **state) {
    (void)state;
    struct render_key other = key;
    other.head = true;
    assert_false(is_cached(other, &message));
}

static void test_clear(void **state) {
    (void)state;
    render_cache_clear(&cache);
    assert_false(is_cached(key, &message));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_same, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forms_are_independent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_message, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_history, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_request_id, setup, teardown),
        cmocka_unit_test_setup_teardown(test_head, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clear, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
