/* Blocking calls: each outcome that needs no broken broker, calls that are refused, and
 * the other blocking functions. */
#include "caller.h"
#include "cmocka_all.h"
#include "worker_thread.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static crew_client *client;
static char task[64];

static int open_client(void **state) {
    (void)state;
    caller_task(task, sizeof task);
    client = caller_open(NULL);
    return 0;
}

static int close_client(void **state) {
    (void)state;
    crew_client_free(client);
    return 0;
}

static struct worker_thread *serve(void) {
    return worker_thread_start(caller_url(), task, 1);
}

static int call_says(const char *body) {
    struct crew_call call = caller_plain(task, body);
    struct crew_answer *const untouched = (struct crew_answer *)&call;
    struct crew_answer *answer = untouched;
    int error = crew_client_call_wait(client, &call, &answer);
    if (error == 0)
        crew_answer_free(answer);
    else
        assert_ptr_equal(answer, untouched);
    return error;
}

/* ---- outcomes ---- */

static void test_call_is_answered(void **state) {
    (void)state;
    struct worker_thread *s = serve();
    struct crew_call call = caller_plain(task, "hello");
    struct crew_answer *answer;
    assert_int_equal(crew_client_call_wait(client, &call, &answer), 0);
    assert_int_equal(answer->error, 0);
    assert_int_equal(answer->status, 201);
    assert_int_equal(answer->body_bytes, 5);
    assert_string_equal(answer->body, "hello");
    assert_string_equal(answer->content_type, "text/plain");
    assert_int_equal(answer->pair_count, 1);
    assert_string_equal(answer->pairs[0].name, "X-Task");
    assert_string_equal(answer->pairs[0].value, task);
    crew_answer_free(answer);
    worker_thread_stop(s);
}

static void test_worker_reports_outcomes(void **state) {
    (void)state;
    struct worker_thread *s = serve();
    assert_int_equal(call_says("fail"), CREW_EFAILED);
    assert_int_equal(call_says("timeout"), CREW_ETIMEOUT);
    assert_int_equal(call_says("crash"), CREW_ECRASHED);
    assert_int_equal(call_says("all is well"), 0);
    worker_thread_stop(s);
}

static void test_queue_without_workers(void **state) {
    (void)state;
    struct crew_call call = caller_plain(task, "");
    assert_int_equal(caller_call(client, &call), CREW_ENOWORKERS); /* no queue */
    worker_thread_stop(serve());
    call.fail_without_workers = true;
    assert_int_equal(caller_call(client, &call), CREW_ENOWORKERS);
    call.fail_without_workers = false;
    call.expiration_ms = 300;
    uint64_t begin_ms = caller_now_ms();
    assert_int_equal(caller_call(client, &call), CREW_EEXPIRED);
    assert_in_range(caller_now_ms() - begin_ms, 290, 3000);
}

static void test_started_and_unanswered_is_deadline(void **state) {
    (void)state;
    struct worker_thread *s = serve();
    struct crew_call call = caller_plain(task, "hold");
    call.expiration_ms = 500;
    uint64_t begin_ms = caller_now_ms();
    assert_int_equal(caller_call(client, &call), CREW_EDEADLINE);
    assert_in_range(caller_now_ms() - begin_ms, 990, 4000);
    worker_thread_stop(s);
}

static void test_duplicate_id_is_refused(void **state) {
    (void)state;
    struct worker_thread *s = serve();
    struct crew_call call = caller_plain(task, "hold");
    call.id = "mine";
    struct caller first;
    caller_start(&first, client, &call);
    worker_thread_await(s, 1);
    assert_int_equal(caller_call(client, &call), CREW_EEXIST);
    worker_thread_release(s);
    assert_int_equal(caller_end(&first), 0);
    worker_thread_stop(s);
}

/* ---- calls that are refused ---- */

static void test_fields_out_of_range_are_refused(void **state) {
    (void)state;
    const struct crew_call good = caller_plain(task, "");
    char long_text[300];
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    struct crew_pair zero = {"name", 4, "a\0b", 3}, ours = {"crew-status", 11, "1", 1};
    struct crew_call bad[12];
    size_t n = 0;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        bad[i] = good;
    bad[n++].task = NULL;
    bad[n++].task = "";
    bad[n++].task = "two\nlines";
    bad[n++].task = long_text;
    bad[n++].id = "";
    bad[n++].id = long_text;
    bad[n++].expiration_ms = 1500001;
    bad[n++].content_type = long_text;
    bad[n++].form = CREW_PING + 1;
    bad[n++].repeat = CREW_REPEAT_ALWAYS + 1;
    bad[n++].gzip = CREW_GZIP_ALWAYS + 1;
    for (size_t i = 0; i < n; i++)
        assert_int_equal(caller_call(client, &bad[i]), CREW_EINVAL);
    bad[n].pair_count = 1;
    bad[n].pairs = &zero;
    assert_int_equal(caller_call(client, &bad[n]), CREW_EINVAL);
    bad[n].pairs = &ours;
    assert_int_equal(caller_call(client, &bad[n]), CREW_EINVAL);
}

