/* Streamed answers at the client: piece by piece, collected, and from a worker that
 * violates the protocol. */
#include "caller.h"
#include "cmocka_all.h"
#include "fake_worker.h"
#include "fixture.h"
#include "wire/envelope.h"
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define WORKER "0b5c1c9a-0000-4000-8000-000000000000"
#define RUN_US 77u

static crew_client *client;
static char task[64];

/* A caller that reads a stream piece by piece. */
static struct reader {
    crew_pending *pending;
    bool gives_credit;
    unsigned heads, ends;
    int status, error;
    size_t bytes;
    uint64_t run_us;
} reader;

static void on_head(void *arg, const struct crew_answer *head) {
    struct reader *r = arg;
    r->heads++;
    r->status = head->status;
    assert_string_equal(head->worker, WORKER);
    assert_int_equal(head->pair_count, 1);
    assert_memory_equal(head->pairs[0].value, "value", 5);
}

static void on_chunk(void *arg, const void *data, size_t bytes) {
    struct reader *r = arg;
    assert_int_equal(((const char *)data)[0], 'a');
    r->bytes += bytes;
    if (r->gives_credit)
        crew_client_credit(client, r->pending, bytes);
}

static void on_end(void *arg, const struct crew_answer *answer) {
    struct reader *r = arg;
    r->ends++;
    r->error = answer->error;
    r->run_us = answer->run_us;
}

static const struct crew_receiver receiver = {on_head, on_chunk, on_end};

static void dispatch_once(void) {
    struct pollfd p = {.fd = crew_client_fd(client), .events = POLLIN};
    poll(&p, 1, 20);
    crew_client_dispatch(client);
}

#define turn_until(condition)                 \
    do {                                      \
        int turns_ = FIXTURE_TIMEOUT_MS / 20; \
        while (!(condition) && turns_-- > 0)  \
            dispatch_once();                  \
        assert_true(condition);               \
    } while (0)

/* ---- a fake worker ---- */

static struct fake_worker server;   /* gets the calls */
static struct link_fixture notices; /* receives the notices to the worker */
static struct message *call;

static int open_all(void **state) {
    (void)state;
    char queue[40];
    static const struct crew_client_options options = {.max_answer_bytes = 400000};
    caller_task(task, sizeof task);
    client = caller_open(&options);
    fake_worker_open(&server, task);
    link_fixture_open(&notices);
    link_fixture_declare_queue(&notices, queue);
    struct link_op *op = link_op_new(LINK_BIND, queue);
    op->exchange = strdup("crew.control");
    op->key = strdup("worker." WORKER);
    link_fixture_must_do(&notices, op);
    link_fixture_consume(&notices, queue, true);
    reader = (struct reader){.gives_credit = true};
    return 0;
}

static int close_all(void **state) {
    (void)state;
    message_free(call);
    call = NULL;
    crew_client_free(client);
    link_fixture_close(&notices);
    fake_worker_close(&server);
    return 0;
}

static struct crew_call http_call(void) {
    return (struct crew_call){.form = CREW_HTTP, .task = task, .expiration_ms = 10000};
}

static void start(const struct crew_receiver *to) {
    const struct crew_call wanted = http_call();
    assert_int_equal(crew_client_stream(client, &wanted, to, &reader, &reader.pending),
                     0);
    crew_client_dispatch(client);
    call = fake_worker_take(&server);
}

/* An item that the worker sends: a step of a script. */
struct step {
    enum { DONE, HEAD, NAMELESS_HEAD, CHUNK, END, FAIL, ANSWER } what;
    uint32_t sequence;
    size_t bytes;
};

