/* Calls through a real broker: each outcome that needs no broken broker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "fixture.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct fixture fixture;

static int open_fixture(void **state) {
    (void)state;
    return fixture_open_shared(&fixture);
}

static int close_fixture(void **state) {
    (void)state;
    fixture_close(&fixture);
    return 0;
}

/* ---- answers ---- */

static void test_plain_call_is_answered(void **state) {
    (void)state;
    struct fixture_worker *a = fixture_ready_worker(&fixture, 0);
    struct outcome o;
    struct crew_call call = fixture_plain(&fixture, "hello");
    fixture_start(&fixture, &call, &o);
    fixture_finish(&fixture, &o);
    assert_int_equal(o.error, 0);
    assert_int_equal(o.status, 201);
    assert_int_equal(o.body_bytes, 5);
    assert_memory_equal(o.body, "hello", 5);
    assert_string_equal(o.header, fixture.task);
    fixture_until(&fixture, crew_worker_held(a->worker) == 0);
    outcome_fini(&o);
}

static void check_http_body(const void *body, size_t bytes) {
    struct crew_pair pairs[] = {{"REQUEST_METHOD", 14, "POST", 4},
                                {"HTTP_X", 6, "\xff\xfe", 2}};
    struct crew_call call = {.form = CREW_HTTP,
                             .task = fixture.task,
                             .expiration_ms = 10000,
                             .pairs = pairs,
                             .pair_count = 2,
                             .body = body,
                             .body_bytes = bytes};
    struct outcome o;
    fixture_start(&fixture, &call, &o);
    fixture_finish(&fixture, &o);
    assert_int_equal(o.error, 0);
    assert_int_equal(o.status, 201);
    assert_int_equal(o.body_bytes, bytes);
    if (bytes > 0)
        assert_memory_equal(o.body, body, bytes);
    outcome_fini(&o);
}

static void test_bodies_come_back_unchanged(void **state) {
    (void)state;
    fixture_ready_worker(&fixture, 0);
    static uint8_t body[3000000];
    check_http_body("", 0);
    check_http_body("x", 1);
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)(i / 1000);
    check_http_body(body, sizeof body);
    srand(1);
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)(rand() >> 7);
    check_http_body(body, sizeof body);
}

static void test_many_calls_at_once(void **state) {
    (void)state;
    fixture_ready_worker(&fixture, 0);
    enum { N = 500 };
    static struct outcome o[N];
    for (size_t i = 0; i < N; i++) {
        struct crew_call call = fixture_plain(&fixture, "n");
        fixture_start(&fixture, &call, &o[i]);
    }
    for (size_t i = 0; i < N; i++) {
        fixture_finish(&fixture, &o[i]);
        assert_int_equal(o[i].error, 0);
        outcome_fini(&o[i]);
    }
}

/* ---- no worker, no broker ---- */

static void test_missing_queue_is_no_workers(void **state) {
    (void)state;
    fixture_until(&fixture, crew_client_ready(fixture.client));
    struct outcome o;
    struct crew_call call = fixture_plain(&fixture, "");
    fixture_start(&fixture, &call, &o);
    fixture_finish(&fixture, &o);
    assert_int_equal(o.error, CREW_ENOWORKERS);
    assert_int_equal(o.status, 503);
    outcome_fini(&o);
}

static void leave(struct fixture_worker *a) {
    crew_worker_free(a->worker);
    a->worker = NULL;
}

static void test_queue_without_consumer(void **state) {
    (void)state;
    leave(fixture_ready_worker(&fixture, 0));
    struct outcome o;
    struct crew_call call = fixture_plain(&fixture, "");
    call.fail_without_workers = true;
    fixture_start(&fixture, &call, &o);
    fixture_finish(&fixture, &o);
    assert_int_equal(o.error, CREW_ENOWORKERS);
    outcome_fini(&o);

    call.fail_without_workers = false;
    call.expiration_ms = 300;
    uint64_t before_ms = fixture_now_ms();
    fixture_start(&fixture, &call, &o);
    fixture_finish(&fixture, &o);
    assert_int_equal(o.error, CREW_EEXPIRED);
    assert_in_range(fixture_now_ms() - before_ms, 250, 5000);
    outcome_fini(&o);
}

static void test_call_without_broker(void **state) {
    (void)state;
    struct fixture away;
    fixture_open(&away, "amqp://127.0.0.1:1/");
    struct outcome o = {0};
    struct crew_call call = fixture_plain(&fixture, "");
    assert_int_equal(crew_client_call(away.client, &call, outcome_note, &o, NULL), 0);
    assert_int_equal(o.times, 0); /* not from within crew_client_call */
    fixture_until(&away, o.times == 1);
    assert_int_equal(o.error, CREW_EBROKER);
    outcome_fini(&o);
    fixture_close(&away);
}

