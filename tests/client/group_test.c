/* Groups of calls: when they end, the order of the answers, and the calls that are not
 * needed any more. */
#include "caller.h"
#include "cmocka_all.h"
#include "fake_worker.h"
#include "fixture.h"
#include "worker_thread.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static crew_client *client;
static struct worker_thread *server;
static char task[64];

static int open_client(void **state) {
    (void)state;
    caller_task(task, sizeof task);
    client = caller_open(NULL);
    server = worker_thread_start(caller_url(), task, 20);
    return 0;
}

static int close_client(void **state) {
    (void)state;
    crew_client_free(client);
    worker_thread_stop(server);
    return 0;
}

/* A group of up to eight calls with these bodies, and its result. */
struct trial {
    struct crew_call calls[8];
    struct crew_group group;
    struct crew_answer *answers[8];
};

static struct trial *trial(struct trial *t, enum crew_group_end end,
                           const char *const bodies[], size_t count) {
    memset(t, 0, sizeof *t);
    for (size_t i = 0; i < count; i++)
        t->calls[i] = caller_plain(task, bodies[i]);
    t->group = (struct crew_group){.end = end, .calls = t->calls, .count = count};
    return t;
}

static int trial_wait(struct trial *t) {
    int error = crew_client_group_wait(client, &t->group, t->answers);
    for (size_t i = 0; i < t->group.count; i++)
        assert_non_null(t->answers[i]);
    return error;
}

static void trial_fini(struct trial *t) {
    for (size_t i = 0; i < t->group.count; i++)
        crew_answer_free(t->answers[i]);
}

static void expect_errors(struct trial *t, const int errors[]) {
    for (size_t i = 0; i < t->group.count; i++) {
        assert_int_equal(t->answers[i]->error, errors[i]);
        if (errors[i] == 0)
            assert_string_equal(t->answers[i]->body, t->calls[i].body);
        else
            assert_int_equal(t->answers[i]->status, crew_error_status(errors[i]));
    }
    trial_fini(t);
}

/* ---- ends ---- */

static void test_answers_are_in_the_order_of_the_calls(void **state) {
    (void)state;
    const char *const bodies[] = {"one", "two", "three", "four", "five"};
    struct trial t;
    assert_int_equal(trial_wait(trial(&t, CREW_GROUP_ALL, bodies, 5)), 0);
    expect_errors(&t, (int[]){0, 0, 0, 0, 0});
}

static void test_all_waits_for_the_last_despite_errors(void **state) {
    (void)state;
    const char *const bodies[] = {"hold", "fail", "crash", "x"};
    struct trial t;
    trial(&t, CREW_GROUP_ALL, bodies, 4);
    t.calls[0].expiration_ms = 400; /* the last to end, and the first in order */
    assert_int_equal(trial_wait(&t), CREW_EDEADLINE);
    expect_errors(&t, (int[]){CREW_EDEADLINE, CREW_EFAILED, CREW_ECRASHED, 0});
}

static void test_any_ends_with_the_first_success(void **state) {
    (void)state;
    const char *const bodies[] = {"hold", "x", "hold"};
    struct trial t;
    assert_int_equal(trial_wait(trial(&t, CREW_GROUP_ANY, bodies, 3)), 0);
    expect_errors(&t, (int[]){CREW_ECANCELLED, 0, CREW_ECANCELLED});
}

static void test_any_ignores_errors(void **state) {
    (void)state;
    const char *const bodies[] = {"fail", "hold", "crash"};
    struct trial t;
    trial(&t, CREW_GROUP_ANY, bodies, 3);
    t.calls[1].expiration_ms = 300;
    assert_int_equal(trial_wait(&t), CREW_EFAILED);
    expect_errors(&t, (int[]){CREW_EFAILED, CREW_EDEADLINE, CREW_ECRASHED});
}

static void test_first_ends_with_any_outcome(void **state) {
    (void)state;
    const char *const good[] = {"hold", "x"}, *const bad[] = {"hold", "fail"};
    struct trial t;
    assert_int_equal(trial_wait(trial(&t, CREW_GROUP_FIRST, good, 2)), 0);
    expect_errors(&t, (int[]){CREW_ECANCELLED, 0});
    assert_int_equal(trial_wait(trial(&t, CREW_GROUP_FIRST, bad, 2)), CREW_EFAILED);
    expect_errors(&t, (int[]){CREW_ECANCELLED, CREW_EFAILED});
}

/* ---- expiration ---- */