static void put_step(struct buffer *to, const struct step *step, const char *id) {
    static uint8_t body[CREW_CHUNK_BYTES * 2];
    memset(body, 'a', sizeof body);
    static const uint8_t pair[] = "\0\4\0\0\0\5namevalue";
    static const uint8_t kinds[] = {0,        WIRE_HEAD, WIRE_HEAD,  WIRE_CHUNK,
                                    WIRE_END, WIRE_END,  WIRE_ANSWER};
    bool named = step->what == HEAD || (step->what == CHUNK && step->bytes == 0);
    struct wire_item item = {.kind = kinds[step->what],
                             .id = wire_text(id),
                             .sequence = step->sequence,
                             .worker = wire_text(named ? WORKER : NULL),
                             .body = {body, step->bytes}};
    if (step->what == FAIL)
        item.error = wire_text("crashed");
    if (step->what == END)
        item.run_us = RUN_US;
    if (step->what == HEAD || step->what == NAMELESS_HEAD || step->what == ANSWER) {
        item.status = 201;
        item.pairs = (struct wire_bytes){pair, sizeof pair - 1};
    }
    wire_put(to, &item);
}

/* All items in one message. */
static void say_as(const struct step *steps, const char *id) {
    const struct message_properties p = {.exchange = "",
                                         .routing_key = call->p.reply_to,
                                         .content_type = WIRE_CONTENT_TYPE,
                                         .correlation_id = id};
    struct message *m = message_new(&p);
    wire_begin(&m->body);
    for (const struct step *step = steps; step->what != DONE; step++)
        put_step(&m->body, step, id);
    assert_int_equal(link_fixture_publish(&server.link, m), PUBLISH_CONFIRMED);
}

static void say(const struct step *steps) {
    say_as(steps, call->p.correlation_id);
}

#define SAY(...) say((const struct step[]){__VA_ARGS__, {DONE, 0, 0}})

/* The next notice to the worker about this call. */
static uint32_t hear(uint8_t kind) {
    struct wire_reader items;
    struct wire_item item;
    struct link_event *event = NULL;
    for (int turns = FIXTURE_TIMEOUT_MS / 20; event == NULL && turns > 0; turns--) {
        dispatch_once();
        event = link_fixture_await(&notices, LINK_DELIVERY, 1);
    }
    assert_non_null(event);
    struct message *m = event->message;
    assert_int_equal(wire_read(&items, m->body.data, m->body.len), 0);
    assert_int_equal(wire_next(&items, &item), 1);
    assert_int_equal(item.kind, kind);
    assert_int_equal(item.id.len, strlen(call->p.correlation_id));
    uint32_t credit_bytes = item.credit_bytes;
    link_event_free(event);
    return credit_bytes;
}

/* ---- valid streams ---- */

static void test_pieces_arrive_as_they_are_sent(void **state) {
    (void)state;
    start(&receiver);
    SAY({HEAD, 0, 0});
    turn_until(reader.heads == 1);
    assert_int_equal(reader.status, 201);
    SAY({CHUNK, 1, 10});
    turn_until(reader.bytes == 10);
    SAY({CHUNK, 2, 5}, {CHUNK, 3, 1});
    turn_until(reader.bytes == 16);
    assert_int_equal(reader.ends, 0);
    SAY({END, 4, 0});
    turn_until(reader.ends == 1);
    assert_int_equal(reader.error, 0);
    assert_int_equal(reader.run_us, RUN_US);
    assert_int_equal(reader.heads, 1);
}

static void test_pieces_are_collected_without_a_chunk_callback(void **state) {
    (void)state;
    const struct crew_call wanted = http_call();
    struct outcome o = {0};
    assert_int_equal(crew_client_call(client, &wanted, outcome_note, &o, NULL), 0);
    crew_client_dispatch(client);
    call = fake_worker_take(&server);
    SAY({HEAD, 0, 0}, {CHUNK, 1, 65536}, {CHUNK, 2, 65536}, {CHUNK, 3, 65536});
    assert_int_equal(hear(WIRE_CREDIT), CREW_WINDOW_BYTES + 65536);
    SAY({CHUNK, 4, 65536}, {CHUNK, 5, 60000}, {END, 6, 0});
    turn_until(o.times == 1);
    assert_int_equal(o.error, 0);
    assert_int_equal(o.status, 201);
    assert_string_equal(o.header, "value");
    assert_int_equal(o.body_bytes, 4 * 65536 + 60000);
    outcome_fini(&o);
}

