/* One client, many threads: blocking calls beside event loops, callbacks that take locks
 * of the program's own, and crew_client_free while threads wait. */
#include "caller.h"
#include "cmocka_all.h"
#include "fixture.h"
#include "proxy.h"
#include "worker_thread.h"
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static crew_client *client;
static struct worker_thread *servers[2];
static char task[64];

static int open_with(const struct crew_client_options *options) {
    caller_task(task, sizeof task);
    client = caller_open(options);
    for (size_t i = 0; i < 2; i++)
        servers[i] = worker_thread_start(caller_url(), task, 50);
    return 0;
}

static int open_client(void **state) {
    (void)state;
    return open_with(NULL);
}

static int open_flusher(void **state) {
    (void)state;
    return open_with(&(struct crew_client_options){.caller_driven_io = true});
}

static int close_client(void **state) {
    (void)state;
    crew_client_free(client);
    for (size_t i = 0; i < 2; i++)
        worker_thread_stop(servers[i]);
    return 0;
}

static void await(sem_t *sem) {
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += FIXTURE_TIMEOUT_MS / 1000;
    while (sem_timedwait(sem, &end) != 0)
        assert_int_equal(errno, EINTR);
}

/* ---- a loop that starts calls and cancels some ---- */

/* How many callbacks run now: never two. */
static atomic_int inside;
static atomic_uint overlaps;

static void enter_callback(void) {
    if (atomic_fetch_add(&inside, 1) != 0)
        atomic_fetch_add(&overlaps, 1);
}

static void leave_callback(void) {
    atomic_fetch_sub(&inside, 1);
}

/* A call in a loop. The lock is the program's own: see crew_client_cancel. */
struct started {
    struct loop *loop;
    crew_pending *pending; /* null: it has ended, or was cancelled */
    unsigned told;
    bool cancelled;
};

#define STARTED_MAX 1000

struct loop {
    pthread_t thread;
    pthread_mutex_t lock;
    atomic_bool stop;
    bool flushes;
    bool starts; /* else it only dispatches */
    struct started started[STARTED_MAX];
    size_t count;
    size_t open;
    unsigned errors;
};

static void on_started(void *arg, const struct crew_answer *answer) {
    struct started *s = arg;
    enter_callback();
    pthread_mutex_lock(&s->loop->lock);
    s->told++;
    s->pending = NULL;
    s->loop->open--;
    s->loop->errors += answer->error != 0;
    pthread_mutex_unlock(&s->loop->lock);
    leave_callback();
}

static void start_one(struct loop *l) {
    struct crew_call call = caller_plain(task, "loop");
    struct started *s = &l->started[l->count++];
    s->loop = l;
    l->open++;
    if (crew_client_call(client, &call, on_started, s, &s->pending) != 0)
        l->errors++;
}

static void cancel_one(struct started *s) {
    if (s->pending == NULL || !crew_client_cancel(client, s->pending))
        return;
    s->cancelled = true;
    s->pending = NULL;
    s->loop->open--;
}

/* Some are cancelled at once, some later. */
static void start_and_cancel(struct loop *l) {
    pthread_mutex_lock(&l->lock);
    for (int i = 0; i < 5 && l->count < STARTED_MAX && l->open < 50; i++)
        start_one(l);
    if (l->count > 0 && l->count % 3 == 0)
        cancel_one(&l->started[l->count - 1]);
    if (l->count > 10 && l->count % 2 == 0)
        cancel_one(&l->started[l->count - 10]);
    pthread_mutex_unlock(&l->lock);
}

static bool loop_is_done(struct loop *l) {
    pthread_mutex_lock(&l->lock);
    bool done = l->open == 0;
    pthread_mutex_unlock(&l->lock);
    return done && atomic_load(&l->stop);
}

static void *run_loop(void *arg) {
    struct loop *l = arg;
    struct pollfd p = {.fd = crew_client_fd(client), .events = POLLIN};
    while (!loop_is_done(l)) {
        if (l->starts && !atomic_load(&l->stop))
            start_and_cancel(l);
        if (l->flushes)
            crew_client_flush(client);
        if (poll(&p, 1, 10) > 0)
            crew_client_dispatch(client);
    }
    return NULL;
}

