/* The process around a client: fork, signals, exit, and resources after a client is freed
 * with calls in each state. */
#include "caller.h"
#include "cmocka_all.h"
#include "fixture.h"
#include "proxy.h"
#include "worker_thread.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static char task[64];

static int name_task(void **state) {
    (void)state;
    caller_task(task, sizeof task);
    return 0;
}

static void on_nothing(void *arg, const struct crew_answer *answer) {
    (void)arg;
    (void)answer;
}

static void on_no_group(void *arg, int error, const struct crew_answer *const answers[],
                        size_t count) {
    (void)arg;
    (void)error;
    (void)answers;
    (void)count;
}

/* ---- fork ---- */

static int exit_status(pid_t pid) {
    int status;
    while (waitpid(pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Runs in the child: 0, or the number of the check that failed. */
static int use_the_parents(crew_client *c, crew_pending *pending,
                           crew_pending_group *group_pending) {
    struct crew_call call = caller_plain(task, "from the child");
    struct crew_group group = {.calls = &call, .count = 1};
    struct crew_answer *answer;
    struct crew_queue queue;
    const bool promises[] = {
        crew_client_call_wait(c, &call, &answer) == CREW_ECLOSED,
        crew_client_group_wait(c, &group, &answer) == CREW_ECLOSED,
        crew_client_call(c, &call, on_nothing, NULL, NULL) == CREW_ECLOSED,
        crew_client_group(c, &group, on_no_group, NULL, NULL) == CREW_ECLOSED,
        crew_client_wait_ready(c, 60000, NULL, 0) == CREW_ECLOSED,
        crew_client_queue_wait(c, task, 60000, &queue) == CREW_ECLOSED,
        !crew_client_ready(c),
        !crew_client_cancel(c, pending),
        !crew_client_group_cancel(c, group_pending),
        crew_client_pending_id(pending) == NULL,
        crew_client_fd(c) == -1,
    };
    crew_client_dispatch(c);
    crew_client_flush(c);
    crew_client_free(c);
    for (size_t i = 0; i < sizeof promises / sizeof promises[0]; i++)
        if (!promises[i])
            return (int)i + 1;
    return 0;
}

/* Forks repeatedly while threads use the client, with its lock held or not. */
static void test_forked_child_does_not_touch_its_parents_client(void **state) {
    (void)state;
    enum { CHILDREN = 20, CALLERS = 4 };
    struct worker_thread *s = worker_thread_start(caller_url(), task, 20);
    crew_client *c = caller_open(NULL);
    struct crew_call call = caller_plain(task, "hold");
    struct crew_group group = {.calls = &call, .count = 1};
    crew_pending *pending;
    crew_pending_group *group_pending;
    assert_int_equal(crew_client_call(c, &call, on_nothing, NULL, &pending), 0);
    assert_int_equal(crew_client_group(c, &group, on_no_group, NULL, &group_pending), 0);
    struct caller callers[CALLERS];
    for (size_t i = 0; i < CALLERS; i++)
        caller_start(&callers[i], c, &call);
    worker_thread_await(s, CALLERS + 2);
    call = caller_plain(task, "meanwhile");
    for (unsigned i = 0; i < CHILDREN; i++) {
        struct caller busy;
        caller_start(&busy, c, &call);
        pid_t pid = fork();
        if (pid == 0)
            _exit(use_the_parents(c, pending, group_pending));
        assert_int_equal(exit_status(pid), 0);
        assert_int_equal(caller_end(&busy), 0);
    }
    assert_non_null(crew_client_pending_id(pending));
    worker_thread_release(s);
    for (size_t i = 0; i < CALLERS; i++)
        assert_int_equal(caller_end(&callers[i]), 0);
    crew_client_free(c);
    worker_thread_stop(s);
}

/* The child keeps the parent's sockets open until it exits. */
static void test_forked_child_outlives_its_parent(void **state) {
    (void)state;
    crew_client *c = caller_open(NULL);
    int hold[2];
    assert_int_equal(pipe(hold), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char end;
        close(hold[1]);
        ssize_t bytes = read(hold[0], &end, 1);
        crew_client_free(c);
        _exit(bytes == 0 && !crew_client_ready(c) ? 0 : 1);
    }
    struct crew_call call = caller_plain(task, "");
    assert_int_equal(caller_call(c, &call), CREW_ENOWORKERS);
    uint64_t begin_ms = caller_now_ms();
    crew_client_free(c);
    assert_true(caller_now_ms() - begin_ms < 1000);
    close(hold[0]);
    close(hold[1]);
    assert_int_equal(exit_status(pid), 0);
}

static void test_forked_child_makes_its_own_client(void **state) {
    (void)state;
#ifdef __SANITIZE_THREAD__
    skip(); /* it supports no threads after a fork of many */
#endif
    struct worker_thread *s = worker_thread_start(caller_url(), task, 5);
    crew_client *c = caller_open(NULL);
    struct crew_call call = caller_plain(task, "x");
    assert_int_equal(caller_call(c, &call), 0);
    pid_t pid = fork();
    if (pid == 0) {
        crew_client *own = caller_open(NULL);
        int error = caller_call(own, &call);
        crew_client_free(own);
        _exit(error);
    }
    assert_int_equal(exit_status(pid), 0);
    assert_int_equal(caller_call(c, &call), 0);
    assert_int_equal(worker_thread_begun(s), 3);
    crew_client_free(c);
    worker_thread_stop(s);
}

/* What a program sees that the child executes. */
static void open_in_a_program(char *list, size_t list_bytes) {
    int out[2];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        execl("/bin/ls", "ls", "/proc/self/fd", (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    size_t bytes = 0;
    ssize_t more;
    while ((more = read(out[0], list + bytes, list_bytes - bytes - 1)) > 0)
        bytes += (size_t)more;
    list[bytes] = '\0';
    close(out[0]);
    assert_int_equal(exit_status(pid), 0);
}

static void test_descriptors_close_on_exec(void **state) {
    (void)state;
    char before[2000], with[2000];
    open_in_a_program(before, sizeof before);
    crew_client *c = caller_open(NULL);
    open_in_a_program(with, sizeof with);
    assert_string_equal(with, before);
    crew_client_free(c);
}

/* ---- signals, exit ---- */

static atomic_uint signals;

static void on_signal(int number) {
    (void)number;
    atomic_fetch_add(&signals, 1);
}

static void storm(unsigned every_us) {
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART */
    struct itimerval timer = {{0, every_us}, {0, every_us}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void *call_often(void *client) {
    intptr_t failed = 0;
    struct crew_call call = caller_plain(task, "x");
    for (int i = 0; i < 100; i++)
        failed += caller_call(client, &call) != 0;
    return (void *)failed;
}

static void test_signals_do_not_interrupt_waits(void **state) {
    (void)state;
    struct worker_thread *s = worker_thread_start(caller_url(), task, 10);
    atomic_store(&signals, 0);
    storm(500);
    crew_client *c = caller_open(NULL);
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, c), 0);
    assert_int_equal((intptr_t)call_often(c), 0);
    struct crew_queue queue;
    for (int i = 0; i < 50; i++)
        assert_int_equal(crew_client_queue_wait(c, task, 5000, &queue), 0);
    for (size_t i = 0; i < 3; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    crew_client_free(c);
    storm(0);
    assert_true(atomic_load(&signals) > 20);
    worker_thread_stop(s);
}

static crew_client *never_freed;

static void test_exit_without_freeing(void **state) {
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        static char body[500000];
        never_freed = caller_open(NULL);
        struct crew_call call = caller_plain(task, "");
        if (caller_call(never_freed, &call) != CREW_ENOWORKERS)
            _exit(1);
        call.gzip = CREW_GZIP_ALWAYS;
        call.body = body;
        call.body_bytes = sizeof body;
        crew_client_call(never_freed, &call, on_nothing, NULL, NULL);
        exit(0);
    }
    assert_int_equal(exit_status(pid), 0);
}

/* ---- resources after free ---- */

static size_t entries(const char *path) {
    size_t count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

/* A joined thread may still be listed in /proc for a moment. */
static void expect_back_to(size_t descriptors, size_t threads) {
    for (int i = 0; i < 1000 && entries("/proc/self/task") > threads; i++)
        usleep(10000);
    assert_int_equal(entries("/proc/self/task"), threads);
    assert_int_equal(entries("/proc/self/fd"), descriptors);
}

#define STATES 6

/* A call in each state that the program can cause, the latest state first. */
static void start_in_each_state(crew_client *c, struct worker_thread *s,
                                struct outcome o[]) {
    static char body[300000];
    unsigned begun = worker_thread_begun(s);
    struct crew_call call = caller_plain(task, "hold");
    call.expiration_ms = 60000;
    assert_int_equal(crew_client_call(c, &call, outcome_note, &o[0], NULL), 0);
    if (crew_client_ready(c)) {
        crew_client_dispatch(c);
        worker_thread_await(s, begun + 1); /* accepted, and with a worker */
    }
    call.body = "quiet";
    assert_int_equal(crew_client_call(c, &call, outcome_note, &o[1], NULL), 0);
    if (crew_client_ready(c))
        crew_client_dispatch(c); /* sent */
    assert_int_equal(crew_client_call(c, &call, outcome_note, &o[2], NULL), 0);
    call.fail_without_workers = true;
    assert_int_equal(crew_client_call(c, &call, outcome_note, &o[3], NULL), 0);
    call.gzip = CREW_GZIP_ALWAYS;
    call.body = body;
    call.body_bytes = sizeof body;
    assert_int_equal(crew_client_call(c, &call, outcome_note, &o[4], NULL), 0);
    struct crew_call unwanted = call;
    crew_pending *pending;
    assert_int_equal(crew_client_call(c, &unwanted, outcome_note, &o[5], &pending), 0);
    assert_true(crew_client_cancel(c, pending));
}

static void open_and_close(struct worker_thread *s, bool wait) {
    struct outcome o[STATES] = {0};
    crew_client *c = caller_client(NULL, NULL);
    if (wait)
        assert_int_equal(crew_client_wait_ready(c, FIXTURE_TIMEOUT_MS, NULL, 0), 0);
    start_in_each_state(c, s, o);
    uint64_t begin_ms = caller_now_ms();
    crew_client_free(c);
    assert_true(caller_now_ms() - begin_ms < 2500);
    for (size_t i = 0; i < STATES; i++) {
        assert_int_equal(o[i].times, i < STATES - 1 ? 1 : 0);
        assert_int_equal(o[i].error, i < STATES - 1 ? CREW_ECLOSED : 0);
        outcome_fini(&o[i]);
    }
}

static void test_each_call_ends_once_and_memory_is_freed(void **state) {
    (void)state;
    struct worker_thread *s = worker_thread_start(caller_url(), task, 60);
    open_and_close(s, true);
    size_t descriptors = entries("/proc/self/fd"), threads = entries("/proc/self/task");
    for (int i = 0; i < 50; i++)
        open_and_close(s, i % 5 != 0);
    expect_back_to(descriptors, threads);
    worker_thread_stop(s);
}

/* The worker is busy: calls that wait in the queue are cancelled. */
static void test_queued_calls_are_cancelled_by_free(void **state) {
    (void)state;
    struct worker_thread *s = worker_thread_start(caller_url(), task, 1);
    crew_client *stays = caller_open(NULL), *goes = caller_open(NULL);
    struct crew_call hold = caller_plain(task, "hold"), x = caller_plain(task, "x");
    struct caller first, queued[3];
    caller_start(&first, stays, &hold);
    worker_thread_await(s, 1);
    struct crew_queue queue = {.messages = 0};
    for (size_t i = 0; i < 3; i++)
        caller_start(&queued[i], goes, &x);
    for (int i = 0; i < 1000 && queue.messages < 3; i++)
        assert_int_equal(crew_client_queue_wait(stays, task, 5000, &queue), 0);
    crew_client_free(goes);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(caller_end(&queued[i]), CREW_ECLOSED);
    for (int i = 0; i < 50; i++) /* the notices are on their way to the worker */
        assert_int_equal(crew_client_queue_wait(stays, task, 5000, &queue), 0);
    worker_thread_release(s);
    assert_int_equal(caller_end(&first), 0);
    assert_int_equal(caller_call(stays, &x), 0);
    assert_int_equal(worker_thread_begun(s), 2);
    crew_client_free(stays);
    worker_thread_stop(s);
}

static void test_out_of_descriptors(void **state) {
    (void)state;
    struct crew_broker broker;
    crew_client_free(caller_open(NULL));
    size_t descriptors = entries("/proc/self/fd"), threads = entries("/proc/self/task");
    struct rlimit before, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    crew_broker_init(&broker);
    bool made = false;
    for (rlim_t room = 0; room < 20 && !made; room++) {
        crew_client *c = NULL;
        int lowest = dup(0);
        close(lowest);
        few = before;
        few.rlim_cur = (rlim_t)lowest + room;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        int error = crew_client_new(&broker, NULL, &c);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        made = error == 0;
        if (!made) {
            assert_int_equal(error, CREW_ESYSTEM);
            assert_null(c);
        }
        crew_client_free(c);
        expect_back_to(descriptors, threads);
    }
    assert_true(made);
    crew_broker_fini(&broker);
}

/* ---- a broker that does not respond ---- */

/* A thread that waits for an answer about a queue. */
struct looker {
    crew_client *client;
    pthread_t thread;
    atomic_int tid;
    int error;
};

static void *look(void *arg) {
    struct looker *l = arg;
    struct crew_queue queue;
    atomic_store(&l->tid, gettid());
    l->error = crew_client_queue_wait(l->client, task, 60000, &queue);
    return NULL;
}

static void look_start(struct looker *l, crew_client *c) {
    *l = (struct looker){.client = c};
    assert_int_equal(pthread_create(&l->thread, NULL, look, l), 0);
    while (!caller_sleeps(atomic_load(&l->tid)))
        usleep(1000);
}

static void free_from_a_black_hole(bool connected) {
    size_t descriptors = entries("/proc/self/fd"), threads = entries("/proc/self/task");
    struct crew_broker broker;
    struct proxy *p = proxy_new();
    struct outcome o = {0};
    crew_client *c;
    proxy_broker(p, &broker);
    proxy_stall(p, !connected);
    proxy_listen(p, true);
    assert_int_equal(crew_client_new(&broker, NULL, &c), 0);
    crew_broker_fini(&broker);
    assert_int_equal(
        crew_client_wait_ready(c, connected ? FIXTURE_TIMEOUT_MS : 300, NULL, 0),
        connected ? 0 : CREW_EBROKER);
    proxy_stall(p, true);
    struct crew_call call = caller_plain(task, "x");
    assert_int_equal(crew_client_call(c, &call, outcome_note, &o, NULL), 0);
    struct looker looker;
    if (connected) {
        crew_client_dispatch(c);
        look_start(&looker, c);
    }
    uint64_t begin_ms = caller_now_ms();
    crew_client_free(c);
    uint64_t took_ms = caller_now_ms() - begin_ms;
    if (connected) {
        caller_join(looker.thread);
        assert_int_equal(looker.error, CREW_ECLOSED);
    }
    assert_int_equal(o.times, 1);
    assert_int_equal(o.error, CREW_ECLOSED);
    outcome_fini(&o);
    assert_in_range(took_ms, 0, 2500);
    proxy_free(p);
    expect_back_to(descriptors, threads); /* including detached threads */
}

static void test_free_while_the_network_drops_packets(void **state) {
    (void)state;
    free_from_a_black_hole(true);
}

static void
test_free_while_connecting_through_a_network_that_drops_packets(void **state) {
    (void)state;
    free_from_a_black_hole(false);
}

#define TEST(name) cmocka_unit_test_setup(name, name_task)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_exit_without_freeing), /* first: no thread has been started yet */
        TEST(test_forked_child_does_not_touch_its_parents_client),
        TEST(test_forked_child_outlives_its_parent),
        TEST(test_forked_child_makes_its_own_client),
        TEST(test_descriptors_close_on_exec),
        TEST(test_signals_do_not_interrupt_waits),
        TEST(test_each_call_ends_once_and_memory_is_freed),
        TEST(test_queued_calls_are_cancelled_by_free),
        TEST(test_out_of_descriptors),
        TEST(test_free_while_the_network_drops_packets),
        TEST(test_free_while_connecting_through_a_network_that_drops_packets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
