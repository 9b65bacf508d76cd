/* wire/retry_policy.h: a task that must not be repeated never runs twice. */
#include "unit.h"
#include "wire/retry_policy.h"

#include <crew/error.h>

static const enum retry_progress every_progress[] = {
    RETRY_NEVER_SENT, RETRY_NOT_STARTED, RETRY_MAY_HAVE_RUN, RETRY_ANSWER_BEGUN};

#define PROGRESS_COUNT (sizeof every_progress / sizeof *every_progress)

static void test_task_of_unknown_outcome_runs_again_only_if_repeatable(void **state) {
    (void)state;
    assert_int_equal(retry_after_loss(RETRY_MAY_HAVE_RUN, true), CREW_OK);
    assert_int_equal(retry_after_loss(RETRY_MAY_HAVE_RUN, false), CREW_ELOST);
}

static void test_task_that_has_not_started_runs_again(void **state) {
    (void)state;
    assert_int_equal(retry_after_loss(RETRY_NOT_STARTED, true), CREW_OK);
    assert_int_equal(retry_after_loss(RETRY_NOT_STARTED, false), CREW_OK);
}

static void test_request_that_was_never_sent_fails_without_doubt(void **state) {
    (void)state;
    assert_int_equal(retry_after_loss(RETRY_NEVER_SENT, true), CREW_EBROKER);
    assert_int_equal(retry_after_loss(RETRY_NEVER_SENT, false), CREW_EBROKER);
}

static void test_begun_answer_is_never_repeated(void **state) {
    (void)state;
    assert_int_equal(retry_after_loss(RETRY_ANSWER_BEGUN, true), CREW_ELOST);
    assert_int_equal(retry_after_loss(RETRY_ANSWER_BEGUN, false), CREW_ELOST);
}

/* Whatever happened: permission to repeat only ever adds runs, and CREW_EBROKER, which
 * tells the caller that nothing has run, is never said of a task that was sent. */
static void test_policy_is_monotonic_and_honest(void **state) {
    (void)state;
    for (size_t i = 0; i < PROGRESS_COUNT; i++) {
        enum retry_progress progress = every_progress[i];
        if (retry_after_loss(progress, false) == CREW_OK)
            assert_int_equal(retry_after_loss(progress, true), CREW_OK);
        bool sent = progress != RETRY_NEVER_SENT;
        assert_int_equal(retry_after_loss(progress, false) == CREW_EBROKER, !sent);
        assert_int_equal(retry_after_loss(progress, true) == CREW_EBROKER, !sent);
        assert_int_equal(retry_error_without_connection(progress),
                         sent ? CREW_ELOST : CREW_EBROKER);
    }
}

static void test_second_delivery_may_have_run(void **state) {
    (void)state;
    assert_int_equal(retry_progress_of_delivery(false, false), RETRY_NOT_STARTED);
    assert_int_equal(retry_progress_of_delivery(true, false), RETRY_MAY_HAVE_RUN);
    assert_int_equal(retry_progress_of_delivery(false, true), RETRY_MAY_HAVE_RUN);
    assert_int_equal(retry_progress_of_delivery(true, true), RETRY_MAY_HAVE_RUN);
}

static enum crew_repeat repeat_of(const char *method) {
    return retry_repeat_of_method(method, strlen(method));
}

static void test_idempotent_methods_may_be_repeated(void **state) {
    (void)state;
    static const char *const idempotent[] = {"GET",   "HEAD", "OPTIONS",
                                             "TRACE", "PUT",  "DELETE"};
    static const char *const others[] = {"POST", "PATCH", "get", "GETS",
                                         "GE",   "",      "LOCK"};
    for (size_t i = 0; i < sizeof idempotent / sizeof *idempotent; i++)
        assert_int_equal(repeat_of(idempotent[i]), CREW_REPEAT_ALWAYS);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(repeat_of(others[i]), CREW_REPEAT_NEVER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_task_of_unknown_outcome_runs_again_only_if_repeatable),
        cmocka_unit_test(test_task_that_has_not_started_runs_again),
        cmocka_unit_test(test_request_that_was_never_sent_fails_without_doubt),
        cmocka_unit_test(test_begun_answer_is_never_repeated),
        cmocka_unit_test(test_policy_is_monotonic_and_honest),
        cmocka_unit_test(test_second_delivery_may_have_run),
        cmocka_unit_test(test_idempotent_methods_may_be_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