static void test_group_expiration_limits_its_calls(void **state) {
    (void)state;
    const char *const bodies[] = {"hold", "x", "hold"};
    struct trial t;
    trial(&t, CREW_GROUP_ALL, bodies, 3);
    t.calls[2].expiration_ms = 0;
    t.group.expiration_ms = 300;
    uint64_t begin_ms = caller_now_ms();
    assert_int_equal(trial_wait(&t), CREW_EDEADLINE);
    assert_in_range(caller_now_ms() - begin_ms, 790, 4000);
    expect_errors(&t, (int[]){CREW_EDEADLINE, 0, CREW_EDEADLINE});
    t.calls[0].expiration_ms = 250; /* a call may have less */
    t.group.expiration_ms = 10000;
    t.group.count = 1;
    begin_ms = caller_now_ms();
    assert_int_equal(trial_wait(&t), CREW_EDEADLINE);
    assert_true(caller_now_ms() - begin_ms < 3000);
    trial_fini(&t);
}

/* ---- in an event loop ---- */

struct ended {
    unsigned times;
    int error;
    size_t count;
    int errors[8];
    unsigned levels; /* groups to be started from the callback, one inside the other */
    crew_pending_group *victim;
    bool victim_was_in_time;
};

static void spin(void) {
    struct pollfd p = {.fd = crew_client_fd(client), .events = POLLIN};
    poll(&p, 1, 20);
    crew_client_dispatch(client);
}

#define until(condition)                           \
    do {                                           \
        unsigned turns_ = FIXTURE_TIMEOUT_MS / 20; \
        while (!(condition) && turns_-- > 0)       \
            spin();                                \
        assert_true(condition);                    \
    } while (0)

static void on_group(void *arg, int error, const struct crew_answer *const answers[],
                     size_t count) {
    struct ended *e = arg;
    e->times++;
    e->error = error;
    e->count = count;
    for (size_t i = 0; i < count && i < COUNT(e->errors); i++)
        e->errors[i] = answers[i]->error;
    if (e->victim != NULL)
        e->victim_was_in_time = crew_client_group_cancel(client, e->victim);
    e->victim = NULL;
    if (e->levels == 0)
        return;
    e->levels--;
    struct crew_call calls[] = {caller_plain(task, "x"), caller_plain(task, "fail")};
    struct crew_group group = {.calls = calls, .count = 2};
    crew_client_group(client, &group, on_group, e, NULL);
}

static void test_callback_has_all_answers_once(void **state) {
    (void)state;
    const char *const bodies[] = {"x", "fail", "y"};
    struct trial t;
    struct ended e = {0};
    trial(&t, CREW_GROUP_ALL, bodies, 3);
    assert_int_equal(crew_client_group(client, &t.group, on_group, &e, NULL), 0);
    assert_int_equal(e.times, 0);
    until(e.times > 0);
    for (int i = 0; i < 5; i++)
        spin();
    assert_int_equal(e.times, 1);
    assert_int_equal(e.error, CREW_EFAILED);
    assert_int_equal(e.count, 3);
    assert_memory_equal(e.errors, ((int[]){0, CREW_EFAILED, 0}), 3 * sizeof(int));
}

static void test_callbacks_may_start_groups(void **state) {
    (void)state;
    struct crew_call call = caller_plain(task, "x");
    struct crew_group group = {.calls = &call, .count = 1};
    struct ended e = {.levels = 5};
    assert_int_equal(crew_client_group(client, &group, on_group, &e, NULL), 0);
    until(e.times == 6);
    assert_int_equal(e.error, CREW_EFAILED);
}

static void test_callback_may_cancel_another_group(void **state) {
    (void)state;
    const char *const quick[] = {"x"}, *const slow[] = {"hold", "y"};
    struct trial a, b;
    struct ended first = {0}, second = {0};
    assert_int_equal(crew_client_group(client, &trial(&b, CREW_GROUP_ALL, slow, 2)->group,
                                       on_group, &second, &first.victim),
                     0);
    assert_int_equal(crew_client_group(client,
                                       &trial(&a, CREW_GROUP_ANY, quick, 1)->group,
                                       on_group, &first, NULL),
                     0);
    until(first.times == 1);
    assert_true(first.victim_was_in_time);
    worker_thread_release(server);
    for (int i = 0; i < 10; i++)
        spin();
    assert_int_equal(second.times, 0);
}

