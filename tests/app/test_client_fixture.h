/* Fixture: a test client with tested_app.c, new for each test. */
#ifndef CREW_TEST_TEST_CLIENT_FIXTURE_H
#define CREW_TEST_TEST_CLIENT_FIXTURE_H

#include "cmocka_all.h"

#include <crew/test.h>
#include <string.h>

static crew_test *test;

static int begin(void **state) {
    (void)state;
    return crew_test_new_app(crew_app_init, NULL, &test, NULL, 0);
}

static int end(void **state) {
    (void)state;
    crew_test_free(test);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

static inline const char *post(const char *path, const char *body) {
    return crew_test_post(test, path, "text/plain", body, strlen(body))->body;
}

#endif
