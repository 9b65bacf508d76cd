/* Messages as they are sent: bodies made by the helpers, compression as another consumer
 * sees it, expiration, and answers that no crew worker gives. */
#include "caller.h"
#include "cmocka_all.h"
#include "fake_worker.h"
#include "fixture.h"
#include "worker_thread.h"
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define ABOVE_BYTES 1000

static crew_client *client;
static char task[64];

static int open_client(void **state) {
    (void)state;
    static const struct crew_client_options options = {.gzip_above_bytes = ABOVE_BYTES};
    caller_task(task, sizeof task);
    client = caller_open(&options);
    return 0;
}

static int close_client(void **state) {
    (void)state;
    crew_client_free(client);
    return 0;
}

static void expect_back(const struct crew_call *call, const char *content_type,
                        const void *body, size_t bytes) {
    struct crew_answer *answer;
    assert_int_equal(crew_client_call_wait(client, call, &answer), 0);
    assert_string_equal(answer->content_type, content_type);
    assert_int_equal(answer->body_bytes, bytes);
    assert_memory_equal(answer->body, body, bytes);
    crew_answer_free(answer);
}

static void test_helpers_set_body_and_type(void **state) {
    (void)state;
    struct worker_thread *s = worker_thread_start(caller_url(), task, 1);
    struct crew_call call = {.task = task, .expiration_ms = 10000};
    crew_call_bytes(&call, "a\0\xff", 3);
    expect_back(&call, "application/octet-stream", "a\0\xff", 3);
    assert_int_equal(crew_call_text(&call, "gr\xc3\xbc\xc3\x9f"), 0);
    expect_back(&call, "text/plain; charset=utf-8", "gr\xc3\xbc\xc3\x9f", 6);
    assert_int_equal(crew_call_json(&call, "{\"a\": [1]}", NULL, 0), 0);
    expect_back(&call, "application/json", "{\"a\": [1]}", 10);
    worker_thread_stop(s);
}

/* ---- compression ---- */

static uint8_t same[2000], noise[2000];

static void fill_bodies(void) {
    unsigned seed = 1;
    for (size_t i = 0; i < sizeof noise; i++) {
        same[i] = 'a';
        seed = seed * 1103515245 + 12345;
        noise[i] = (uint8_t)(seed >> 16);
    }
}

static void expect_sent(struct fake_worker *f, const struct crew_call *call,
                        bool gzipped) {
    struct caller caller;
    caller_start(&caller, client, call);
    struct message *m = fake_worker_take(f);
    assert_int_equal(m->p.content_encoding != NULL, gzipped);
    if (gzipped) {
        assert_string_equal(m->p.content_encoding, "gzip");
        assert_memory_equal(m->body.data, "\x1f\x8b\x08", 3);
        assert_true(m->body.len < call->body_bytes);
    } else {
        assert_int_equal(m->body.len, call->body_bytes);
        assert_memory_equal(m->body.data, call->body, call->body_bytes);
    }
    fake_worker_answer(f, m, "ok", NULL, NULL);
    message_free(m);
    assert_int_equal(caller_end(&caller), 0);
}

static void test_body_is_compressed_as_requested(void **state) {
    (void)state;
    static const struct {
        enum crew_gzip gzip;
        const uint8_t *body;
        size_t bytes;
        bool gzipped;
    } cases[] = {
        {CREW_GZIP_AUTO, same, ABOVE_BYTES, false},
        {CREW_GZIP_AUTO, same, ABOVE_BYTES + 1, true},
        {CREW_GZIP_AUTO, noise, sizeof noise, false}, /* it would grow */
        {CREW_GZIP_NEVER, same, sizeof same, false},
        {CREW_GZIP_ALWAYS, same, 200, true},
        {CREW_GZIP_ALWAYS, noise, 200, false},
        {CREW_GZIP_ALWAYS, same, 0, false},
    };
    fill_bodies();
    struct fake_worker f;
    fake_worker_open(&f, task);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct crew_call call = caller_plain(task, "");
        call.gzip = cases[i].gzip;
        call.body = cases[i].body;
        call.body_bytes = cases[i].bytes;
        expect_sent(&f, &call, cases[i].gzipped);
    }
    fake_worker_close(&f);
}

/* Without gzip_above_bytes only calls that say so are compressed. */
static void test_body_is_compressed_only_if_requested(void **state) {
    (void)state;
    crew_client_free(client);
    client = caller_open(NULL);
    fill_bodies();
    struct fake_worker f;
    fake_worker_open(&f, task);
    struct crew_call call = caller_plain(task, "");
    call.body = same;
    call.body_bytes = sizeof same;
    expect_sent(&f, &call, false);
    call.gzip = CREW_GZIP_ALWAYS;
    expect_sent(&f, &call, true);
    fake_worker_close(&f);
}

