/* Calls and tasks through a real broker: each way a call can end that needs no broken
 * broker, and what a worker promises about running things once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "scene.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct scene scene;
static char task[64];

static int open_scene(void **state) {
    (void)state;
    static unsigned number;
    snprintf(task, sizeof task, "rpc.%d.%u", (int)getpid(), ++number);
    const char *url = getenv("CREW_TEST_AMQP_URL");
    if (url == NULL)
        return -1;
    scene_open(&scene, url);
    return 0;
}

static int close_scene(void **state) {
    (void)state;
    scene_close(&scene);
    return 0;
}

static struct crew_call plain(const char *body) {
    return (struct crew_call){.form = CREW_PLAIN,
                              .task = task,
                              .expiration_ms = 10000,
                              .content_type = "text/plain",
                              .body = body,
                              .body_bytes = strlen(body)};
}

static void start(const struct crew_call *call, struct outcome *o) {
    memset(o, 0, sizeof *o);
    assert_int_equal(crew_client_call(scene.client, call, outcome_note, o, NULL), 0);
}

static struct actor *ready_worker(size_t place) {
    struct actor *a = scene_worker(&scene, place, task);
    scene_until(&scene, crew_worker_ready(a->worker) && crew_client_ready(scene.client));
    return a;
}

static void finish(struct outcome *o) {
    scene_until(&scene, o->times > 0);
    assert_int_equal(o->times, 1);
}

/* ---- answers ---- */

static void test_plain_call_is_answered(void **state) {
    (void)state;
    struct actor *a = ready_worker(0);
    struct outcome o;
    struct crew_call call = plain("hello");
    start(&call, &o);
    finish(&o);
    assert_int_equal(o.error, 0);
    assert_int_equal(o.status, 201);
    assert_int_equal(o.body_bytes, 5);
    assert_memory_equal(o.body, "hello", 5);
    assert_string_equal(o.header, task);
    scene_until(&scene, crew_worker_held(a->worker) == 0);
    outcome_fini(&o);
}

static void check_http_body(const void *body, size_t bytes) {
    struct crew_pair pairs[] = {{"REQUEST_METHOD", 14, "POST", 4},
                                {"HTTP_X", 6, "\xff\xfe", 2}};
    struct crew_call call = {.form = CREW_HTTP,
                             .task = task,
                             .expiration_ms = 10000,
                             .pairs = pairs,
                             .pair_count = 2,
                             .body = body,
                             .body_bytes = bytes};
    struct outcome o;
    start(&call, &o);
    finish(&o);
    assert_int_equal(o.error, 0);
    assert_int_equal(o.status, 201);
    assert_int_equal(o.body_bytes, bytes);
    if (bytes > 0)
        assert_memory_equal(o.body, body, bytes);
    outcome_fini(&o);
}

static void test_bodies_come_back_unchanged(void **state) {
    (void)state;
    ready_worker(0);
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
    ready_worker(0);
    enum { N = 500 };
    static struct outcome o[N];
    for (size_t i = 0; i < N; i++) {
        struct crew_call call = plain("n");
        start(&call, &o[i]);
    }
    for (size_t i = 0; i < N; i++) {
        finish(&o[i]);
        assert_int_equal(o[i].error, 0);
        outcome_fini(&o[i]);
    }
}

/* ---- nobody there ---- */

static void test_missing_queue_is_no_workers(void **state) {
    (void)state;
    scene_until(&scene, crew_client_ready(scene.client));
    struct outcome o;
    struct crew_call call = plain("");
    start(&call, &o);
    finish(&o);
    assert_int_equal(o.error, CREW_ENOWORKERS);
    assert_int_equal(o.status, 503);
    outcome_fini(&o);
}

static void leave(struct actor *a) {
    crew_worker_free(a->worker);
    a->worker = NULL;
}

static void test_queue_without_consumer(void **state) {
    (void)state;
    leave(ready_worker(0));
    struct outcome o;
    struct crew_call call = plain("");
    call.fail_without_workers = true;
    start(&call, &o);
    finish(&o);
    assert_int_equal(o.error, CREW_ENOWORKERS);
    outcome_fini(&o);

    call.fail_without_workers = false;
    call.expiration_ms = 300;
    uint64_t before_ms = scene_now_ms();
    start(&call, &o);
    finish(&o);
    assert_int_equal(o.error, CREW_EEXPIRED);
    assert_in_range(scene_now_ms() - before_ms, 250, 5000);
    outcome_fini(&o);
}