/* ---- started ---- */

static void test_started_and_unanswered_is_deadline(void **state) {
    (void)state;
    struct fixture_worker *a = fixture_ready_worker(&fixture, 0);
    a->mode = WORKER_HOLDS;
    struct outcome o;
    struct crew_call call = fixture_plain(&fixture, "");
    call.expiration_ms = 600;
    fixture_start(&fixture, &call, &o);
    fixture_finish(&fixture, &o);
    assert_int_equal(o.error, CREW_EDEADLINE);
    assert_int_equal(o.status, 504);
    outcome_fini(&o);
}

static void test_worker_reports_an_outcome(void **state) {
    (void)state;
    struct fixture_worker *a = fixture_ready_worker(&fixture, 0);
    a->mode = WORKER_HOLDS;
    struct outcome o;
    struct crew_call call = fixture_plain(&fixture, "");
    fixture_start(&fixture, &call, &o);
    fixture_until(&fixture, a->held_count == 1);
    struct crew_answer crashed = {.error = CREW_ECRASHED};
    crew_task_answer(a->held[0], &crashed);
    fixture_finish(&fixture, &o);
    assert_int_equal(o.error, CREW_ECRASHED);
    assert_true(crew_worker_held(a->worker) == 1); /* acked only when the owner is done */
    crew_task_done(a->held[0]);
    fixture_until(&fixture, crew_worker_held(a->worker) == 0);
    outcome_fini(&o);
}

/* ---- ids, cancel ---- */

static void test_duplicate_id_is_refused(void **state) {
    (void)state;
    fixture_ready_worker(&fixture, 0);
    struct outcome o, second;
    struct crew_call call = fixture_plain(&fixture, "");
    call.id = "mine";
    fixture_start(&fixture, &call, &o);
    assert_int_equal(crew_client_call(fixture.client, &call, outcome_note, &second, NULL),
                     CREW_EEXIST);
    fixture_finish(&fixture, &o);
    assert_int_equal(o.error, 0);
    outcome_fini(&o);
}

static void test_bad_calls_are_refused(void **state) {
    (void)state;
    struct outcome o = {0};
    struct crew_call call = fixture_plain(&fixture, "");
    call.expiration_ms = 1500001;
    assert_int_equal(crew_client_call(fixture.client, &call, outcome_note, &o, NULL),
                     CREW_EINVAL);
    call = fixture_plain(&fixture, "");
    call.task = "";
    assert_int_equal(crew_client_call(fixture.client, &call, outcome_note, &o, NULL),
                     CREW_EINVAL);
    call = fixture_plain(&fixture, "");
    call.id = "0123456789012345678901234567890123456789012345678901234567890123456789";
    assert_int_equal(crew_client_call(fixture.client, &call, outcome_note, &o, NULL),
                     CREW_EINVAL);
}

/* The second task waits in the queue (prefetch 1) and is cancelled there. */
static void test_cancelled_call_is_not_begun(void **state) {
    (void)state;
    struct fixture_worker *a = fixture_ready_worker(&fixture, 0);
    a->mode = WORKER_HOLDS;
    struct outcome first, second = {0}, third;
    struct crew_call call = fixture_plain(&fixture, "");
    fixture_start(&fixture, &call, &first);
    fixture_until(&fixture, a->held_count == 1);
    crew_pending *pending;
    assert_int_equal(
        crew_client_call(fixture.client, &call, outcome_note, &second, &pending), 0);
    for (unsigned i = 0; i < 10; i++)
        fixture_dispatch(&fixture);
    crew_client_cancel(fixture.client, pending);
    for (unsigned i = 0; i < 10; i++)
        fixture_dispatch(&fixture);
    fixture_start(&fixture, &call, &third);
    a->mode = WORKER_ANSWERS;
    fixture_echo(a->held[0]);
    fixture_finish(&fixture, &first);
    fixture_finish(&fixture, &third);
    assert_int_equal(second.times, 0);
    assert_int_equal(a->begun, 2);
    outcome_fini(&first);
    outcome_fini(&third);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_plain_call_is_answered),
        TEST(test_bodies_come_back_unchanged),
        TEST(test_many_calls_at_once),
        TEST(test_missing_queue_is_no_workers),
        TEST(test_queue_without_consumer),
        TEST(test_call_without_broker),
        TEST(test_started_and_unanswered_is_deadline),
        TEST(test_worker_reports_an_outcome),
        TEST(test_duplicate_id_is_refused),
        TEST(test_bad_calls_are_refused),
        TEST(test_cancelled_call_is_not_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
