/* Estimates of run times (app-worker/scheduler/runtime_estimator.h). */
#include "app-worker/scheduler/runtime_estimator.h"
#include "unit.h"

static struct runtime_estimator estimator;

static int begin(void **state) {
    (void)state;
    runtime_estimator_init(&estimator);
    return 0;
}

static void add(uint64_t run_us, unsigned times) {
    while (times-- > 0)
        runtime_estimator_add(&estimator, run_us);
}

static void test_estimator_begins_pessimistic(void **state) {
    (void)state;
    assert_int_equal(estimator.average_us, 0);
    assert_int_equal(estimator.peak_us, 1000000);
}

static void test_estimator_the_first_run_is_the_average(void **state) {
    (void)state;
    add(0, 1);
    assert_int_equal(estimator.average_us, 1); /* 0 would be: unknown */
}

static void test_estimator_converges(void **state) {
    (void)state;
    add(5000, 1);
    add(100, 200);
    assert_in_range(estimator.average_us, 90, 120);
    assert_int_equal(estimator.peak_us, 100);
}

static void test_estimator_one_slow_run_hardly_moves_the_average(void **state) {
    (void)state;
    add(100, 200);
    add(10000000, 1);
    assert_in_range(estimator.average_us, 2000, 3000); /* an eighth of 20 ms */
}

static void test_estimator_the_peak_rises_at_once_and_decays(void **state) {
    (void)state;
    add(100, 200);
    add(40000, 1);
    assert_int_equal(estimator.peak_us, 40000);
    uint32_t before = estimator.peak_us;
    for (int i = 0; i < 100 && estimator.peak_us > 100; i++) {
        add(100, 1);
        assert_true(estimator.peak_us < before);
        before = estimator.peak_us;
    }
    assert_int_equal(estimator.peak_us, 100);
}

static void test_estimator_a_peak_alone_leaves_the_average(void **state) {
    (void)state;
    add(100, 200);
    uint32_t before = estimator.average_us;
    runtime_estimator_add_peak(&estimator, UINT64_MAX);
    assert_int_equal(estimator.average_us, before);
    assert_int_equal(estimator.peak_us, 1000000);
}

static void test_estimator_stays_in_its_bounds(void **state) {
    uint64_t random = 1;
    (void)state;
    for (int i = 0; i < 100000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        runtime_estimator_add(&estimator, random >> (random >> 58));
        assert_in_range(estimator.average_us, 1, 20000);
        assert_in_range(estimator.peak_us, 0, 1000000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_estimator_begins_pessimistic, begin),
        cmocka_unit_test_setup(test_estimator_the_first_run_is_the_average, begin),
        cmocka_unit_test_setup(test_estimator_converges, begin),
        cmocka_unit_test_setup(test_estimator_one_slow_run_hardly_moves_the_average,
                               begin),
        cmocka_unit_test_setup(test_estimator_the_peak_rises_at_once_and_decays, begin),
        cmocka_unit_test_setup(test_estimator_a_peak_alone_leaves_the_average, begin),
        cmocka_unit_test_setup(test_estimator_stays_in_its_bounds, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
