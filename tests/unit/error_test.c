/* crew/error.h: error words and statuses, which programs and the wire protocol rely
 * on. */
#include "unit.h"

#include <crew/error.h>

static const struct {
    int error;
    const char *word;
    int status;
} outcomes[] = {
    {CREW_EBROKER, "broker", 503},
    {CREW_EOVERLOADED, "overloaded", 503},
    {CREW_ENOWORKERS, "no-workers", 503},
    {CREW_EEXPIRED, "expired", 503},
    {CREW_ETIMEOUT, "timeout", 504},
    {CREW_EDEADLINE, "deadline", 504},
    {CREW_ECRASHED, "crashed", 502},
    {CREW_ELOST, "lost", 502},
    {CREW_EFAILED, "failed", 500},
    {CREW_EBADRESPONSE, "bad-response", 502},
    {CREW_EBADENVELOPE, "bad-envelope", 502},
    {CREW_ECANCELLED, "cancelled", 499},
};

static void test_error_outcomes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        const char *word = outcomes[i].word;
        assert_string_equal(crew_error_word(outcomes[i].error), word);
        assert_int_equal(crew_error_status(outcomes[i].error), outcomes[i].status);
        assert_int_equal(crew_error_from_word(word, strlen(word)), outcomes[i].error);
    }
}

static void test_error_others_are_not_errors_of_calls(void **state) {
    (void)state;
    for (int error = CREW_OK; error < CREW_EBROKER; error++) {
        assert_null(crew_error_word(error));
        assert_int_equal(crew_error_status(error), 500);
    }
    assert_null(crew_error_word(CREW_EBADREQUEST));
    assert_int_equal(crew_error_from_word("", 0), 0);
    assert_int_equal(crew_error_from_word("broke", 5), 0);
    assert_int_equal(crew_error_from_word("brokerage", 9), 0);
    assert_int_equal(crew_error_from_word("brokerage", 6), CREW_EBROKER);
}

static void test_error_every_code_has_a_description(void **state) {
    (void)state;
    for (int a = 0; a < CREW_ERROR_COUNT; a++)
        for (int b = 0; b < a; b++)
            assert_string_not_equal(crew_strerror(a), crew_strerror(b));
    assert_string_equal(crew_strerror(-1), "unknown error");
    assert_string_equal(crew_strerror(CREW_ERROR_COUNT), "unknown error");
    assert_null(crew_error_word(-1));
    assert_null(crew_error_word(CREW_ERROR_COUNT));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_outcomes),
        cmocka_unit_test(test_error_others_are_not_errors_of_calls),
        cmocka_unit_test(test_error_every_code_has_a_description),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
