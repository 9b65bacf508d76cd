/* The examples classic and probe with the test client. Handlers that crash or hang run in
 * a child process. (hello has examples/hello_test.c.) */
#include "cmocka_all.h"

#include <crew/test.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static crew_test *test;

static int load(const char *path) {
    const struct crew_test_options options = {.max_response_bytes = 100000};
    char why[256];
    if (crew_test_new(path, &options, &test, why, sizeof why) == 0)
        return 0;
    print_error("%s\n", why);
    return -1;
}

static int load_classic(void **state) {
    (void)state;
    return load(APPS "/classic.so");
}

static int load_probe(void **state) {
    (void)state;
    return load(APPS "/probe.so");
}

static int unload(void **state) {
    (void)state;
    crew_test_free(test);
    return 0;
}

static long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void assert_get(const char *path, int status, const char *body) {
    const struct crew_test_response *response = crew_test_get(test, path);
    assert_int_equal(response->error, 0);
    assert_int_equal(response->status, status);
    assert_string_equal(response->body, body);
}

static void assert_outcome(const char *path, const char *outcome) {
    assert_string_equal(crew_test_get(test, path)->outcome, outcome);
}

static void assert_task(const char *task, const char *body) {
    assert_string_equal(crew_test_task(test, task, NULL)->body, body);
}

/* ---- classic ---- */

#define STAT "I'm worker \"00000000-0000-4000-8000-00000000000%d\". And I serve %d tasks"

static void assert_stat(int worker, int served) {
    char wanted[128];
    snprintf(wanted, sizeof wanted, STAT, worker, served);
    assert_task("stat", wanted);
}

static void test_classic_test_and_stat(void **state) {
    (void)state;
    assert_task("test", "Wake up Neo.\n");
    assert_stat(1, 2);
    assert_stat(1, 3);
}

/* Its calls run as in a second handler process. */
static void test_classic_parallel(void **state) {
    (void)state;
    char wanted[256];
    snprintf(wanted, sizeof wanted, "Test result: Wake up Neo.\nStat result: " STAT "\n",
             2, 2);
    assert_task("parallel", wanted);
    size_t count;
    const struct crew_call *calls = crew_test_calls(test, &count);
    assert_int_equal(count, 2);
    assert_string_equal(calls[0].task, "test");
    assert_string_equal(calls[1].task, "stat");
}

static void test_classic_parallel_prints_errors(void **state) {
    (void)state;
    char wanted[256];
    crew_test_answer(test, "test", &(struct crew_answer){.error = CREW_ETIMEOUT});
    crew_test_answer_text(test, "stat", "fine");
    snprintf(wanted, sizeof wanted, "Test result: %s\nStat result: fine\n",
             crew_strerror(CREW_ETIMEOUT));
    assert_task("parallel", wanted);
}

static void test_classic_sleep_takes_three_seconds(void **state) {
    (void)state;
    long began_ms = now_ms();
    assert_task("sleep", "Slept for 3 seconds.\n");
    assert_in_range(now_ms() - began_ms, 2990, 4500);
}

/* ---- probe ---- */

static void test_probe_hello(void **state) {
    (void)state;
    assert_get("/hello", 200, "Hello, world\n");
}

static void test_probe_echo(void **state) {
    (void)state;
    const struct crew_test_response *response = crew_test_send(
        test, &(struct crew_test_request){.method = "BREW",
                                          .path = "/echo",
                                          .content_type = "text/tea",
                                          .body = "milk & tea",
                                          .body_bytes = strlen("milk & tea")});
    assert_string_equal(response->body, "milk & tea");
    assert_string_equal(response->content_type, "text/tea");
    assert_string_equal(crew_test_header(response, "X-Method"), "BREW");
    response = crew_test_get(test, "/echo");
    assert_int_equal(response->body_bytes, 0);
    assert_string_equal(response->content_type, "");
}

static void test_probe_env_is_sorted(void **state) {
    (void)state;
    crew_test_set_param(test, "A", "");
    crew_test_set_header(test, "Z", "2=3");
    const char *body = crew_test_get(test, "/env")->body;
    assert_memory_equal(body, "A=\nCONTENT_LENGTH=\n", 19);
    const char *last = strstr(body, "\nHTTP_Z=2=3\n");
    const char *path = strstr(body, "\nPATH_INFO=/env\n");
    assert_non_null(last);
    assert_true(path > last);
}

static void test_probe_status(void **state) {
    (void)state;
    assert_get("/status?code=418", 418, "418\n");
    assert_get("/status?code=599", 599, "599\n");
    static const char *const bad[] = {"99", "600", "100", "-1", "x", "", "9999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char path[64];
        snprintf(path, sizeof path, "/status?code=%s", bad[i]);
        assert_outcome(path, "bad-response");
    }
}

