/* How many processes there are (app-worker/scheduler/autoscale.h), and when one is
 * replaced (recycling.h). */
#include "app-worker/scheduler/autoscale.h"
#include "app-worker/scheduler/recycling.h"
#include "unit.h"

static const struct autoscale scale = {.processes = 2, .max_processes = 5};

static unsigned target(enum scheduler_phase phase, unsigned waiting, bool has_queued) {
    const struct autoscale_counts counts = {.waiting = waiting};
    return autoscale_target(&scale, phase, &counts, has_queued);
}

static void test_autoscale_target_by_phase(void **state) {
    (void)state;
    assert_int_equal(target(SCHEDULER_PROBING, 0, true), 1);
    assert_int_equal(target(SCHEDULER_SERVING, 0, false), 2);
    assert_int_equal(target(SCHEDULER_DRAINING, 0, false), 0);
    assert_int_equal(target(SCHEDULER_DRAINING, 1, true), 3);
    assert_int_equal(target(SCHEDULER_CLOSED, 1, true), 0);
}

static void test_autoscale_one_spare_for_each_that_waits(void **state) {
    (void)state;
    for (unsigned waiting = 0; waiting < 20; waiting++) {
        unsigned spares = waiting < 3 ? waiting : 3;
        assert_int_equal(target(SCHEDULER_SERVING, waiting, false), 2 + spares);
    }
}

static void test_autoscale_the_last_process_is_reserved_for_subcalls(void **state) {
    struct autoscale calling = scale;
    struct autoscale_counts counts = {.holding = 4};
    (void)state;
    assert_false(autoscale_is_reserved(&calling, &counts));
    calling.calls_itself = true;
    assert_true(autoscale_is_reserved(&calling, &counts));
    counts.holding = 3;
    assert_false(autoscale_is_reserved(&calling, &counts));
}

static void test_autoscale_without_spares_only_while_a_handler_waits(void **state) {
    struct autoscale calling = {.processes = 3, .max_processes = 3, .calls_itself = true};
    const struct autoscale_counts counts = {.holding = 2};
    (void)state;
    assert_false(autoscale_is_reserved(&calling, &counts));
    calling.waiting_on_self = 1;
    assert_true(autoscale_is_reserved(&calling, &counts));
}

static void test_autoscale_has_other(void **state) {
    struct autoscale_counts counts = {.taking = 5, .taking_waiting = 3};
    (void)state;
    assert_true(autoscale_has_other(&scale, &counts, true));
    counts.taking_waiting = 4; /* it would be the last */
    assert_false(autoscale_has_other(&scale, &counts, true));
    assert_true(autoscale_has_other(&scale, &counts, false));
    counts.taking = 4, counts.taking_waiting = 3; /* one more can be started */
    assert_true(autoscale_has_other(&scale, &counts, true));
}

static void test_recycling_after_requests(void **state) {
    struct recycling recycling;
    (void)state;
    recycling_init(&recycling, 10, 0, 0);
    assert_false(recycling_is_due(&recycling, 9, SIZE_MAX));
    assert_true(recycling_is_due(&recycling, 10, 0));
    recycling_init(&recycling, 0, 0, 0);
    assert_false(recycling_is_due(&recycling, UINT64_MAX, SIZE_MAX));
}

static void test_recycling_when_half_of_the_free_memory_is_used(void **state) {
    struct recycling recycling;
    (void)state;
    recycling_init(&recycling, 0, 1000, 200);
    assert_false(recycling_is_due(&recycling, 1, 600));
    assert_true(recycling_is_due(&recycling, 1, 601));
    recycling_init(&recycling, 0, 1000, 1200); /* above the limit from the start */
    assert_false(recycling_is_due(&recycling, 1, 1200));
    assert_true(recycling_is_due(&recycling, 1, 1201));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_autoscale_target_by_phase),
        cmocka_unit_test(test_autoscale_one_spare_for_each_that_waits),
        cmocka_unit_test(test_autoscale_the_last_process_is_reserved_for_subcalls),
        cmocka_unit_test(test_autoscale_without_spares_only_while_a_handler_waits),
        cmocka_unit_test(test_autoscale_has_other),
        cmocka_unit_test(test_recycling_after_requests),
        cmocka_unit_test(test_recycling_when_half_of_the_free_memory_is_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
