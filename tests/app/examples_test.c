/* The examples do what they say; without broker, worker and web server. Those that crash
 * or hang do it in a child process. */
#include "cmocka_all.h"

#include "base/clock.h"
#include "host_port.h"
#include "task_maker.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct host_port port;
static crew_host *host;

static crew_host *load(const char *path, size_t max_response_bytes) {
    static char word[] = "argument";
    static char *argv[] = {word, word};
    struct crew_host_options options = host_port_options(&port, path, argv);
    options.max_response_bytes = max_response_bytes;
    crew_host *made = NULL;
    char why[256];
    if (crew_host_new(&options, &made, why, sizeof why) != CREW_OK)
        print_error("%s\n", why);
    return made;
}

static int load_hello(void **state) {
    (void)state;
    port = (struct host_port){0};
    host = load(APPS "/hello.so", 1000);
    return host == NULL;
}

static int load_classic(void **state) {
    (void)state;
    port = (struct host_port){0};
    port.serves = load(APPS "/classic.so", 1000);
    host = load(APPS "/classic.so", 1000);
    return host == NULL || port.serves == NULL;
}

static int load_probe(void **state) {
    (void)state;
    port = (struct host_port){0};
    host = load(APPS "/probe.so", 100000);
    return host == NULL;
}

static int unload(void **state) {
    (void)state;
    crew_host_free(host);
    crew_host_free(port.serves);
    host_port_fini(&port);
    return 0;
}

/* Of each answer here the next run is the end, so one buffer of text is enough. */
static const char *body_text(const struct crew_answer *answer) {
    static char text[4096];
    snprintf(text, sizeof text, "%.*s", (int)answer->body_bytes,
             answer->body != NULL ? (const char *)answer->body : "");
    return text;
}

static struct crew_answer run_task(const char *task) {
    struct crew_task_view view = {.form = CREW_PLAIN, .task = task, .id = "1"};
    struct crew_answer answer;
    crew_host_run(host, &view, 10000, &answer);
    return answer;
}

static struct crew_answer run_with(const char *const *params, const char *body) {
    struct task_maker maker;
    struct crew_answer answer;
    task_maker_init(&maker, CREW_HTTP, "http", params);
    task_maker_body(&maker, body, strlen(body));
    crew_host_run(host, &maker.view, 10000, &answer);
    task_maker_fini(&maker);
    return answer;
}

static struct crew_answer get(const char *path, const char *query) {
    const char *const params[] = {"REQUEST_METHOD", "GET", "PATH_INFO", path,
                                  "QUERY_STRING",   query, NULL};
    return run_with(params, "");
}

static void assert_get(const char *path, const char *query, int status,
                       const char *wanted) {
    struct crew_answer answer = get(path, query);
    assert_int_equal(answer.error, CREW_OK);
    assert_int_equal(answer.status, status);
    assert_string_equal(body_text(&answer), wanted);
}

static const char *field(const struct crew_answer *answer, const char *name) {
    static char value[256];
    for (size_t i = 0; i < answer->pair_count; i++) {
        const struct crew_pair *pair = &answer->pairs[i];
        if (pair->name_bytes == strlen(name) &&
            memcmp(pair->name, name, pair->name_bytes) == 0) {
            snprintf(value, sizeof value, "%.*s", (int)pair->value_bytes, pair->value);
            return value;
        }
    }
    return "(none)";
}

static void test_hello(void **state) {
    (void)state;
    assert_get("/hello", "", 200, "Hello, world\n");
    assert_get("/hello", "name=Neo", 200, "Hello, Neo\n");
}

/* ---- classic ---- */

static void test_classic_test_and_stat(void **state) {
    (void)state;
    struct crew_answer answer = run_task("test");
    assert_string_equal(body_text(&answer), "Wake up Neo.\n");
    answer = run_task("stat");
    assert_string_equal(body_text(&answer),
                        "I'm worker \"process-uuid\". And I serve 2 tasks");
    answer = run_task("stat");
    assert_string_equal(body_text(&answer),
                        "I'm worker \"process-uuid\". And I serve 3 tasks");
}

static void test_classic_parallel(void **state) {
    (void)state;
    struct crew_answer answer = run_task("parallel");
    assert_string_equal(
        body_text(&answer),
        "Test result: Wake up Neo.\n"
        "Stat result: I'm worker \"process-uuid\". And I serve 2 tasks\n");
    assert_int_equal(port.calls, 2);
}

static void test_classic_parallel_prints_what_failed(void **state) {
    (void)state;
    crew_host_free(port.serves);
    port.serves = NULL;
    port.answer = (struct crew_answer){.error = CREW_ETIMEOUT, .status = 504};
    char wanted[256];
    snprintf(wanted, sizeof wanted, "Test result: %s\nStat result: %s\n",
             crew_strerror(CREW_ETIMEOUT), crew_strerror(CREW_ETIMEOUT));
    struct crew_answer answer = run_task("parallel");
    assert_string_equal(body_text(&answer), wanted);
}

static void test_classic_sleep_takes_three_seconds(void **state) {
    (void)state;
    struct crew_answer answer = run_task("sleep");
    assert_int_equal(answer.status, 200);
    assert_in_range(answer.run_us, 2990000, 4500000);
}

/* ---- probe ---- */

static void test_probe_hello(void **state) {
    (void)state;
    assert_get("/hello", "", 200, "Hello, world\n");
}