static void test_probe_header(void **state) {
    (void)state;
    const struct crew_test_response *response;
    response = crew_test_get(test, "/header?name=X-Tea&value=milk+%26");
    assert_string_equal(crew_test_header(response, "X-Tea"), "milk &");
    assert_outcome("/header?name=X&value=a%0d%0ab", "bad-response");
    assert_outcome("/header?name=X+Y&value=a", "bad-response");
    assert_get("/header?name=X", 400, "name= and value=, please\n");
}

static void test_probe_bytes(void **state) {
    (void)state;
    assert_int_equal(crew_test_get(test, "/bytes?n=0")->body_bytes, 0);
    assert_int_equal(crew_test_get(test, "/bytes?n=1")->body_bytes, 1);
    assert_int_equal(crew_test_get(test, "/bytes?n=100000")->body_bytes, 100000);
    assert_outcome("/bytes?n=100001", "bad-response");
    assert_outcome("/bytes?n=9000000000000000000", "bad-response");
}

static void test_probe_sleep(void **state) {
    (void)state;
    long began_ms = now_ms();
    assert_get("/sleep?ms=50", 200, "slept 50 ms\n");
    assert_true(now_ms() - began_ms >= 50);
    crew_test_set_left_ms(test, 600000);
    crew_test_stop_after_ms(test, 30);
    began_ms = now_ms();
    assert_get("/sleep?ms=60000", 200, "slept 60000 ms\n");
    assert_in_range(now_ms() - began_ms, 30, 10000);
}

static void test_probe_append(void **state) {
    (void)state;
    char file[] = "/tmp/crew-append-XXXXXX";
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    char path[128];
    snprintf(path, sizeof path, "/append?file=%s&id=one&ms=0", file);
    assert_get(path, 200, "one\n");
    snprintf(path, sizeof path, "/append?file=%s&id=two", file);
    assert_get(path, 200, "two\n");
    char lines[32] = "";
    assert_int_equal(read(fd, lines, sizeof lines - 1), 8);
    assert_string_equal(lines, "one\ntwo\n");
    close(fd);
    unlink(file);
    assert_get("/append?id=one", 400, "file= and id=, please\n");
    assert_outcome("/append?file=/nowhere/x&id=one", "failed");
    assert_true(crew_test_logged(test, "/nowhere/x: No such file"));
}

/* The wait(2) status of a child process that runs the handler; -1: it still ran after
 * WAIT_MS, and the signal TELL did not end it. */
static int crash_status(const char *path, int wait_ms, int tell) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        /* remove cmocka's handlers, which survive SIGSEGV */
        signal(SIGSEGV, SIG_DFL);
        signal(SIGABRT, SIG_DFL);
        crew_test_get(test, path);
        _exit(99);
    }
    int status = -1;
    long end_ms = now_ms() + wait_ms;
    bool told = false;
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (now_ms() > end_ms && told) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            return -1;
        }
        if (now_ms() > end_ms) {
            told = true;
            end_ms += wait_ms;
            kill(child, tell);
        }
        usleep(1000);
    }
    return status;
}

static void test_probe_crash_ends_the_process(void **state) {
    (void)state;
    int status = crash_status("/crash?how=segv", 20000, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    status = crash_status("/crash?how=abort", 20000, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    status = crash_status("/crash?how=exit", 20000, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
/* its malloc does not return null when memory is exhausted */
#ifndef __SANITIZE_ADDRESS__
    status = crash_status("/crash?how=oom", 20000, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
#endif
}

static void test_probe_crash_hangs(void **state) {
    (void)state;
    int status = crash_status("/crash?how=loop", 200, SIGTERM);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    status = crash_status("/crash?how=closefds", 200, SIGTERM);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    assert_int_equal(crash_status("/crash?how=deaf", 200, SIGTERM), -1);
}

static void test_probe_crash_requires_how(void **state) {
    (void)state;
    assert_int_equal(crew_test_get(test, "/crash?how=softly")->status, 400);
    assert_int_equal(crew_test_get(test, "/crash")->status, 400);
}

int main(void) {
#define CLASSIC(f) cmocka_unit_test_setup_teardown(f, load_classic, unload)
#define PROBE(f) cmocka_unit_test_setup_teardown(f, load_probe, unload)
    const struct CMUnitTest tests[] = {
        CLASSIC(test_classic_test_and_stat),
        CLASSIC(test_classic_parallel),
        CLASSIC(test_classic_parallel_prints_errors),
        CLASSIC(test_classic_sleep_takes_three_seconds),
        PROBE(test_probe_hello),
        PROBE(test_probe_echo),
        PROBE(test_probe_env_is_sorted),
        PROBE(test_probe_status),
        PROBE(test_probe_header),
        PROBE(test_probe_bytes),
        PROBE(test_probe_sleep),
        PROBE(test_probe_append),
        PROBE(test_probe_crash_ends_the_process),
        PROBE(test_probe_crash_hangs),
        PROBE(test_probe_crash_requires_how),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