static void test_whole_answer_to_a_streaming_caller(void **state) {
    (void)state;
    start(&receiver);
    SAY({ANSWER, 0, 3});
    turn_until(reader.ends == 1);
    assert_int_equal(reader.error, 0);
    assert_int_equal(reader.heads, 0);
}

/* ---- credit and cancel ---- */

static void test_credit_follows_what_is_consumed(void **state) {
    (void)state;
    reader.gives_credit = false;
    start(&receiver);
    SAY({HEAD, 0, 0}, {CHUNK, 1, 65536}, {CHUNK, 2, 1000});
    turn_until(reader.bytes == 66536);
    crew_client_credit(client, reader.pending, 60000); /* too little for a notice */
    crew_client_credit(client, reader.pending, 6000);
    assert_int_equal(hear(WIRE_CREDIT), CREW_WINDOW_BYTES + 66000);
    /* Credit for more than was received has no effect. */
    crew_client_credit(client, reader.pending, 1u << 30);
    SAY({CHUNK, 3, 0});
    assert_int_equal(hear(WIRE_CREDIT), CREW_WINDOW_BYTES + 66536);
    /* Each probe is answered with the same total. */
    SAY({CHUNK, 4, 0});
    assert_int_equal(hear(WIRE_CREDIT), CREW_WINDOW_BYTES + 66536);
    SAY({END, 5, 0});
    turn_until(reader.ends == 1);
    assert_int_equal(reader.error, 0);
}

static void test_cancelled_stream_is_stopped(void **state) {
    (void)state;
    start(&receiver);
    SAY({HEAD, 0, 0}, {CHUNK, 1, 10});
    turn_until(reader.bytes == 10);
    assert_true(crew_client_cancel(client, reader.pending));
    hear(WIRE_CANCEL);
    /* The notice may be lost: it is repeated for a worker that asks for credit. */
    SAY({CHUNK, 2, 10}, {CHUNK, 3, 0});
    hear(WIRE_CANCEL);
    assert_int_equal(reader.bytes, 10);
    assert_int_equal(reader.ends, 0);
}

static void test_stream_of_an_unknown_call_is_cancelled(void **state) {
    (void)state;
    start(&receiver);
    assert_true(crew_client_cancel(client, reader.pending));
    SAY({HEAD, 0, 0});
    hear(WIRE_CANCEL);
    assert_int_equal(reader.heads, 0);
}

/* ---- protocol violations ---- */

static void test_piece_out_of_order_ends_the_call(void **state) {
    (void)state;
    static const struct {
        const char *what;
        int error;
        bool stops; /* the worker gets a cancel notice */
        struct step steps[5];
    } scripts[] = {
        {"a chunk before the head", CREW_ELOST, false, {{CHUNK, 1, 5}}},
        {"an end before the head", CREW_ELOST, false, {{END, 1, 0}}},
        {"an error before the head", CREW_ECRASHED, false, {{FAIL, 1, 0}}},
        {"an error", CREW_ECRASHED, false, {{HEAD, 0, 0}, {CHUNK, 1, 5}, {FAIL, 2, 0}}},
        {"two heads", CREW_ELOST, true, {{HEAD, 0, 0}, {HEAD, 0, 0}}},
        {"a gap", CREW_ELOST, true, {{HEAD, 0, 0}, {CHUNK, 1, 5}, {CHUNK, 3, 5}}},
        {"a gap at the start", CREW_ELOST, true, {{HEAD, 0, 0}, {CHUNK, 2, 5}}},
        {"a repetition", CREW_ELOST, true, {{HEAD, 0, 0}, {CHUNK, 1, 5}, {CHUNK, 1, 5}}},
        {"no number", CREW_ELOST, true, {{HEAD, 0, 0}, {CHUNK, 0, 5}}},
        {"a gap at the end",
         CREW_ELOST,
         true,
         {{HEAD, 0, 0}, {CHUNK, 1, 5}, {END, 3, 0}}},
        {"a whole answer", CREW_ELOST, true, {{HEAD, 0, 0}, {ANSWER, 0, 5}}},
        {"nobody's head", CREW_EBADRESPONSE, false, {{NAMELESS_HEAD, 0, 0}}},
        {"two ends", 0, false, {{HEAD, 0, 0}, {END, 1, 0}, {END, 1, 0}}},
        {"an end and an error", 0, false, {{HEAD, 0, 0}, {END, 1, 0}, {FAIL, 2, 0}}},
    };
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        reader = (struct reader){.gives_credit = true};
        start(&receiver);
        say(scripts[i].steps);
        turn_until(reader.ends > 0);
        if (reader.ends != 1 || reader.error != scripts[i].error)
            fail_msg("%s: ended %u times, with %d", scripts[i].what, reader.ends,
                     reader.error);
        if (scripts[i].stops)
            hear(WIRE_CANCEL);
        if (i == 4) /* the second head too */
            hear(WIRE_CANCEL);
        message_free(call);
        call = NULL;
    }
}

