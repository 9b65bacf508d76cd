/* The life cycle of a request, with a connection and a backend of the test's own.
 * Properties: a request that was started ends exactly once, by connection_end_request or
 * connection_fail_request, or by a cancel and then without either; its backend's release
 * is called once, and cancel only if the backend has not ended it. */
#include "cmocka_all.h"

#include "fcgi-bridge/fcgi/codec.h"
#include "fcgi-bridge/http/request.h"
#include "records.h"
#include <stdlib.h>
#include <string.h>

/* ---- the connection ---- */

struct connection {
    struct fcgi_input input;
    struct buffer out;
    unsigned ended, failed, sent;
    bool resumable;
};

static struct connection connection;

const struct fcgi_input *connection_input(const struct connection *c) {
    return &c->input;
}

struct buffer *connection_output(struct connection *c) {
    return &c->out;
}

void connection_release_input(struct connection *c) {
    buffer_fini(&c->input.params);
}

void connection_release_memory(struct connection *c) {
    connection_release_input(c);
}

void connection_stream_resumable(struct connection *c) {
    c->resumable = true;
}

void connection_send(struct connection *c) {
    c->sent++;
}

void connection_end_request(struct connection *c) {
    c->ended++;
}

void connection_fail_request(struct connection *c) {
    c->failed++;
}

/* ---- the backend ---- */

enum behavior { WAIT, STREAM, RESUMABLE_STREAM, REFUSE };

static enum behavior behavior;
static unsigned started, cancelled, released;

static void start(struct request *r, const struct params *params) {
    (void)params;
    started++;
    memset(request_backend_state(r), 0xff, REQUEST_BACKEND_BYTES);
    if (behavior == WAIT)
        request_wait(r);
    else if (behavior == STREAM)
        request_begin_stream(r);
    else if (behavior == RESUMABLE_STREAM)
        request_begin_resumable_stream(r);
    else
        request_complete_error(r, CREW_EBROKER, NULL);
}

static void cancel(struct request *r) {
    (void)r;
    cancelled++;
}

static void release(struct request *r) {
    (void)r;
    released++;
}

static const struct request_backend backend = {
    .name = "test", .start = start, .cancel = cancel, .release = release};

/* ---- the request ---- */

static struct load load;
static struct requests requests;
static struct request *request;

static int setup(void **state) {
    (void)state;
    connection = (struct connection){.input = {.id = 1}};
    started = cancelled = released = 0;
    load = (struct load){.max_inflight = 1, .max_buffered_bytes = 1000};
    requests = (struct requests){.defaults = {"http", 30000},
                                 .load = &load,
                                 .backends = {[PURPOSE_CALL] = {&backend, NULL}}};
    request = calloc(1, request_ops.request_bytes);
    assert_non_null(request);
    request_ops.init(request, &connection, &requests);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    buffer_fini(&connection.out);
    buffer_fini(&connection.input.params);
    free(request);
    return 0;
}

static void begin(enum behavior chosen) {
    static const char method[] = "\x0e\x03REQUEST_METHODGET";
    behavior = chosen;
    buffer_reset(&connection.out, 0);
    buffer_reset(&connection.input.params, 0);
    buffer_append(&connection.input.params, method, sizeof method - 1);
    request_ops.start(request);
}

static void expect(unsigned ended, unsigned failed, unsigned backend_cancelled,
                   unsigned backend_released) {
    assert_int_equal(connection.ended, ended);
    assert_int_equal(connection.failed, failed);
    assert_int_equal(cancelled, backend_cancelled);
    assert_int_equal(released, backend_released);
}

static const struct crew_answer ok = {.status = 200, .body = "hello", .body_bytes = 5};

static void test_answer(void **state) {
    (void)state;
    begin(WAIT);
    expect(0, 0, 0, 0);
    request_complete_answer(request, &ok);
    expect(1, 0, 0, 1);
    bool end;
    assert_non_null(strstr(records_text(&connection.out, &end), "hello"));
    assert_true(end);
}

