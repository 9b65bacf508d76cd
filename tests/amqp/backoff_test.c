/* Delays between attempts to connect. */
#include "amqp/backoff.h"
#include "cmocka_all.h"

static void assert_between(uint32_t ms, uint32_t low, uint32_t high) {
    assert_in_range(ms, low, high);
}

static void test_delay_doubles_up_to_five_seconds(void **state) {
    (void)state;
    struct backoff b = {.url_count = 1};
    const uint32_t max[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
    for (size_t i = 0; i < sizeof max / sizeof max[0]; i++) {
        assert_between(backoff_after_failure_ms(&b), max[i] / 2, max[i]);
        assert_int_equal(b.url, 0);
    }
    for (int i = 0; i < 100; i++)
        assert_between(backoff_after_failure_ms(&b), 2500, 5000);
}

static void test_next_address_is_tried_after_a_short_delay(void **state) {
    (void)state;
    struct backoff b = {.url_count = 3};
    for (int i = 0; i < 5; i++) {
        b.rounds = 9;
        assert_between(backoff_after_failure_ms(&b), 50, 100);
        assert_int_equal(b.url, 1);
        assert_between(backoff_after_failure_ms(&b), 50, 100);
        assert_int_equal(b.url, 2);
        assert_between(backoff_after_failure_ms(&b), 2500, 5000);
        assert_int_equal(b.url, 0);
    }
}

static void test_a_connection_that_lasted_resets_the_delay(void **state) {
    (void)state;
    struct backoff b = {.url_count = 2, .url = 1, .rounds = 9};
    assert_between(backoff_after_loss_ms(&b, 60000), 50, 100);
    assert_int_equal(b.url, 1); /* the other programs stay there */
}

static void test_an_address_that_loses_connections_at_once_is_left(void **state) {
    (void)state;
    struct backoff b = {.url_count = 2};
    backoff_after_loss_ms(&b, 60000);
    assert_int_equal(b.url, 0);
    backoff_after_loss_ms(&b, 60000);
    assert_int_equal(b.url, 0);
    backoff_after_loss_ms(&b, 5);
    assert_int_equal(b.url, 1);
}

static void test_a_connection_lost_at_once_does_not_reset_the_delay(void **state) {
    (void)state;
    struct backoff b = {.url_count = 1};
    assert_between(backoff_after_loss_ms(&b, 5), 50, 100);
    assert_between(backoff_after_loss_ms(&b, 5), 100, 200);
    assert_between(backoff_after_loss_ms(&b, 5), 200, 400);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delay_doubles_up_to_five_seconds),
        cmocka_unit_test(test_next_address_is_tried_after_a_short_delay),
        cmocka_unit_test(test_a_connection_that_lasted_resets_the_delay),
        cmocka_unit_test(test_an_address_that_loses_connections_at_once_is_left),
        cmocka_unit_test(test_a_connection_lost_at_once_does_not_reset_the_delay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