/* Several good answers in one dispatch: the group ends with the first of them. */
static void test_any_with_answers_at_the_same_time(void **state) {
    (void)state;
    enum { GROUPS = 50 };
    const char *const bodies[] = {"1", "2", "3", "4"};
    static struct ended e[GROUPS];
    memset(e, 0, sizeof e);
    for (size_t i = 0; i < GROUPS; i++) {
        struct trial t;
        trial(&t, i % 2 ? CREW_GROUP_ANY : CREW_GROUP_FIRST, bodies, 4);
        assert_int_equal(crew_client_group(client, &t.group, on_group, &e[i], NULL), 0);
    }
    crew_client_dispatch(client);
    worker_thread_await(server, GROUPS); /* so that several answers are there */
    for (size_t i = 0; i < GROUPS; i++) {
        until(e[i].times > 0);
        assert_int_equal(e[i].error, 0);
    }
    for (int i = 0; i < 10; i++)
        spin();
    for (size_t i = 0; i < GROUPS; i++)
        assert_int_equal(e[i].times, 1);
}

/* A peer may answer with any error word; it is an error of the call. */
static void test_outcome_cancelled_from_a_peer_is_an_error(void **state) {
    (void)state;
    char theirs[64];
    caller_task(theirs, sizeof theirs);
    struct fake_worker f;
    fake_worker_open(&f, theirs);
    struct crew_call calls[] = {caller_plain(task, "x"), caller_plain(theirs, "y")};
    struct crew_group group = {.calls = calls, .count = 2};
    struct ended e = {0};
    assert_int_equal(crew_client_group(client, &group, on_group, &e, NULL), 0);
    crew_client_dispatch(client);
    struct message *m = fake_worker_take(&f);
    const struct message_header word = {"crew-error", "cancelled", 0};
    fake_worker_answer(&f, m, "", &word, NULL);
    message_free(m);
    until(e.times == 1);
    assert_int_equal(e.errors[0], 0);
    assert_int_equal(e.errors[1], CREW_ECANCELLED);
    assert_int_equal(e.error, CREW_ECANCELLED);
    fake_worker_close(&f);
}

/* ---- cancelled ---- */

/* The first call occupies the worker (prefetch 1); the others wait in the queue. */
static void test_cancelled_calls_are_not_begun(void **state) {
    (void)state;
    char narrow[64];
    caller_task(narrow, sizeof narrow);
    struct worker_thread *s = worker_thread_start(caller_url(), narrow, 1);
    struct crew_call calls[] = {caller_plain(narrow, "hold"), caller_plain(narrow, "2"),
                                caller_plain(narrow, "3")};
    struct crew_group group = {.calls = calls, .count = 3};
    struct ended e = {0};
    crew_pending_group *pending;
    assert_int_equal(crew_client_group(client, &group, on_group, &e, &pending), 0);
    crew_client_dispatch(client);
    worker_thread_await(s, 1);
    struct crew_queue queue = {.messages = 0};
    for (int i = 0; i < 500 && queue.messages < 2; i++)
        assert_int_equal(crew_client_queue_wait(client, narrow, 5000, &queue), 0);
    assert_true(crew_client_group_cancel(client, pending));
    struct crew_call last = caller_plain(narrow, "4");
    struct caller caller;
    caller_start(&caller, client, &last);
    for (int i = 0; i < 500 && queue.messages < 3; i++) /* the notices are out before */
        assert_int_equal(crew_client_queue_wait(client, narrow, 5000, &queue), 0);
    worker_thread_release(s);
    assert_int_equal(caller_end(&caller), 0);
    assert_int_equal(e.times, 0);
    assert_int_equal(worker_thread_begun(s), 2);
    worker_thread_stop(s);
}

/* The group ends with its quick call; the other one waits in the queue of a busy worker,
 * and is not begun. */
static void test_superfluous_calls_are_cancelled(void **state) {
    (void)state;
    char narrow[64];
    caller_task(narrow, sizeof narrow);
    struct worker_thread *s = worker_thread_start(caller_url(), narrow, 1);
    struct crew_call hold = caller_plain(narrow, "hold"),
                     last = caller_plain(narrow, "3");
    struct crew_call calls[] = {caller_plain(narrow, "2"), caller_plain(task, "x")};
    struct crew_group group = {.end = CREW_GROUP_ANY, .calls = calls, .count = 2};
    struct crew_answer *answers[2];
    struct caller busy, after;
    caller_start(&busy, client, &hold);
    worker_thread_await(s, 1);
    assert_int_equal(crew_client_group_wait(client, &group, answers), 0);
    assert_int_equal(answers[0]->error, CREW_ECANCELLED);
    for (size_t i = 0; i < 2; i++)
        crew_answer_free(answers[i]);
    struct crew_queue queue = {.messages = 0};
    caller_start(&after, client, &last);
    for (int i = 0; i < 500 && queue.messages < 2; i++) /* the notice is out before it */
        assert_int_equal(crew_client_queue_wait(client, narrow, 5000, &queue), 0);
    worker_thread_release(s);
    assert_int_equal(caller_end(&busy), 0);
    assert_int_equal(caller_end(&after), 0);
    assert_int_equal(worker_thread_begun(s), 2);
    worker_thread_stop(s);
}

