/* Streamed answers as a worker makes them, with a client that reads piece by piece. */
#include "caller.h"
#include "cmocka_all.h"
#include "fixture.h"
#include <poll.h>
#include <string.h>

static crew_client *client;
static char task[64];

/* The reader of the stream. */
static struct reader {
    crew_pending *pending;
    bool gives_credit;
    unsigned heads, ends;
    int error;
    size_t bytes;
    uint64_t run_us;
} reader;

static void on_end(void *arg, const struct crew_answer *answer) {
    struct reader *r = arg;
    r->ends++;
    r->error = answer->error;
    r->run_us = answer->run_us;
}

static struct streamer {
    crew_worker *worker;
    crew_task *task;
    uint32_t allowed;
    unsigned credits, unread;
} streamer;

static void on_task(void *arg, crew_task *given) {
    struct streamer *s = arg;
    assert_int_equal(crew_task_begin(given), 0);
    s->task = given;
}

static void on_credit(void *arg, crew_task *given, uint32_t allowed_bytes) {
    struct streamer *s = arg;
    assert_ptr_equal(given, s->task);
    s->allowed = allowed_bytes;
    s->credits++;
}

static void on_unread(void *arg, crew_task *given) {
    struct streamer *s = arg;
    assert_ptr_equal(given, s->task);
    s->unread++;
}

static void dispatch(void) {
    struct pollfd p[] = {{.fd = crew_client_fd(client), .events = POLLIN},
                         {.fd = crew_worker_fd(streamer.worker), .events = POLLIN}};
    poll(p, 2, 20);
    crew_client_dispatch(client);
    crew_worker_dispatch(streamer.worker);
}

#define dispatch_until(condition)             \
    do {                                      \
        int tries_ = FIXTURE_TIMEOUT_MS / 20; \
        while (!(condition) && tries_-- > 0)  \
            dispatch();                       \
        assert_true(condition);               \
    } while (0)

static int open_all(void **state) {
    (void)state;
    const char *names[] = {task};
    struct crew_broker broker;
    caller_task(task, sizeof task);
    client = caller_open(NULL);
    reader = (struct reader){.gives_credit = true};
    streamer = (struct streamer){.allowed = CREW_WINDOW_BYTES};
    const struct crew_worker_options options = {.prefetch = 1,
                                                .on_task = on_task,
                                                .task_arg = &streamer,
                                                .on_credit = on_credit,
                                                .on_unread = on_unread};
    crew_broker_init(&broker);
    assert_int_equal(crew_broker_parse(&broker, caller_url(), NULL, 0), 0);
    assert_int_equal(crew_worker_new(&broker, &options, &streamer.worker), 0);
    assert_int_equal(crew_worker_serve(streamer.worker, names, 1), 0);
    crew_broker_fini(&broker);
    dispatch_until(crew_worker_ready(streamer.worker));
    return 0;
}

static int close_all(void **state) {
    (void)state;
    crew_client_free(client);
    crew_worker_free(streamer.worker);
    return 0;
}

static void count_bytes(void *arg, const void *data, size_t bytes) {
    (void)data;
    struct reader *r = arg;
    r->bytes += bytes;
    if (r->gives_credit)
        crew_client_credit(client, r->pending, bytes);
}

static void note_head(void *arg, const struct crew_answer *head) {
    struct reader *r = arg;
    r->heads++;
    assert_string_equal(head->worker, crew_worker_uuid(streamer.worker));
}

static const struct crew_answer ok = {.status = 200};

static void begin_task(void) {
    static const struct crew_receiver to = {note_head, count_bytes, on_end};
    const struct crew_call wanted = {
        .form = CREW_HTTP, .task = task, .expiration_ms = 10000};
    assert_int_equal(crew_client_stream(client, &wanted, &to, &reader, &reader.pending),
                     0);
    dispatch_until(streamer.task != NULL);
    assert_int_equal(crew_task_chunk(streamer.task, "a", 1), CREW_EINVAL);
    assert_int_equal(crew_task_head(streamer.task, &ok), 0);
    assert_int_equal(crew_task_head(streamer.task, &ok), CREW_EINVAL);
}