/* A worker inflates 64 MiB and not more, but takes larger messages as they are. */
static void test_body_over_the_inflate_limit_is_not_compressed(void **state) {
    (void)state;
    enum { BYTES = 65 * 1024 * 1024 };
    struct worker_thread *s = worker_thread_start(caller_url(), task, 1);
    char *body = calloc(1, BYTES);
    memcpy(body, "quiet", 5);
    struct crew_call call = caller_plain(task, "");
    call.expiration_ms = 60000;
    call.gzip = CREW_GZIP_ALWAYS;
    call.body = body;
    call.body_bytes = BYTES;
    assert_int_equal(caller_call(client, &call), 0);
    free(body);
    worker_thread_stop(s);
}

/* ---- expiration ---- */

static void expect_time(struct fake_worker *f, uint32_t given_ms, uint32_t sent_ms) {
    struct crew_call call = caller_plain(task, "");
    call.expiration_ms = given_ms;
    struct caller caller;
    caller_start(&caller, client, &call);
    struct message *m = fake_worker_take(f);
    assert_true(m->p.has_expiration);
    assert_in_range(m->p.expiration_ms, sent_ms - 5000, sent_ms);
    fake_worker_answer(f, m, "ok", NULL, NULL);
    message_free(m);
    assert_int_equal(caller_end(&caller), 0);
}

static void test_default_expiration_is_30_seconds(void **state) {
    (void)state;
    struct fake_worker f;
    fake_worker_open(&f, task);
    expect_time(&f, 0, 30000);
    expect_time(&f, 1500000, 1500000);
    fake_worker_close(&f);
}

/* ---- answers of other programs ---- */

static void test_answer_of_a_plain_rpc_server(void **state) {
    (void)state;
    struct fake_worker f;
    fake_worker_open(&f, task);
    struct crew_call call = caller_plain(task, "question");
    struct caller caller;
    caller_start(&caller, client, &call);
    struct message *m = fake_worker_take(&f);
    const struct message_header field = {"colour", "blue", 0};
    fake_worker_answer(&f, m, "reply", &field, NULL);
    fake_worker_answer(&f, m, "once more", NULL, NULL); /* its call has ended */
    message_free(m);
    caller_join(caller.thread);
    assert_int_equal(caller.error, 0);
    assert_int_equal(caller.answer->status, 200);
    assert_string_equal(caller.answer->body, "reply");
    assert_string_equal(caller.answer->pairs[0].value, "blue");
    assert_null(caller.answer->worker);
    crew_answer_free(caller.answer);
    fake_worker_close(&f);
}

/* A call in an event loop, whose program cancels it on a warning. */
struct wary {
    crew_client *client;
    crew_pending *pending; /* null: ended */
    unsigned warnings;
    struct outcome outcome;
};

static void on_wary_answer(void *arg, const struct crew_answer *answer) {
    struct wary *w = arg;
    w->pending = NULL;
    outcome_note(&w->outcome, answer);
}

static void on_wary_event(void *arg, enum crew_event_kind kind, const char *text) {
    (void)text;
    struct wary *w = arg;
    if (kind != CREW_EVENT_WARNING)
        return;
    w->warnings++;
    if (w->pending != NULL)
        crew_client_cancel(w->client, w->pending);
    w->pending = NULL;
}

static void test_unreadable_answer_ends_its_call(void **state) {
    (void)state;
    struct wary w = {0};
    struct crew_client_options options = {.on_event = on_wary_event, .event_arg = &w};
    w.client = caller_open(&options);
    struct fake_worker f;
    fake_worker_open(&f, task);
    struct crew_call call = caller_plain(task, "");
    assert_int_equal(crew_client_call(w.client, &call, on_wary_answer, &w, &w.pending),
                     0);
    crew_client_dispatch(w.client);
    struct message *m = fake_worker_take(&f);
    fake_worker_answer(&f, m, "?", NULL, "br");
    message_free(m);
    struct pollfd p = {.fd = crew_client_fd(w.client), .events = POLLIN};
    for (int turns = 0; turns < 750 && w.warnings == 0; turns++) {
        poll(&p, 1, 20);
        crew_client_dispatch(w.client);
    }
    assert_int_equal(w.warnings, 1);
    assert_int_equal(w.outcome.times, 1); /* the answer first, then the warning */
    assert_int_equal(w.outcome.error, CREW_EBADRESPONSE);
    outcome_fini(&w.outcome);
    crew_client_free(w.client);
    fake_worker_close(&f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_client, close_client)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_helpers_set_body_and_type),
        TEST(test_body_is_compressed_as_requested),
        TEST(test_body_is_compressed_only_if_requested),
        TEST(test_body_over_the_inflate_limit_is_not_compressed),
        TEST(test_default_expiration_is_30_seconds),
        TEST(test_answer_of_a_plain_rpc_server),
        TEST(test_unreadable_answer_ends_its_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