static void test_broker_away(void **state) {
    (void)state;
    struct scene away;
    scene_open(&away, "amqp://127.0.0.1:1/");
    struct outcome o = {0};
    struct crew_call call = plain("");
    assert_int_equal(crew_client_call(away.client, &call, outcome_note, &o, NULL), 0);
    assert_int_equal(o.times, 0); /* never from inside the call */
    scene_until(&away, o.times == 1);
    assert_int_equal(o.error, CREW_EBROKER);
    outcome_fini(&o);
    scene_close(&away);
}

/* ---- taken ---- */

static void test_taken_and_silent_is_deadline(void **state) {
    (void)state;
    struct actor *a = ready_worker(0);
    a->manner = ACTOR_HOLDS;
    struct outcome o;
    struct crew_call call = plain("");
    call.expiration_ms = 600;
    start(&call, &o);
    finish(&o);
    assert_int_equal(o.error, CREW_EDEADLINE);
    assert_int_equal(o.status, 504);
    outcome_fini(&o);
}

static void test_worker_reports_an_outcome(void **state) {
    (void)state;
    struct actor *a = ready_worker(0);
    a->manner = ACTOR_HOLDS;
    struct outcome o;
    struct crew_call call = plain("");
    start(&call, &o);
    scene_until(&scene, a->held_count == 1);
    struct crew_answer crashed = {.error = CREW_ECRASHED};
    crew_task_answer(a->held[0], &crashed);
    finish(&o);
    assert_int_equal(o.error, CREW_ECRASHED);
    assert_true(crew_worker_held(a->worker) == 1); /* acked only when the owner is done */
    crew_task_done(a->held[0]);
    scene_until(&scene, crew_worker_held(a->worker) == 0);
    outcome_fini(&o);
}

/* ---- ids, cancel ---- */

static void test_duplicate_id_is_refused(void **state) {
    (void)state;
    ready_worker(0);
    struct outcome o, second;
    struct crew_call call = plain("");
    call.id = "mine";
    start(&call, &o);
    assert_int_equal(crew_client_call(scene.client, &call, outcome_note, &second, NULL),
                     CREW_EEXIST);
    finish(&o);
    assert_int_equal(o.error, 0);
    outcome_fini(&o);
}

static void test_bad_calls_are_refused(void **state) {
    (void)state;
    struct outcome o = {0};
    struct crew_call call = plain("");
    call.expiration_ms = 1500001;
    assert_int_equal(crew_client_call(scene.client, &call, outcome_note, &o, NULL),
                     CREW_EINVAL);
    call = plain("");
    call.task = "";
    assert_int_equal(crew_client_call(scene.client, &call, outcome_note, &o, NULL),
                     CREW_EINVAL);
    call = plain("");
    call.id = "0123456789012345678901234567890123456789012345678901234567890123456789";
    assert_int_equal(crew_client_call(scene.client, &call, outcome_note, &o, NULL),
                     CREW_EINVAL);
}

/* The second task waits in the queue (prefetch 1) and is taken back there. */
static void test_cancelled_call_is_not_begun(void **state) {
    (void)state;
    struct actor *a = ready_worker(0);
    a->manner = ACTOR_HOLDS;
    struct outcome first, second = {0}, third;
    struct crew_call call = plain("");
    start(&call, &first);
    scene_until(&scene, a->held_count == 1);
    crew_pending *pending;
    assert_int_equal(
        crew_client_call(scene.client, &call, outcome_note, &second, &pending), 0);
    for (unsigned turn = 0; turn < 10; turn++)
        scene_spin(&scene);
    crew_client_cancel(scene.client, pending);
    for (unsigned turn = 0; turn < 10; turn++)
        scene_spin(&scene);
    start(&call, &third);
    a->manner = ACTOR_ANSWERS;
    actor_echo(a->held[0]);
    finish(&first);
    finish(&third);
    assert_int_equal(second.times, 0);
    assert_int_equal(a->begun, 2);
    outcome_fini(&first);
    outcome_fini(&third);
}

/* ---- running once ---- */