static void end_task(int error) {
    crew_task_answer(streamer.task, &(struct crew_answer){.error = error, .run_us = 5});
    crew_task_done(streamer.task);
}

static void test_worker_sends_within_its_credit(void **state) {
    (void)state;
    static uint8_t data[CREW_CHUNK_BYTES + 1];
    begin_task();
    reader.gives_credit = false;
    assert_int_equal(crew_task_chunk(streamer.task, data, sizeof data), CREW_EINVAL);
    for (int i = 0; i < 4; i++)
        assert_int_equal(crew_task_chunk(streamer.task, data, CREW_CHUNK_BYTES), 0);
    assert_int_equal(crew_task_chunk(streamer.task, data, 1), CREW_EINVAL);
    dispatch_until(reader.bytes == CREW_WINDOW_BYTES);
    assert_int_equal(streamer.credits, 0);
    crew_client_credit(client, reader.pending, 100000);
    dispatch_until(streamer.credits == 1);
    assert_int_equal(streamer.allowed, CREW_WINDOW_BYTES + 100000);
    assert_int_equal(crew_task_chunk(streamer.task, data, CREW_CHUNK_BYTES), 0);
    assert_int_equal(crew_task_chunk(streamer.task, data, 100000 - CREW_CHUNK_BYTES), 0);
    assert_int_equal(crew_task_chunk(streamer.task, data, 1), CREW_EINVAL);
    dispatch_until(reader.bytes == CREW_WINDOW_BYTES + 100000);
    /* Too little for a credit notice: the worker asks for it. */
    crew_client_credit(client, reader.pending, 7);
    dispatch_until(streamer.credits == 2);
    assert_int_equal(streamer.allowed, CREW_WINDOW_BYTES + 100007);
    end_task(0);
    dispatch_until(reader.ends == 1);
    assert_int_equal(reader.error, 0);
    assert_int_equal(reader.run_us, 5);
    dispatch_until(crew_worker_held(streamer.worker) == 0);
}

static void test_failed_stream_has_an_end(void **state) {
    (void)state;
    begin_task();
    assert_int_equal(crew_task_chunk(streamer.task, "abc", 3), 0);
    end_task(CREW_ECRASHED);
    dispatch_until(reader.ends == 1);
    assert_int_equal(reader.error, CREW_ECRASHED);
    assert_int_equal(reader.bytes, 3);
}

static void test_worker_is_notified_of_a_cancelled_stream(void **state) {
    (void)state;
    begin_task();
    dispatch_until(reader.heads == 1);
    crew_client_cancel(client, reader.pending);
    dispatch_until(streamer.unread == 1);
    assert_int_equal(crew_task_chunk(streamer.task, "abc", 3), CREW_ECANCELLED);
    end_task(CREW_ECANCELLED);
    dispatch_until(crew_worker_held(streamer.worker) == 0);
    assert_int_equal(reader.ends, 0);
}

static void test_caller_is_disconnected(void **state) {
    (void)state;
    begin_task();
    dispatch_until(reader.heads == 1);
    crew_client_free(client);
    client = caller_open(NULL);
    crew_task_chunk(streamer.task, "abc",
                    3); /* returned, if the worker has not been notified yet */
    dispatch_until(streamer.unread == 1);
    assert_int_equal(reader.error, CREW_ECLOSED);
    end_task(CREW_ECANCELLED);
    dispatch_until(crew_worker_held(streamer.worker) == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_worker_sends_within_its_credit),
        TEST(test_failed_stream_has_an_end),
        TEST(test_worker_is_notified_of_a_cancelled_stream),
        TEST(test_caller_is_disconnected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