static struct loop *loop_start(bool starts, bool flushes) {
    struct loop *l = calloc(1, sizeof *l);
    assert_non_null(l);
    l->starts = starts;
    l->flushes = flushes;
    pthread_mutex_init(&l->lock, NULL);
    assert_int_equal(pthread_create(&l->thread, NULL, run_loop, l), 0);
    return l;
}

/* Each call has ended once, or was cancelled. */
static void loop_end(struct loop *l) {
    atomic_store(&l->stop, true);
    caller_join(l->thread);
    assert_int_equal(l->errors, 0);
    for (size_t i = 0; i < l->count; i++)
        assert_int_equal(l->started[i].told, l->started[i].cancelled ? 0 : 1);
    if (l->starts)
        assert_true(l->count > 20);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* ---- threads that block ---- */

#define CALLERS 16
#define CALLS 200

static void *call_often(void *failed) {
    for (unsigned i = 0; i < CALLS; i++) {
        char body[32];
        snprintf(body, sizeof body, "%p %u", failed, i);
        struct crew_call call = caller_plain(task, body);
        struct crew_answer *answer = NULL;
        if (crew_client_call_wait(client, &call, &answer) != 0 ||
            strcmp(answer->body, body) != 0)
            atomic_fetch_add((atomic_uint *)failed, 1);
        crew_answer_free(answer);
    }
    return NULL;
}

static void block_on_many_threads(size_t threads) {
    pthread_t ids[CALLERS];
    static atomic_uint failed[CALLERS];
    for (size_t i = 0; i < threads; i++) {
        atomic_store(&failed[i], 0);
        assert_int_equal(pthread_create(&ids[i], NULL, call_often, &failed[i]), 0);
    }
    for (size_t i = 0; i < threads; i++)
        caller_join(ids[i]);
    for (size_t i = 0; i < threads; i++)
        assert_int_equal(atomic_load(&failed[i]), 0);
    assert_int_equal(atomic_load(&overlaps), 0);
}

static void test_blocking_threads_alone(void **state) {
    (void)state;
    block_on_many_threads(CALLERS);
    assert_int_equal(worker_thread_begun(servers[0]) + worker_thread_begun(servers[1]),
                     CALLERS * CALLS);
    assert_true(worker_thread_begun(servers[0]) > 0 &&
                worker_thread_begun(servers[1]) > 0);
}

static void test_blocking_threads_beside_a_loop(void **state) {
    (void)state;
    struct loop *loop = loop_start(true, false);
    block_on_many_threads(CALLERS);
    loop_end(loop);
}

static void test_blocking_threads_beside_two_loops(void **state) {
    (void)state;
    struct loop *a = loop_start(true, false), *b = loop_start(true, false),
                *idle = loop_start(false, false);
    block_on_many_threads(4);
    loop_end(a);
    loop_end(b);
    loop_end(idle);
}

static void test_blocking_threads_beside_an_owner_that_flushes(void **state) {
    (void)state;
    block_on_many_threads(2); /* no loop flushes for them */
    struct loop *owner = loop_start(true, true);
    block_on_many_threads(8);
    loop_end(owner);
}

/* ---- calls made in callbacks of a flush ---- */

/* Without a broker calls end in the flush; each end makes one more call there. */
static unsigned ends;

static void call_once_more(void *arg, const struct crew_answer *answer) {
    assert_int_equal(answer->error, CREW_EBROKER);
    struct crew_call call = caller_plain(task, "");
    if (++ends < 5)
        crew_client_call(arg, &call, call_once_more, arg, NULL);
}

static void test_calls_from_a_flush_go_on(void **state) {
    (void)state;
    struct crew_client_options options = {.caller_driven_io = true};
    struct crew_broker broker;
    struct proxy *silence = proxy_new(); /* no event of a link wakes the loop */
    crew_client *away;
    proxy_stall(silence, true);
    proxy_listen(silence, true);
    proxy_broker(silence, &broker);
    assert_int_equal(crew_client_new(&broker, &options, &away), 0);
    crew_broker_fini(&broker);
    struct crew_call call = caller_plain(task, "");
    ends = 0;
    assert_int_equal(crew_client_call(away, &call, call_once_more, away, NULL), 0);
    struct pollfd p = {.fd = crew_client_fd(away), .events = POLLIN};
    uint64_t begin_ms = caller_now_ms();
    while (ends < 5 && caller_now_ms() - begin_ms < 5000) {
        crew_client_flush(away);
        if (poll(&p, 1, 5000) > 0)
            crew_client_dispatch(away);
    }
    assert_int_equal(ends, 5);
    assert_true(caller_now_ms() - begin_ms < 2000);
    proxy_free(silence);
    crew_client_free(away);
}

/* ---- a slow callback ---- */

struct slow {
    sem_t begun;
    sem_t go_on;
    atomic_bool over;
};

static void on_slow(void *arg, const struct crew_answer *answer) {
    (void)answer;
    struct slow *s = arg;
    sem_post(&s->begun);
    await(&s->go_on);
    atomic_store(&s->over, true);
}

static unsigned begun(void) {
    return worker_thread_begun(servers[0]) + worker_thread_begun(servers[1]);
}

static void await_begun(unsigned count) {
    for (unsigned turns = FIXTURE_TIMEOUT_MS; turns > 0 && begun() < count; turns--)
        usleep(1000);
    assert_int_equal(begun(), count);
}

/* The other thread waits for this one in its callback: nothing here may wait for it,
 * whatever happens meanwhile (an answer, an expired deadline), and nothing may be lost
 * afterwards. */
static void test_threads_do_not_wait_for_callbacks_of_others(void **state) {
    (void)state;
    struct slow slow = {.over = false};
    sem_init(&slow.begun, 0, 0);
    sem_init(&slow.go_on, 0, 0);
    struct loop *loop = loop_start(false, false);
    struct outcome held = {0}, nobodys = {0};
    struct crew_call call = caller_plain(task, "hold");
    assert_int_equal(crew_client_call(client, &call, outcome_note, &held, NULL), 0);
    await_begun(1);
    call.body = "quiet";
    call.body_bytes = 5;
    assert_int_equal(crew_client_call(client, &call, on_slow, &slow, NULL), 0);
    await(&slow.begun);
    call.expiration_ms = 1;
    assert_int_equal(crew_client_call(client, &call, outcome_note, &nobodys, NULL), 0);
    crew_client_flush(client);
    assert_true(crew_client_ready(client));
    for (size_t i = 0; i < 2; i++)
        worker_thread_release(servers[i]);
    struct pollfd p = {.fd = crew_client_fd(client), .events = POLLIN};
    unsigned wakes = 0;
    for (uint64_t begin_ms = caller_now_ms(); caller_now_ms() - begin_ms < 700;) {
        wakes += poll(&p, 1, 50) > 0;
        crew_client_dispatch(client);
    }
    assert_false(atomic_load(&slow.over));
    assert_in_range(wakes, 1, 50); /* the answer is handled, and no loop spins */
    sem_post(&slow.go_on);
    loop_end(loop);
    for (unsigned turns = 0; turns < 200 && held.times + nobodys.times < 2; turns++)
        if (poll(&p, 1, 20) > 0)
            crew_client_dispatch(client);
    assert_int_equal(held.times, 1);
    assert_int_equal(held.error, 0);
    assert_int_equal(nobodys.times, 1);
    outcome_fini(&held);
    outcome_fini(&nobodys);
}

/* ---- groups are cancelled while answers come ---- */

static void on_group(void *arg, int error, const struct crew_answer *const answers[],
                     size_t count) {
    (void)error;
    (void)answers;
    (void)count;
    atomic_fetch_add((atomic_uint *)arg, 1);
}

/* Its last call is never answered, so the group cannot end. */
static void test_groups_are_cancelled_while_answers_come(void **state) {
    (void)state;
    enum { GROUPS = 100, MEMBERS = 10 };
    struct loop *loop = loop_start(false, false);
    atomic_uint told = 0;
    struct crew_call calls[MEMBERS];
    for (size_t i = 0; i < MEMBERS; i++)
        calls[i] = caller_plain(task, "member");
    calls[MEMBERS - 1].body = "hold";
    calls[MEMBERS - 1].body_bytes = 4;
    struct crew_group group = {.calls = calls, .count = MEMBERS};
    for (unsigned i = 0; i < GROUPS; i++) {
        crew_pending_group *pending;
        assert_int_equal(crew_client_group(client, &group, on_group, &told, &pending), 0);
        usleep(i * 30);
        assert_true(crew_client_group_cancel(client, pending));
    }
    loop_end(loop);
    assert_int_equal(atomic_load(&told), 0);
}

/* ---- crew_client_free ---- */

static void close_while_threads_wait(bool with_loop) {
    enum { WAITING = 8 };
    struct caller callers[WAITING];
    struct crew_call call = caller_plain(task, "hold");
    struct outcome looped = {0};
    for (size_t i = 0; i < WAITING; i++)
        caller_start(&callers[i], client, &call);
    await_begun(WAITING);
    if (with_loop)
        assert_int_equal(crew_client_call(client, &call, outcome_note, &looped, NULL), 0);
    uint64_t begin_ms = caller_now_ms();
    crew_client_free(client);
    assert_true(caller_now_ms() - begin_ms < 2500);
    client = NULL;
    for (size_t i = 0; i < WAITING; i++)
        assert_int_equal(caller_end(&callers[i]), CREW_ECLOSED);
    assert_int_equal(looped.times, with_loop ? 1 : 0);
    assert_int_equal(looped.error, with_loop ? CREW_ECLOSED : 0);
    outcome_fini(&looped);
}

static void test_close_while_threads_wait(void **state) {
    (void)state;
    close_while_threads_wait(false);
}

static void test_close_while_threads_wait_and_calls_are_open(void **state) {
    (void)state;
    close_while_threads_wait(true);
}

/* Answers come while the client is freed: each thread returns with one or the other. */
static void test_close_while_answers_come(void **state) {
    (void)state;
    enum { WAITING = 8, ROUNDS = 10 };
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct caller callers[WAITING];
        struct crew_call call = caller_plain(task, "x");
        unsigned before = begun();
        for (size_t i = 0; i < WAITING; i++)
            caller_start(&callers[i], client, &call);
        await_begun(before + WAITING);
        crew_client_free(client);
        for (size_t i = 0; i < WAITING; i++) {
            int error = caller_end(&callers[i]);
            assert_true(error == 0 || error == CREW_ECLOSED);
        }
        client = caller_open(NULL);
    }
}