static void check_worker_gone(enum crew_repeat repeat, int expected_error,
                              unsigned expected_runs) {
    struct actor *a = ready_worker(0);
    a->manner = ACTOR_HOLDS;
    struct outcome o;
    struct crew_call call = plain("");
    call.repeat = repeat;
    start(&call, &o);
    scene_until(&scene, a->held_count == 1);
    struct actor *b = ready_worker(1);
    leave(a);
    finish(&o);
    assert_int_equal(o.error, expected_error);
    assert_int_equal(b->begun, expected_runs);
    outcome_fini(&o);
}

static void test_lost_worker_never_repeats(void **state) {
    (void)state;
    check_worker_gone(CREW_REPEAT_NEVER, CREW_ELOST, 0);
}

static void test_lost_worker_repeats_where_it_may(void **state) {
    (void)state;
    check_worker_gone(CREW_REPEAT_ALWAYS, 0, 1);
}

static void test_put_back_runs_elsewhere(void **state) {
    (void)state;
    struct actor *a = ready_worker(0);
    a->manner = ACTOR_WAITS;
    struct outcome o;
    struct crew_call call = plain("again");
    start(&call, &o);
    scene_until(&scene, a->held_count == 1);
    assert_int_equal(crew_worker_serve(a->worker, NULL, 0), 0);
    struct actor *b = ready_worker(1);
    crew_task_requeue(a->held[0]);
    finish(&o);
    assert_int_equal(o.error, 0);
    assert_memory_equal(o.body, "again", 5);
    assert_int_equal(b->begun, 1);
    scene_until(&scene, crew_worker_held(a->worker) == 0);
    outcome_fini(&o);
}

static void test_stopped_worker_gets_nothing_more(void **state) {
    (void)state;
    struct actor *a = ready_worker(0);
    assert_int_equal(crew_worker_serve(a->worker, NULL, 0), 0);
    scene_until(&scene, crew_worker_held(a->worker) == 0);
    struct outcome o;
    struct crew_call call = plain("");
    call.expiration_ms = 400;
    start(&call, &o);
    finish(&o);
    assert_int_equal(o.error, CREW_EEXPIRED);
    assert_int_equal(a->begun, 0);
    outcome_fini(&o);
}

/* One that is cancelled while it counts as begun, and was not begun after all. */
static void test_cancelled_call_is_not_begun_again(void **state) {
    (void)state;
    struct actor *a = ready_worker(0);
    struct outcome o = {.times = 0};
    struct crew_call call = plain("");
    crew_pending *pending;
    a->manner = ACTOR_HOLDS;
    assert_int_equal(crew_client_call(scene.client, &call, outcome_note, &o, &pending),
                     0);
    scene_until(&scene, a->held_count == 1);
    assert_true(crew_client_cancel(scene.client, pending));
    int error;
    do { /* at its deadline it would be CREW_EEXPIRED */
        scene_spin(&scene);
        crew_task_unbegin(a->held[0]);
        error = crew_task_begin(a->held[0]);
    } while (error == 0);
    assert_int_equal(error, CREW_ECANCELLED);
    assert_int_equal(o.times, 0);
}

/* A limit that grows while a task is held lets the next ones in; one that shrinks holds.
 */
static void change_prefetch(struct actor *a, unsigned raised) {
    struct outcome o[4];
    struct crew_call call = plain("");
    a->manner = ACTOR_HOLDS;
    a->held_count = 0;
    for (size_t i = 0; i <= raised; i++)
        start(&call, &o[i]);
    scene_until(&scene, a->held_count == 1);
    crew_worker_set_prefetch(a->worker, raised);
    scene_until(&scene, a->held_count == raised);
    crew_worker_set_prefetch(a->worker, 1);
    a->looks = 0;
    crew_worker_inspect_queue(a->worker, task);
    scene_until(&scene, a->looks == 1); /* so the limit before it is in force */
    for (size_t i = 0; i + 1 < raised; i++) {
        actor_echo(a->held[i]);
        finish(&o[i]);
    }
    for (unsigned turn = 0; turn < 10; turn++)
        scene_spin(&scene);
    assert_int_equal(a->held_count, raised);
    actor_echo(a->held[raised - 1]);
    scene_until(&scene, a->held_count == raised + 1);
    actor_echo(a->held[raised]);
    for (size_t i = raised - 1; i <= raised; i++)
        finish(&o[i]);
    for (size_t i = 0; i <= raised; i++)
        outcome_fini(&o[i]);
}