/* The first piece beyond the credit ends the call. */
static void test_worker_that_exceeds_its_credit(void **state) {
    (void)state;
    reader.gives_credit = false;
    start(&receiver);
    SAY({HEAD, 0, 0}, {CHUNK, 1, 65536}, {CHUNK, 2, 65536}, {CHUNK, 3, 65536});
    SAY({CHUNK, 4, 65536});
    turn_until(reader.bytes == CREW_WINDOW_BYTES);
    assert_int_equal(reader.ends, 0);
    SAY({CHUNK, 5, 1}, {CHUNK, 6, 1});
    turn_until(reader.ends == 1);
    assert_int_equal(reader.error, CREW_EBADRESPONSE);
    assert_int_equal(reader.bytes, CREW_WINDOW_BYTES);
    hear(WIRE_CANCEL);
}

static void test_collected_answer_over_the_limit(void **state) {
    (void)state;
    start(&(struct crew_receiver){.ended = on_end});
    for (uint32_t i = 1; i <= 6; i++) {
        if (i == 1)
            SAY({HEAD, 0, 0}, {CHUNK, 1, 65536});
        else
            SAY({CHUNK, i, 65536});
        hear(WIRE_CREDIT);
    }
    SAY({CHUNK, 7, 65536}); /* 458,752 of at most 400,000 */
    turn_until(reader.ends == 1);
    assert_int_equal(reader.error, CREW_EBADRESPONSE);
    hear(WIRE_CANCEL);
}

static void test_stream_to_a_plain_call_is_refused(void **state) {
    (void)state;
    struct crew_call wanted = http_call();
    wanted.form = CREW_PLAIN;
    assert_int_equal(crew_client_stream(client, &wanted, &receiver, &reader, NULL), 0);
    crew_client_dispatch(client);
    call = fake_worker_take(&server);
    SAY({HEAD, 0, 0});
    turn_until(reader.ends == 1);
    assert_int_equal(reader.error, CREW_EBADRESPONSE);
    assert_int_equal(reader.heads, 0);
}

/* The caller's deadline ends the call. */
static void test_stream_that_stops_ends_at_its_deadline(void **state) {
    (void)state;
    struct crew_call wanted = http_call();
    wanted.expiration_ms = 300;
    assert_int_equal(
        crew_client_stream(client, &wanted, &receiver, &reader, &reader.pending), 0);
    crew_client_dispatch(client);
    call = fake_worker_take(&server);
    SAY({HEAD, 0, 0}, {CHUNK, 1, 10});
    turn_until(reader.ends == 1);
    assert_int_equal(reader.error, CREW_EDEADLINE);
    assert_int_equal(reader.bytes, 10);
    hear(WIRE_CANCEL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_pieces_arrive_as_they_are_sent),
        TEST(test_pieces_are_collected_without_a_chunk_callback),
        TEST(test_whole_answer_to_a_streaming_caller),
        TEST(test_credit_follows_what_is_consumed),
        TEST(test_cancelled_stream_is_stopped),
        TEST(test_stream_of_an_unknown_call_is_cancelled),
        TEST(test_piece_out_of_order_ends_the_call),
        TEST(test_worker_that_exceeds_its_credit),
        TEST(test_collected_answer_over_the_limit),
        TEST(test_stream_to_a_plain_call_is_refused),
        TEST(test_stream_that_stops_ends_at_its_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
