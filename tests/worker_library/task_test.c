/* Tasks through a real broker: what a worker promises about running a task once, about
 * prefetch, and about its queues. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "fixture.h"
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

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

static void disconnect(struct fixture_worker *a) {
    crew_worker_free(a->worker);
    a->worker = NULL;
}

/* ---- running once ---- */

static void check_lost_worker(enum crew_repeat repeat, int expected_error,
                              unsigned expected_runs) {
    struct fixture_worker *a = fixture_ready_worker(&fixture, 0);
    a->mode = WORKER_HOLDS;
    struct outcome o;
    struct crew_call call = fixture_plain(&fixture, "");
    call.repeat = repeat;
    fixture_start(&fixture, &call, &o);
    fixture_until(&fixture, a->held_count == 1);
    struct fixture_worker *b = fixture_ready_worker(&fixture, 1);
    disconnect(a);
    fixture_finish(&fixture, &o);
    assert_int_equal(o.error, expected_error);
    assert_int_equal(b->begun, expected_runs);
    outcome_fini(&o);
}

static void test_lost_worker_never_repeats(void **state) {
    (void)state;
    check_lost_worker(CREW_REPEAT_NEVER, CREW_ELOST, 0);
}

static void test_lost_worker_repeats_if_allowed(void **state) {
    (void)state;
    check_lost_worker(CREW_REPEAT_ALWAYS, 0, 1);
}

static void test_requeued_task_runs_elsewhere(void **state) {
    (void)state;
    struct fixture_worker *a = fixture_ready_worker(&fixture, 0);
    a->mode = WORKER_WAITS;
    struct outcome o;
    struct crew_call call = fixture_plain(&fixture, "again");
    fixture_start(&fixture, &call, &o);
    fixture_until(&fixture, a->held_count == 1);
    assert_int_equal(crew_worker_serve(a->worker, NULL, 0), 0);
    struct fixture_worker *b = fixture_ready_worker(&fixture, 1);
    crew_task_requeue(a->held[0]);
    fixture_finish(&fixture, &o);
    assert_int_equal(o.error, 0);
    assert_memory_equal(o.body, "again", 5);
    assert_int_equal(b->begun, 1);
    fixture_until(&fixture, crew_worker_held(a->worker) == 0);
    outcome_fini(&o);
}

static void test_stopped_worker_gets_no_more_tasks(void **state) {
    (void)state;
    struct fixture_worker *a = fixture_ready_worker(&fixture, 0);
    assert_int_equal(crew_worker_serve(a->worker, NULL, 0), 0);
    fixture_until(&fixture, crew_worker_held(a->worker) == 0);
    struct outcome o;
    struct crew_call call = fixture_plain(&fixture, "");
    call.expiration_ms = 400;
    fixture_start(&fixture, &call, &o);
    fixture_finish(&fixture, &o);
    assert_int_equal(o.error, CREW_EEXPIRED);
    assert_int_equal(a->begun, 0);
    outcome_fini(&o);
}

/* A task that is cancelled between begin and unbegin is not begun again. */
static void test_cancelled_call_is_not_begun_again(void **state) {
    (void)state;
    struct fixture_worker *a = fixture_ready_worker(&fixture, 0);
    struct outcome o = {.times = 0};
    struct crew_call call = fixture_plain(&fixture, "");
    crew_pending *pending;
    a->mode = WORKER_HOLDS;
    assert_int_equal(crew_client_call(fixture.client, &call, outcome_note, &o, &pending),
                     0);
    fixture_until(&fixture, a->held_count == 1);
    assert_true(crew_client_cancel(fixture.client, pending));
    int error;
    do { /* at its deadline it would be CREW_EEXPIRED */
        fixture_dispatch(&fixture);
        crew_task_unbegin(a->held[0]);
        error = crew_task_begin(a->held[0]);
    } while (error == 0);
    assert_int_equal(error, CREW_ECANCELLED);
    assert_int_equal(o.times, 0);
}

/* A limit that grows while a task is held admits more tasks; one that shrinks holds. */
static void change_prefetch(struct fixture_worker *a, unsigned raised) {
    struct outcome o[4];
    struct crew_call call = fixture_plain(&fixture, "");
    a->mode = WORKER_HOLDS;
    a->held_count = 0;
    for (size_t i = 0; i <= raised; i++)
        fixture_start(&fixture, &call, &o[i]);
    fixture_until(&fixture, a->held_count == 1);
    crew_worker_set_prefetch(a->worker, raised);
    fixture_until(&fixture, a->held_count == raised);
    crew_worker_set_prefetch(a->worker, 1);
    a->queue_infos = 0;
    crew_worker_inspect_queue(a->worker, fixture.task);
    fixture_until(&fixture, a->queue_infos == 1); /* so the new limit is in force */
    for (size_t i = 0; i + 1 < raised; i++) {
        fixture_echo(a->held[i]);
        fixture_finish(&fixture, &o[i]);
    }
    for (unsigned i = 0; i < 10; i++)
        fixture_dispatch(&fixture);
    assert_int_equal(a->held_count, raised);
    fixture_echo(a->held[raised - 1]);
    fixture_until(&fixture, a->held_count == raised + 1);
    fixture_echo(a->held[raised]);
    for (size_t i = raised - 1; i <= raised; i++)
        fixture_finish(&fixture, &o[i]);
    for (size_t i = 0; i <= raised; i++)
        outcome_fini(&o[i]);
}