/* ---- limits ---- */

static void test_limit_of_calls_in_a_group(void **state) {
    (void)state;
    static struct crew_call calls[CREW_GROUP_MAX + 1];
    static struct crew_answer *answers[CREW_GROUP_MAX + 1];
    static char bodies[CREW_GROUP_MAX + 1][8];
    for (size_t i = 0; i < COUNT(calls); i++) {
        snprintf(bodies[i], sizeof bodies[i], "%zu", i);
        calls[i] = caller_plain(task, bodies[i]);
        calls[i].expiration_ms = 60000;
    }
    struct crew_group group = {.calls = calls, .count = CREW_GROUP_MAX + 1};
    assert_int_equal(crew_client_group_wait(client, &group, answers), CREW_EINVAL);
    for (size_t i = 0; i < CREW_GROUP_MAX + 1; i++)
        crew_answer_free(answers[i]);
    group.count = 0;
    assert_int_equal(crew_client_group_wait(client, &group, answers), CREW_EINVAL);
    assert_int_equal(worker_thread_begun(server), 0);
    group.count = CREW_GROUP_MAX;
    assert_int_equal(crew_client_group_wait(client, &group, answers), 0);
    for (size_t i = 0; i < CREW_GROUP_MAX; i++) {
        assert_string_equal(answers[i]->body, bodies[i]);
        crew_answer_free(answers[i]);
    }
    assert_int_equal(worker_thread_begun(server), CREW_GROUP_MAX);
}

static void expect_refused(struct trial *t, int error) {
    struct ended e = {0};
    assert_int_equal(crew_client_group_wait(client, &t->group, t->answers), error);
    assert_int_equal(crew_client_group(client, &t->group, on_group, &e, NULL), error);
    struct crew_call after = caller_plain(task, "after");
    unsigned before = worker_thread_begun(server);
    assert_int_equal(caller_call(client, &after), 0);
    assert_int_equal(worker_thread_begun(server), before + 1); /* nothing of the group */
    assert_int_equal(e.times, 0);
    for (size_t i = 0; i < t->group.count; i++) {
        assert_int_equal(t->answers[i]->error, error); /* for each call */
        crew_answer_free(t->answers[i]);
        t->answers[i] = NULL;
    }
}

static void test_refused_group_sends_nothing(void **state) {
    (void)state;
    const char *const bodies[] = {"1", "2", "3", "4"};
    static char large[200000];
    struct trial t;
    trial(&t, CREW_GROUP_ALL, bodies, 4);
    t.calls[0].gzip = CREW_GZIP_ALWAYS; /* one of each state that a call begins in */
    t.calls[0].body = large;
    t.calls[0].body_bytes = sizeof large;
    t.calls[1].fail_without_workers = true;
    t.calls[3].task = "";
    expect_refused(&t, CREW_EINVAL);
    t.calls[3].task = task;
    t.calls[0].id = t.calls[3].id = "the same";
    expect_refused(&t, CREW_EEXIST);
    t.calls[0].id = NULL;
    t.group.expiration_ms = 1500001;
    expect_refused(&t, CREW_EINVAL);
    t.group.expiration_ms = 0;
    t.group.end = CREW_GROUP_FIRST + 1;
    expect_refused(&t, CREW_EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_client, close_client)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_answers_are_in_the_order_of_the_calls),
        TEST(test_all_waits_for_the_last_despite_errors),
        TEST(test_any_ends_with_the_first_success),
        TEST(test_any_ignores_errors),
        TEST(test_first_ends_with_any_outcome),
        TEST(test_outcome_cancelled_from_a_peer_is_an_error),
        TEST(test_group_expiration_limits_its_calls),
        TEST(test_callback_has_all_answers_once),
        TEST(test_callbacks_may_start_groups),
        TEST(test_callback_may_cancel_another_group),
        TEST(test_any_with_answers_at_the_same_time),
        TEST(test_cancelled_calls_are_not_begun),
        TEST(test_superfluous_calls_are_cancelled),
        TEST(test_limit_of_calls_in_a_group),
        TEST(test_refused_group_sends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