/* Threads that wait in other functions. */
struct patient {
    crew_client *client;
    pthread_t thread;
    atomic_int tid;
    int error;
};

static void *wait_for_ready(void *arg) {
    struct patient *p = arg;
    atomic_store(&p->tid, gettid());
    p->error = crew_client_wait_ready(p->client, 60000, NULL, 0);
    return NULL;
}

static void test_close_while_threads_wait_for_the_broker(void **state) {
    (void)state;
    crew_client *away = caller_client("amqp://127.0.0.1:1/", NULL);
    struct patient p[4];
    for (size_t i = 0; i < 4; i++) {
        p[i] = (struct patient){.client = away};
        assert_int_equal(pthread_create(&p[i].thread, NULL, wait_for_ready, &p[i]), 0);
    }
    for (size_t i = 0; i < 4; i++)
        while (!caller_sleeps(atomic_load(&p[i].tid)))
            usleep(1000);
    uint64_t begin_ms = caller_now_ms();
    crew_client_free(away);
    assert_true(caller_now_ms() - begin_ms < 2500);
    for (size_t i = 0; i < 4; i++) {
        caller_join(p[i].thread);
        assert_int_equal(p[i].error, CREW_ECLOSED);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_client, close_client)
#define TEST_OF_FLUSHER(name) \
    cmocka_unit_test_setup_teardown(name, open_flusher, close_client)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_blocking_threads_alone),
        TEST(test_blocking_threads_beside_a_loop),
        TEST(test_blocking_threads_beside_two_loops),
        TEST_OF_FLUSHER(test_blocking_threads_beside_an_owner_that_flushes),
        TEST(test_calls_from_a_flush_go_on),
        TEST(test_threads_do_not_wait_for_callbacks_of_others),
        TEST(test_groups_are_cancelled_while_answers_come),
        TEST(test_close_while_threads_wait),
        TEST(test_close_while_threads_wait_and_calls_are_open),
        TEST_OF_FLUSHER(test_close_while_threads_wait),
        TEST(test_close_while_answers_come),
        TEST(test_close_while_threads_wait_for_the_broker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