/* Up to the limit that the consumer started with, beyond it, and back. */
static void test_prefetch_can_change(void **state) {
    (void)state;
    struct fixture_worker *a = fixture_ready_worker(&fixture, 0);
    change_prefetch(a, 2);
    change_prefetch(a, 2);
    change_prefetch(a, 3);
    change_prefetch(a, 2);
}

/* Two workers hold a task each, a third task waits. */
static void test_worker_asks_about_its_queue(void **state) {
    (void)state;
    struct fixture_worker *a = fixture_ready_worker(&fixture, 0);
    struct outcome o[3];
    struct crew_call call = fixture_plain(&fixture, "");
    a->mode = WORKER_HOLDS;
    fixture_ready_worker(&fixture, 1)->mode = WORKER_HOLDS;
    for (size_t i = 0; i < 3; i++)
        fixture_start(&fixture, &call, &o[i]);
    fixture_until(&fixture, a->held_count + fixture.workers[1].held_count == 2);
    crew_worker_inspect_queue(a->worker, "not.served");
    crew_worker_inspect_queue(a->worker, fixture.task);
    crew_worker_inspect_queue(a->worker, fixture.task);
    fixture_until(&fixture, a->queue_infos > 0);
    assert_int_equal(a->messages, 1);
    assert_int_equal(a->consumers, 2);
    crew_worker_inspect_queue(a->worker, fixture.task);
    fixture_until(&fixture, a->queue_infos == 2);
    for (size_t i = 0; i < 2; i++)
        fixture_echo(fixture.workers[i].held[0]);
    fixture_until(&fixture, a->held_count + fixture.workers[1].held_count == 3);
    fixture_echo(a->held_count == 2 ? a->held[1] : fixture.workers[1].held[1]);
    for (size_t i = 0; i < 3; i++) {
        fixture_finish(&fixture, &o[i]);
        outcome_fini(&o[i]);
    }
}

/* Two queues, one limit. */
static void test_prefetch_limits_all_queues_together(void **state) {
    (void)state;
    struct fixture_worker *a = fixture_ready_worker(&fixture, 0);
    a->mode = WORKER_HOLDS;
    char other[80];
    snprintf(other, sizeof other, "%s.other", fixture.task);
    const char *both[] = {fixture.task, other};
    assert_int_equal(crew_worker_serve(a->worker, both, 2), 0);
    fixture_until(&fixture, crew_worker_ready(a->worker));
    struct outcome o[2];
    struct crew_call call = fixture_plain(&fixture, "");
    fixture_start(&fixture, &call, &o[0]);
    call.task = other;
    fixture_start(&fixture, &call, &o[1]);
    fixture_until(&fixture, a->held_count == 1);
    for (unsigned i = 0; i < 10; i++)
        fixture_dispatch(&fixture);
    assert_int_equal(a->held_count, 1);
    fixture_echo(a->held[0]);
    fixture_until(&fixture, a->held_count == 2);
    fixture_echo(a->held[1]);
    for (size_t i = 0; i < 2; i++) {
        fixture_finish(&fixture, &o[i]);
        outcome_fini(&o[i]);
    }
}

static void test_task_names_are_checked(void **state) {
    (void)state;
    struct fixture_worker *a = fixture_ready_worker(&fixture, 0);
    const char *twice[] = {"a", "b", "a"};
    assert_int_equal(crew_worker_serve(a->worker, twice, 3), CREW_EEXIST);
    const char *bad[] = {"a\nb"};
    assert_int_equal(crew_worker_serve(a->worker, bad, 1), CREW_EINVAL);
    assert_true(crew_worker_ready(a->worker));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_lost_worker_never_repeats),
        TEST(test_lost_worker_repeats_if_allowed),
        TEST(test_requeued_task_runs_elsewhere),
        TEST(test_stopped_worker_gets_no_more_tasks),
        TEST(test_cancelled_call_is_not_begun_again),
        TEST(test_prefetch_can_change),
        TEST(test_worker_asks_about_its_queue),
        TEST(test_prefetch_limits_all_queues_together),
        TEST(test_task_names_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