static void test_calls_over_a_limit_are_refused(void **state) {
    (void)state;
    enum { PAIRS = 4097, MESSAGE_BYTES = 128 * 1024 * 1024 };
    struct crew_pair *pairs = calloc(PAIRS, sizeof *pairs);
    char *body = calloc(1, MESSAGE_BYTES + 1);
    for (size_t i = 0; i < PAIRS; i++)
        pairs[i] = (struct crew_pair){"abcdefgh", 8, "abcdefgh", 8};
    struct crew_call call = caller_plain(task, "");
    call.pairs = pairs;
    call.pair_count = PAIRS; /* more than a frame of plain headers, too */
    assert_int_equal(caller_call(client, &call), CREW_ETOOLARGE);
    call.form = CREW_HTTP;
    assert_int_equal(caller_call(client, &call), CREW_ETOOLARGE);
    call.pair_count = 1;
    call.body = body;
    call.body_bytes = MESSAGE_BYTES; /* too large together with its envelope */
    assert_int_equal(caller_call(client, &call), CREW_ETOOLARGE);
    call.form = CREW_PLAIN;
    call.body_bytes = MESSAGE_BYTES + 1;
    assert_int_equal(caller_call(client, &call), CREW_ETOOLARGE);
    assert_true(crew_client_ready(client)); /* the connection was not lost */
    free(body);
    free(pairs);
}

struct in_callback {
    int call, group, ready, queue;
    bool done;
};

static void block_in_callback(void *arg, const struct crew_answer *a) {
    (void)a;
    struct in_callback *r = arg;
    struct crew_call call = caller_plain(task, "");
    struct crew_group group = {.calls = &call, .count = 1};
    struct crew_answer *answer;
    struct crew_queue queue;
    r->call = crew_client_call_wait(client, &call, &answer);
    r->group = crew_client_group_wait(client, &group, &answer);
    crew_answer_free(answer);
    r->ready = crew_client_wait_ready(client, 0, NULL, 0);
    r->queue = crew_client_queue_wait(client, task, 0, &queue);
    r->done = true;
}

static void test_blocking_in_a_callback_is_refused(void **state) {
    (void)state;
    struct worker_thread *s = serve();
    struct in_callback r = {0};
    struct crew_call call = caller_plain(task, "");
    assert_int_equal(crew_client_call(client, &call, block_in_callback, &r, NULL), 0);
    assert_int_equal(call_says("x"), 0); /* this thread dispatches */
    assert_true(r.done);
    assert_int_equal(r.call, CREW_EINVAL);
    assert_int_equal(r.group, CREW_EINVAL);
    assert_int_equal(r.ready, CREW_EINVAL);
    assert_int_equal(r.queue, CREW_EINVAL);
    worker_thread_stop(s);
}

/* ---- ready ---- */

static void test_wait_ready_returns_at_once_when_ready(void **state) {
    (void)state;
    uint64_t begin_ms = caller_now_ms();
    assert_int_equal(crew_client_wait_ready(client, 5000, NULL, 0), 0);
    assert_true(caller_now_ms() - begin_ms < 1000);
    assert_true(crew_client_ready(client));
}

static void expect_not_ready(const char *url, uint32_t timeout_ms, const char *part) {
    crew_client *c = caller_client(url, NULL);
    char why[300] = "";
    uint64_t begin_ms = caller_now_ms();
    assert_int_equal(crew_client_wait_ready(c, timeout_ms, why, sizeof why),
                     CREW_EBROKER);
    assert_in_range(caller_now_ms() - begin_ms, timeout_ms - 10, timeout_ms + 1500);
    if (strstr(why, part) == NULL || strstr(why, "secret") != NULL)
        fail_msg("\"%s\" lacks \"%s\", or tells the password", why, part);
    struct crew_call call = caller_plain(task, "");
    begin_ms = caller_now_ms();
    assert_int_equal(caller_call(c, &call), CREW_EBROKER);
    assert_true(caller_now_ms() - begin_ms < 1000);
    assert_int_equal(crew_client_wait_ready(c, 0, why, sizeof why), CREW_EBROKER);
    crew_client_free(c);
}