static void test_probe_echo(void **state) {
    (void)state;
    const char *const params[] = {"REQUEST_METHOD", "BREW",     "PATH_INFO", "/echo",
                                  "CONTENT_TYPE",   "text/tea", NULL};
    struct crew_answer answer = run_with(params, "milk & tea");
    assert_string_equal(body_text(&answer), "milk & tea");
    assert_string_equal(field(&answer, "Content-Type"), "text/tea");
    assert_string_equal(field(&answer, "X-Method"), "BREW");
    answer = get("/echo", "");
    assert_int_equal(answer.body_bytes, 0);
    assert_string_equal(field(&answer, "Content-Type"), "(none)");
}

static void test_probe_env_is_sorted(void **state) {
    (void)state;
    const char *const params[] = {
        "REQUEST_METHOD", "GET", "PATH_INFO", "/env", "HTTP_B", "2=3", "A", "", NULL};
    struct crew_answer answer = run_with(params, "");
    assert_string_equal(body_text(&answer),
                        "A=\nHTTP_B=2=3\nPATH_INFO=/env\nREQUEST_METHOD=GET\n");
}

static void test_probe_status(void **state) {
    (void)state;
    assert_get("/status", "code=418", 418, "418\n");
    assert_get("/status", "code=599", 599, "599\n");
    static const char *const bad[] = {"code=99", "code=600", "code=100",       "code=-1",
                                      "code=x",  "",         "code=9999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(get("/status", bad[i]).error, CREW_EBADRESPONSE);
}

static void test_probe_header(void **state) {
    (void)state;
    struct crew_answer answer = get("/header", "name=X-Tea&value=milk+%26");
    assert_string_equal(field(&answer, "X-Tea"), "milk &");
    assert_int_equal(get("/header", "name=X&value=a%0d%0ab").error, CREW_EBADRESPONSE);
    assert_int_equal(get("/header", "name=X+Y&value=a").error, CREW_EBADRESPONSE);
    assert_int_equal(get("/header", "name=X").status, 400);
}

static void test_probe_bytes(void **state) {
    (void)state;
    assert_int_equal(get("/bytes", "n=0").body_bytes, 0);
    assert_int_equal(get("/bytes", "n=1").body_bytes, 1);
    assert_int_equal(get("/bytes", "n=100000").body_bytes, 100000);
    assert_int_equal(get("/bytes", "n=100001").error, CREW_EBADRESPONSE);
    assert_int_equal(get("/bytes", "n=9000000000000000000").error, CREW_EBADRESPONSE);
}

static void test_probe_sleep(void **state) {
    (void)state;
    uint64_t begin_ms = clock_ms();
    assert_get("/sleep", "ms=50", 200, "slept 50 ms\n");
    assert_true(clock_ms() - begin_ms >= 50);
    port.stopping = true;
    begin_ms = clock_ms();
    assert_get("/sleep", "ms=60000", 200, "slept 60000 ms\n");
    assert_true(clock_ms() - begin_ms < 10000);
}

static void test_probe_append(void **state) {
    (void)state;
    char file[] = "/tmp/crew-append-XXXXXX";
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    char query[128];
    snprintf(query, sizeof query, "file=%s&id=one&ms=0", file);
    assert_get("/append", query, 200, "one\n");
    snprintf(query, sizeof query, "file=%s&id=two", file);
    assert_get("/append", query, 200, "two\n");
    char lines[32] = "";
    assert_int_equal(read(fd, lines, sizeof lines - 1), 8);
    assert_string_equal(lines, "one\ntwo\n");
    close(fd);
    unlink(file);
    assert_int_equal(get("/append", "id=one").status, 400);
    assert_int_equal(get("/append", "file=/nowhere/x&id=one").error, CREW_EFAILED);
}

/* The exit status of a child in which the handler runs, as wait(2) gives it; -1 when it
 * still ran after WAIT_MS, and TELL did not end it either. */
static int crash_status(const char *how, int wait_ms, int tell) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        /* Away with the handlers of cmocka, which survive a SIGSEGV. */
        signal(SIGSEGV, SIG_DFL);
        signal(SIGABRT, SIG_DFL);
        get("/crash", how);
        _exit(99);
    }
    int status = -1;
    uint64_t end_ms = clock_ms() + (uint64_t)wait_ms;
    bool told = false;
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (clock_ms() > end_ms && told) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            return -1;
        }
        if (clock_ms() > end_ms) {
            told = true;
            end_ms += (uint64_t)wait_ms;
            kill(child, tell);
        }
        usleep(1000);
    }
    return status;
}

static void test_probe_crash_ends_the_process(void **state) {
    (void)state;
    int status = crash_status("how=segv", 20000, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    status = crash_status("how=abort", 20000, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    status = crash_status("how=exit", 20000, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
#ifndef __SANITIZE_ADDRESS__ /* whose malloc does not return when there is no memory */
    status = crash_status("how=oom", 20000, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
#endif
}

static void test_probe_crash_hangs(void **state) {
    (void)state;
    int status = crash_status("how=loop", 200, SIGTERM);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    status = crash_status("how=closefds", 200, SIGTERM);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    assert_int_equal(crash_status("how=deaf", 200, SIGTERM), -1);
}

static void test_probe_crash_asks_how(void **state) {
    (void)state;
    assert_int_equal(get("/crash", "how=softly").status, 400);
    assert_int_equal(get("/crash", "").status, 400);
}

int main(void) {
#define HELLO(f) cmocka_unit_test_setup_teardown(f, load_hello, unload)
#define CLASSIC(f) cmocka_unit_test_setup_teardown(f, load_classic, unload)
#define PROBE(f) cmocka_unit_test_setup_teardown(f, load_probe, unload)
    const struct CMUnitTest tests[] = {
        HELLO(test_hello),
        CLASSIC(test_classic_test_and_stat),
        CLASSIC(test_classic_parallel),
        CLASSIC(test_classic_parallel_prints_what_failed),
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
        PROBE(test_probe_crash_asks_how),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