/* To the most that was announced, which the consumer began with; beyond it; and back. */
static void test_prefetch_can_change(void **state) {
    (void)state;
    struct actor *a = ready_worker(0);
    change_prefetch(a, 2);
    change_prefetch(a, 2);
    change_prefetch(a, 3);
    change_prefetch(a, 2);
}

/* Two workers hold a task each, a third task waits. */
static void test_a_worker_looks_at_its_queue(void **state) {
    (void)state;
    struct actor *a = ready_worker(0);
    struct outcome o[3];
    struct crew_call call = plain("");
    a->manner = ACTOR_HOLDS;
    ready_worker(1)->manner = ACTOR_HOLDS;
    for (size_t i = 0; i < 3; i++)
        start(&call, &o[i]);
    scene_until(&scene, a->held_count + scene.actors[1].held_count == 2);
    crew_worker_inspect_queue(a->worker, "not.served");
    crew_worker_inspect_queue(a->worker, task);
    crew_worker_inspect_queue(a->worker, task);
    scene_until(&scene, a->looks > 0);
    assert_int_equal(a->messages, 1);
    assert_int_equal(a->consumers, 2);
    crew_worker_inspect_queue(a->worker, task);
    scene_until(&scene, a->looks == 2);
    for (size_t i = 0; i < 2; i++)
        actor_echo(scene.actors[i].held[0]);
    scene_until(&scene, a->held_count + scene.actors[1].held_count == 3);
    actor_echo(a->held_count == 2 ? a->held[1] : scene.actors[1].held[1]);
    for (size_t i = 0; i < 3; i++) {
        finish(&o[i]);
        outcome_fini(&o[i]);
    }
}

/* Two queues, one limit. */
static void test_prefetch_is_over_all_queues(void **state) {
    (void)state;
    struct actor *a = ready_worker(0);
    a->manner = ACTOR_HOLDS;
    char other[80];
    snprintf(other, sizeof other, "%s.other", task);
    const char *both[] = {task, other};
    assert_int_equal(crew_worker_serve(a->worker, both, 2), 0);
    scene_until(&scene, crew_worker_ready(a->worker));
    struct outcome o[2];
    struct crew_call call = plain("");
    start(&call, &o[0]);
    call.task = other;
    start(&call, &o[1]);
    scene_until(&scene, a->held_count == 1);
    for (unsigned turn = 0; turn < 10; turn++)
        scene_spin(&scene);
    assert_int_equal(a->held_count, 1);
    actor_echo(a->held[0]);
    scene_until(&scene, a->held_count == 2);
    actor_echo(a->held[1]);
    for (size_t i = 0; i < 2; i++) {
        finish(&o[i]);
        outcome_fini(&o[i]);
    }
}

static void test_task_names_are_checked(void **state) {
    (void)state;
    struct actor *a = ready_worker(0);
    const char *twice[] = {"a", "b", "a"};
    assert_int_equal(crew_worker_serve(a->worker, twice, 3), CREW_EEXIST);
    const char *bad[] = {"a\nb"};
    assert_int_equal(crew_worker_serve(a->worker, bad, 1), CREW_EINVAL);
    assert_true(crew_worker_ready(a->worker));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_plain_call_is_answered),
        TEST(test_bodies_come_back_unchanged),
        TEST(test_many_calls_at_once),
        TEST(test_missing_queue_is_no_workers),
        TEST(test_queue_without_consumer),
        TEST(test_broker_away),
        TEST(test_taken_and_silent_is_deadline),
        TEST(test_worker_reports_an_outcome),
        TEST(test_duplicate_id_is_refused),
        TEST(test_bad_calls_are_refused),
        TEST(test_cancelled_call_is_not_begun),
        TEST(test_lost_worker_never_repeats),
        TEST(test_lost_worker_repeats_where_it_may),
        TEST(test_put_back_runs_elsewhere),
        TEST(test_stopped_worker_gets_nothing_more),
        TEST(test_cancelled_call_is_not_begun_again),
        TEST(test_prefetch_can_change),
        TEST(test_a_worker_looks_at_its_queue),
        TEST(test_prefetch_is_over_all_queues),
        TEST(test_task_names_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