static void test_unreachable_broker_is_named(void **state) {
    (void)state;
    expect_not_ready("amqp://me:secret@127.0.0.1:1/", 300, "127.0.0.1:1");
    expect_not_ready("amqp://me:secret@127.0.0.1:1/", 300, "refused");
}

static void test_wrong_password_is_reported(void **state) {
    (void)state;
    char url[200];
    const char *at = strchr(caller_url(), '@');
    assert_non_null(at);
    snprintf(url, sizeof url, "amqp://guest:secret%s", at);
    expect_not_ready(url, 1500, "ACCESS_REFUSED");
}

/* ---- queue info ---- */

/* With retries: the broker removes a consumer shortly after its connection. */
static void expect_queue(uint32_t messages, uint32_t consumers) {
    struct crew_queue queue;
    uint64_t until_ms = caller_now_ms() + 10000;
    do {
        assert_int_equal(crew_client_queue_wait(client, task, 5000, &queue), 0);
    } while ((queue.messages != messages || queue.consumers != consumers) &&
             caller_now_ms() < until_ms);
    assert_int_equal(queue.messages, messages);
    assert_int_equal(queue.consumers, consumers);
}

static void test_queue_info(void **state) {
    (void)state;
    struct crew_queue queue;
    assert_int_equal(crew_client_queue_wait(client, task, 5000, &queue), CREW_ENOWORKERS);
    assert_int_equal(queue.error, CREW_ENOWORKERS);
    struct worker_thread *s = serve();
    expect_queue(0, 1);
    struct caller callers[3];
    struct crew_call call = caller_plain(task, "hold");
    for (size_t i = 0; i < 3; i++)
        caller_start(&callers[i], client, &call);
    expect_queue(2, 1); /* a worker holds the third */
    worker_thread_release(s);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(caller_end(&callers[i]), 0);
    worker_thread_stop(s);
    expect_queue(0, 0);
}

static void test_queue_info_errors(void **state) {
    (void)state;
    struct crew_queue queue = {.error = -1, .messages = 17};
    assert_int_equal(crew_client_queue_wait(client, "a\nb", 100, &queue), CREW_EINVAL);
    assert_int_equal(crew_client_queue_wait(client, NULL, 100, &queue), CREW_EINVAL);
    assert_int_equal(queue.messages, 17);
    crew_client *away = caller_client("amqp://127.0.0.1:1/", NULL);
    uint64_t begin_ms = caller_now_ms();
    assert_int_equal(crew_client_queue_wait(away, task, 400, &queue), CREW_EBROKER);
    assert_int_equal(queue.error, CREW_EBROKER);
    assert_true(caller_now_ms() - begin_ms < 1500);
    crew_client_free(away);
}

/* ---- pings ---- */

static void test_worker_answers_ping_itself(void **state) {
    (void)state;
    struct worker_thread *s = serve();
    struct crew_call call = {.form = CREW_PING, .task = task, .expiration_ms = 10000};
    struct crew_answer *answer;
    assert_int_equal(crew_client_call_wait(client, &call, &answer), 0);
    assert_int_equal(answer->status, 204);
    assert_int_equal(answer->body_bytes, 0);
    assert_string_equal(answer->worker, worker_thread_uuid(s));
    crew_answer_free(answer);
    assert_int_equal(worker_thread_begun(s), 0);
    struct caller held;
    struct crew_call hold = caller_plain(task, "hold");
    caller_start(&held, client, &hold);
    worker_thread_await(s, 1);
    call.expiration_ms = 300; /* the worker is busy for longer */
    assert_int_equal(caller_call(client, &call), CREW_EEXPIRED);
    worker_thread_release(s);
    assert_int_equal(caller_end(&held), 0);
    worker_thread_stop(s);
    assert_int_equal(caller_call(client, &call), CREW_EEXPIRED);
    caller_task(task, sizeof task);
    assert_int_equal(caller_call(client, &call), CREW_ENOWORKERS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_client, close_client)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_call_is_answered),
        TEST(test_worker_reports_outcomes),
        TEST(test_queue_without_workers),
        TEST(test_started_and_unanswered_is_deadline),
        TEST(test_duplicate_id_is_refused),
        TEST(test_fields_out_of_range_are_refused),
        TEST(test_calls_over_a_limit_are_refused),
        TEST(test_blocking_in_a_callback_is_refused),
        TEST(test_wait_ready_returns_at_once_when_ready),
        TEST(test_unreachable_broker_is_named),
        TEST(test_wrong_password_is_reported),
        TEST(test_queue_info),
        TEST(test_queue_info_errors),
        TEST(test_worker_answers_ping_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
