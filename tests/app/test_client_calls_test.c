/* The test client: the calls that handlers make. */
#include "test_client_fixture.h"

#include <stdio.h>

static void test_calls_are_recorded(void **state) {
    (void)state;
    size_t count;
    crew_test_calls(test, &count);
    assert_int_equal(count, 0);
    assert_string_equal(post("/call", "unknown"), "no-workers 503 - []");
    const struct crew_call *calls = crew_test_calls(test, &count);
    assert_int_equal(count, 1);
    assert_string_equal(calls[0].task, "unknown");
    assert_string_equal(calls[0].content_type, "text/x-question");
    assert_string_equal(calls[0].body, "why?");
    assert_int_equal(calls[0].body_bytes, 4);
    assert_int_equal(calls[0].pair_count, 1);
    assert_string_equal(calls[0].pairs[0].name, "X-Word");
    assert_string_equal(calls[0].pairs[0].value, "Neo");
    assert_in_range(calls[0].expiration_ms, 20000, 30000);
    crew_test_clear(test);
    crew_test_calls(test, &count);
    assert_int_equal(count, 0);
}

static void test_calls_get_fixed_answers(void **state) {
    (void)state;
    char text[] = "because";
    crew_test_answer_text(test, "oracle", text);
    memset(text, 'x', 3);
    assert_string_equal(post("/call", "oracle"),
                        "ok 200 text/plain; charset=utf-8 [because]");
    assert_string_equal(post("/call", "oracle"),
                        "ok 200 text/plain; charset=utf-8 [because]");
    const struct crew_answer teapot = {.status = 418, .body = "tea", .body_bytes = 3};
    crew_test_answer(test, "oracle", &teapot);
    assert_string_equal(post("/call", "oracle"), "ok 418 - [tea]");
    crew_test_answer(test, "oracle", &(struct crew_answer){.error = CREW_ECRASHED});
    assert_string_equal(post("/call", "oracle"), "crashed 502 - []");
    crew_test_on_call(test, "oracle", NULL, NULL);
    assert_string_equal(post("/call", "oracle"), "no-workers 503 - []");
}

struct oracle {
    int asked;
    char words[64];
};

static void oracle(void *arg, const struct crew_call *call, struct crew_answer *answer) {
    struct oracle *self = arg;
    int bytes = snprintf(self->words, sizeof self->words, "%s %d to %.*s", call->task,
                         ++self->asked, (int)call->body_bytes, (const char *)call->body);
    answer->body = self->words;
    answer->body_bytes = (size_t)bytes;
}

static void test_calls_are_answered_by_a_function(void **state) {
    (void)state;
    struct oracle self = {0};
    crew_test_on_call(test, "oracle", oracle, &self);
    assert_string_equal(post("/call", "oracle"), "ok 200 - [oracle 1 to why?]");
    assert_string_equal(post("/call", "oracle"), "ok 200 - [oracle 2 to why?]");
    assert_int_equal(self.asked, 2);
}

static void test_calls_to_the_apps_own_tasks(void **state) {
    (void)state;
    crew_test_get(test, "/count");
    crew_test_get(test, "/count");
    assert_string_equal(post("/call", "count"),
                        "ok 200 text/plain; charset=utf-8 "
                        "[00000000-0000-4000-8000-000000000002 1]");
    assert_string_equal(post("/call", "echo"), "ok 200 text/plain; charset=utf-8 "
                                               "[ ?\ntext/x-question, 4 bytes\nwhy?]");
    assert_string_equal(post("/call", "env"),
                        "ok 200 text/plain; charset=utf-8 [X-Word=Neo\n]");
    assert_string_equal(post("/call", "http"),
                        "ok 404 text/plain; charset=utf-8 [404 Not Found\n]");
    crew_test_answer_text(test, "count", "none");
    assert_string_equal(post("/call", "count"),
                        "ok 200 text/plain; charset=utf-8 [none]");
    assert_string_equal(crew_test_task(test, "count", NULL)->body,
                        "00000000-0000-4000-8000-000000000001 3");
}

static void test_calls_recursion_limit(void **state) {
    (void)state;
    size_t count;
    assert_string_equal(crew_test_task(test, "again", NULL)->body, "overloaded");
    crew_test_calls(test, &count);
    assert_int_equal(count, 16);
}

static void test_calls_of_a_handler_that_is_stopping(void **state) {
    (void)state;
    size_t count;
    crew_test_stop_after_ms(test, 0);
    assert_string_equal(post("/call", "echo"), "timeout 504 - []");
    crew_test_calls(test, &count);
    assert_int_equal(count, 0);
}

/* ---- groups ---- */

static void assert_group(const char *end, int error, const char *statuses) {
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%d: %s", error, statuses);
    assert_string_equal(post("/group", end), wanted);
}

static void test_groups_of_calls(void **state) {
    (void)state;
    size_t count;
    crew_test_answer(test, "a", &(struct crew_answer){.error = CREW_ELOST});
    crew_test_answer_text(test, "b", "here");
    assert_group("ALL", CREW_ELOST, "502 200 503");
    assert_group("ANY", 0, "502 200 499");
    assert_group("FIRST", CREW_ELOST, "502 499 499");
    crew_test_on_call(test, "b", NULL, NULL);
    assert_group("ANY", CREW_ELOST, "502 503 503");
    crew_test_answer_text(test, "a", "here");
    assert_group("FIRST", 0, "200 499 499");
    assert_group("ALL", CREW_ENOWORKERS, "200 503 503");

    const struct crew_call *calls = crew_test_calls(test, &count);
    assert_int_equal(count, 18);
    assert_string_equal(calls[17].task, "c");
    for (size_t i = 0; i < count; i++)
        assert_int_equal(calls[i].expiration_ms, 2000);
}

static void test_publications_are_recorded(void **state) {
    (void)state;
    size_t count;
    crew_test_publishes(test, &count);
    assert_int_equal(count, 0);
    assert_string_equal(post("/publish", "news.today"), "ok");
    assert_string_equal(post("/publish", "no.*"), crew_strerror(CREW_EINVAL));
    crew_test_fail_publishes(test, CREW_EBROKER);
    assert_string_equal(post("/publish", "away"), crew_strerror(CREW_EBROKER));
    crew_test_fail_publishes(test, 0);
    assert_string_equal(post("/publish", "back"), "ok");

    const struct crew_publication *seen = crew_test_publishes(test, &count);
    assert_int_equal(count, 3);
    assert_string_equal(seen[0].channel, "news.today");
    assert_string_equal(seen[0].content_type, "text/x-news");
    assert_int_equal(seen[0].body_bytes, 3);
    assert_memory_equal(seen[0].body, "a\0b", 4);
    assert_in_range(seen[0].expiration_ms, 20000, 30000);
    assert_string_equal(seen[1].channel, "away");
    assert_string_equal(seen[2].channel, "back");
    crew_test_clear(test);
    crew_test_publishes(test, &count);
    assert_int_equal(count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_calls_are_recorded),
        TEST(test_calls_get_fixed_answers),
        TEST(test_calls_are_answered_by_a_function),
        TEST(test_calls_to_the_apps_own_tasks),
        TEST(test_calls_recursion_limit),
        TEST(test_calls_of_a_handler_that_is_stopping),
        TEST(test_groups_of_calls),
        TEST(test_publications_are_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