static void test_refused_by_the_backend(void **state) {
    (void)state;
    begin(REFUSE);
    expect(1, 0, 0, 1);
    assert_non_null(
        strstr(records_text(&connection.out, NULL), "Crew-Error: broker\r\n"));
}

static void test_refused_by_validation(void **state) {
    (void)state;
    load_begin(&load, 0);
    begin(WAIT);
    expect(1, 0, 0, 0);
    assert_int_equal(started, 0);
    load_end(&load, 0);
    connection.input.status = FCGI_INPUT_PARAMS_MALFORMED;
    begin(WAIT);
    expect(2, 0, 0, 0);
    assert_int_equal(started, 0);
}

static void test_stream(void **state) {
    (void)state;
    begin(STREAM);
    request_complete_answer(request, &ok);
    expect(1, 0, 0, 1);
    bool end;
    assert_string_equal(records_text(&connection.out, &end), ""); /* only its end */
    assert_true(end);
}

/* After the head, an error breaks the response off. */
static void test_error_in_a_stream(void **state) {
    (void)state;
    begin(STREAM);
    request_complete_answer(request, &(struct crew_answer){.error = CREW_ELOST});
    expect(0, 1, 0, 1);
    static const uint8_t invalid[8] = {0};
    assert_int_equal(connection.out.len, sizeof invalid);
    assert_memory_equal(connection.out.data, invalid, sizeof invalid);
}

static void test_cancel(void **state) {
    (void)state;
    request_ops.cancel(request); /* there is none */
    expect(0, 0, 0, 0);
    for (enum behavior how = WAIT; how < REFUSE; how++) {
        begin(how);
        request_ops.cancel(request);
        expect(0, 0, how + 1, how + 1);
        assert_int_equal(connection.out.len, 0);
    }
    request_ops.cancel(request);
    expect(0, 0, REFUSE, REFUSE);
}

/* Only a response that would otherwise look complete is broken off. */
static void test_shutdown(void **state) {
    (void)state;
    begin(STREAM);
    request_ops.shutdown(request);
    expect(0, 1, 1, 1);
    begin(RESUMABLE_STREAM);
    assert_true(connection.resumable);
    request_ops.shutdown(request);
    expect(0, 1, 1, 1);
    request_complete_stream(request);
    expect(1, 1, 1, 2);
    begin(WAIT);
    request_ops.shutdown(request);
    expect(1, 1, 1, 2);
    request_ops.cancel(request);
}

/* Ends the request that was begun: how the expected counts change. */
static void end_randomly(unsigned *seed, unsigned *ended, unsigned *failed,
                         unsigned *withdrawn) {
    static const struct crew_answer lost = {.error = CREW_ELOST};
    bool streams = behavior != WAIT;
    switch (rand_r(seed) % 4) {
    case 0:
        request_complete_answer(request, &ok);
        (*ended)++;
        break;
    case 1:
        request_complete_answer(request, &lost);
        *(streams ? failed : ended) += 1;
        break;
    case 2:
        request_ops.shutdown(request);
        if (behavior == STREAM) {
            (*failed)++;
            (*withdrawn)++;
            break;
        }
        /* fall through */
    default:
        request_ops.cancel(request);
        (*withdrawn)++;
    }
}

/* Many requests in the same memory. */
static void test_random(void **state) {
    (void)state;
    unsigned seed = 5;
    unsigned ended = 0;
    unsigned failed = 0;
    unsigned withdrawn = 0;
    for (unsigned n = 1; n <= 2000; n++) {
        begin((enum behavior)(rand_r(&seed) % 4));
        if (behavior == REFUSE)
            ended++;
        else
            end_randomly(&seed, &ended, &failed, &withdrawn);
        request_ops.cancel(request); /* after its end: no effect */
        expect(ended, failed, withdrawn, n);
        assert_int_equal(load_inflight(&load), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_by_the_backend, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_by_validation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_error_in_a_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shutdown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random, setup, teardown),
    };
    return cmocka_run_group_tests(tests, records_begin, records_end);
}
