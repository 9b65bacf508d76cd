/* The FastCGI parser. */
#include "cmocka_all.h"

#include "fcgi-bridge/fcgi/fcgi_parser.h"
#include "fcgi-bridge/fcgi/limits.h"
#include "fcgi-bridge/fcgi/record.h"
#include "wire/limits.h"
#include <fastcgi.h>
#include <string.h>

#define MAX_BODY_BYTES 100

struct fixture {
    struct fcgi_parser parser;
    struct buffer in;
    struct buffer out;
};

static int setup(void **state) {
    static struct fixture fixture;
    fixture = (struct fixture){0};
    fcgi_parser_init(&fixture.parser, MAX_BODY_BYTES, 77);
    *state = &fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *s = *state;
    fcgi_parser_fini(&s->parser);
    buffer_fini(&s->in);
    buffer_fini(&s->out);
    return 0;
}

/* ---- what the peer sends ---- */

static void begin(struct fixture *s, uint16_t id, uint8_t role, uint8_t flags) {
    const FCGI_BeginRequestBody body = {.roleB0 = role, .flags = flags};
    record_put(&s->in, FCGI_BEGIN_REQUEST, id, &body, sizeof body);
}

static void stream(struct fixture *s, uint8_t type, uint16_t id, const char *data,
                   size_t n) {
    if (n > 0)
        record_put(&s->in, type, id, data, (uint16_t)n);
    record_put(&s->in, type, id, NULL, 0);
}

static const char params[] = "\x01\x03"
                             "Aone"
                             "\x01\x80\x00\x00\x03"
                             "Btwo";

static void request(struct fixture *s, uint16_t id) {
    begin(s, id, FCGI_RESPONDER, FCGI_KEEP_CONN);
    stream(s, FCGI_PARAMS, id, params, sizeof params - 1);
    stream(s, FCGI_STDIN, id, "body", 4);
}

/* The next event, with at most PIECE bytes of the input at a time. */
static enum fcgi_parser_event next_by(struct fixture *s, size_t piece) {
    enum fcgi_parser_event event = FCGI_PARSER_NEEDS_INPUT;
    do {
        size_t used = 0;
        size_t n = piece < s->in.len ? piece : s->in.len;
        event = fcgi_parser_feed(&s->parser, s->in.data, n, &used, &s->out);
        assert_true(used == n || event != FCGI_PARSER_NEEDS_INPUT);
        buffer_consume(&s->in, used);
    } while (event == FCGI_PARSER_NEEDS_INPUT && s->in.len > 0);
    return event;
}

static enum fcgi_parser_event next(struct fixture *s) {
    return next_by(s, SIZE_MAX);
}

static void expect_end(const struct fixture *s, size_t at, uint16_t id, uint8_t status) {
    assert_true(s->out.len >= at + 16);
    assert_int_equal(s->out.data[at + 1], FCGI_END_REQUEST);
    assert_int_equal(bytes_u16(s->out.data + at + 2), id);
    assert_int_equal(s->out.data[at + 12], status);
}

/* ---- a good peer ---- */

static void test_request(void **state) {
    struct fixture *s = *state;
    request(s, 1);
    assert_int_equal(next(s), FCGI_PARSER_REQUEST);
    assert_int_equal(s->parser.state, FCGI_PARSER_COMPLETE);
    assert_int_equal(s->parser.input.status, FCGI_INPUT_VALID);
    assert_int_equal(s->parser.input.params.len, sizeof params - 1);
    assert_memory_equal(s->parser.input.params.data, params, sizeof params - 1);
    assert_int_equal(s->parser.input.body.len, 4);
    assert_memory_equal(s->parser.input.body.data, "body", 4);
    assert_true(s->parser.keep_connection);
    fcgi_parser_finish_request(&s->parser);
    assert_true(fcgi_parser_is_idle(&s->parser));
    assert_int_equal(s->out.len, 0);
}

static void test_bytewise_and_padded(void **state) {
    struct fixture *s = *state;
    request(s, 65535);
    s->in.data[6] = 3; /* padding of the BEGIN record */
    struct buffer rest = BUFFER_INIT;
    buffer_append(&rest, s->in.data + 16, s->in.len - 16);
    s->in.len = 16;
    buffer_append(&s->in, "???", 3);
    buffer_append(&s->in, rest.data, rest.len);
    buffer_fini(&rest);
    assert_int_equal(next_by(s, 1), FCGI_PARSER_REQUEST);
    assert_int_equal(s->parser.input.id, 65535);
    assert_int_equal(s->parser.input.status, FCGI_INPUT_VALID);
    assert_int_equal(s->parser.input.body.len, 4);
}

static void test_same_id_waits_for_its_turn(void **state) {
    struct fixture *s = *state;
    request(s, 1);
    request(s, 1);
    assert_int_equal(next(s), FCGI_PARSER_REQUEST);
    assert_int_equal(next(s), FCGI_PARSER_BLOCKED);
    assert_int_equal(next(s), FCGI_PARSER_BLOCKED);
    assert_int_equal(s->parser.input.body.len, 4);
    fcgi_parser_finish_request(&s->parser);
    assert_false(fcgi_parser_is_idle(&s->parser));
    assert_int_equal(next(s), FCGI_PARSER_REQUEST);
    assert_int_equal(s->out.len, 0);
}

/* ---- what the parser replies ---- */

static void test_values(void **state) {
    struct fixture *s = *state;
    static const char ask[] = "\x0e\x00"
                              "FCGI_MAX_CONNS"
                              "\x0f\x00"
                              "FCGI_MPXS_CONNS"
                              "\x05\x00"
                              "OTHER";
    static const char result[] = "\x0e\x02"
                                 "FCGI_MAX_CONNS77"
                                 "\x0f\x01"
                                 "FCGI_MPXS_CONNS0";
    record_put(&s->in, FCGI_GET_VALUES, 0, ask, sizeof ask - 1);
    assert_int_equal(next_by(s, 5), FCGI_PARSER_NEEDS_INPUT);
    assert_int_equal(s->out.data[1], FCGI_GET_VALUES_RESULT);
    assert_int_equal(s->out.len, 8 + sizeof result - 1);
    assert_memory_equal(s->out.data + 8, result, sizeof result - 1);
}

static void test_repeated_values_are_answered_once(void **state) {
    struct fixture *s = *state;
    char ask[16 * 60];
    for (size_t i = 0; i < 60; i++)
        memcpy(ask + 16 * i,
               "\x0e\x00"
               "FCGI_MAX_CONNS",
               16);
    record_put(&s->in, FCGI_GET_VALUES, 0, ask, sizeof ask);
    assert_int_equal(next(s), FCGI_PARSER_NEEDS_INPUT);
    assert_int_equal(s->out.len, 8 + 18);
}

static void test_flood_of_values_waits(void **state) {
    struct fixture *s = *state;
    for (int i = 0; i < 10000; i++)
        record_put(&s->in, FCGI_GET_VALUES, 0,
                   "\x0d\x00"
                   "FCGI_MAX_REQS",
                   15);
    assert_int_equal(next(s), FCGI_PARSER_BLOCKED);
    assert_true(s->out.len <= LIMIT_REPLY_BYTES + 64);
    assert_true(s->in.len > 0);
    buffer_reset(&s->out, 0);
    size_t left = s->in.len;
    assert_int_equal(next(s), FCGI_PARSER_BLOCKED);
    assert_true(s->in.len < left);
}

static void test_unknown_management_type(void **state) {
    struct fixture *s = *state;
    record_put(&s->in, 99, 0, "whatever", 8);
    assert_int_equal(next(s), FCGI_PARSER_NEEDS_INPUT);
    assert_int_equal(s->out.data[1], FCGI_UNKNOWN_TYPE);
    assert_int_equal(s->out.data[8], 99);
}

static void test_wrong_role(void **state) {
    struct fixture *s = *state;
    begin(s, 3, FCGI_FILTER, FCGI_KEEP_CONN);
    stream(s, FCGI_PARAMS, 3, params, sizeof params - 1);
    stream(s, FCGI_STDIN, 3, NULL, 0);
    request(s, 4);
    assert_int_equal(next(s), FCGI_PARSER_REQUEST);
    assert_int_equal(s->parser.input.id, 4);
    assert_int_equal(s->out.len, 16);
    expect_end(s, 0, 3, FCGI_UNKNOWN_ROLE);
}

static void test_wrong_role_without_keep(void **state) {
    struct fixture *s = *state;
    begin(s, 3, FCGI_AUTHORIZER, 0);
    assert_int_equal(next(s), FCGI_PARSER_CLOSE);
    expect_end(s, 0, 3, FCGI_UNKNOWN_ROLE);
}

static void test_second_begin(void **state) {
    struct fixture *s = *state;
    begin(s, 1, FCGI_RESPONDER, 0);
    begin(s, 2, FCGI_RESPONDER, FCGI_KEEP_CONN);
    stream(s, FCGI_PARAMS, 2, "garbage", 7);
    stream(s, FCGI_STDIN, 2, "not ours", 8);
    stream(s, FCGI_PARAMS, 1, params, sizeof params - 1);
    stream(s, FCGI_STDIN, 1, "body", 4);
    assert_int_equal(next(s), FCGI_PARSER_REQUEST);
    expect_end(s, 0, 2, FCGI_CANT_MPX_CONN);
    assert_int_equal(s->out.len, 16);
    assert_int_equal(s->parser.input.id, 1);
    assert_false(s->parser.keep_connection);
    assert_int_equal(s->parser.input.body.len, 4);
    begin(s, 7, FCGI_RESPONDER, 0);
    assert_int_equal(next(s), FCGI_PARSER_NEEDS_INPUT);
    expect_end(s, 16, 7, FCGI_CANT_MPX_CONN);
    assert_int_equal(s->parser.state, FCGI_PARSER_COMPLETE);
}

static void test_abort(void **state) {
    struct fixture *s = *state;
    begin(s, 1, FCGI_RESPONDER, FCGI_KEEP_CONN);
    record_put(&s->in, FCGI_ABORT_REQUEST, 9, NULL, 0);
    record_put(&s->in, FCGI_PARAMS, 1, "half", 4);
    record_put(&s->in, FCGI_ABORT_REQUEST, 1, NULL, 0);
    assert_int_equal(next(s), FCGI_PARSER_ABORTED);
    expect_end(s, 0, 1, FCGI_REQUEST_COMPLETE);
    assert_int_equal(s->parser.state, FCGI_PARSER_IDLE);
    assert_int_equal(fcgi_parser_input_bytes(&s->parser), 0);
    stream(s, FCGI_STDIN, 1, "late", 4);
    request(s, 1);
    assert_int_equal(next(s), FCGI_PARSER_REQUEST);
    record_put(&s->in, FCGI_ABORT_REQUEST, 1, NULL, 0);
    assert_int_equal(next(s), FCGI_PARSER_ABORTED);
}

static void test_abort_that_crosses_the_answer(void **state) {
    struct fixture *s = *state;
    request(s, 1);
    record_put(&s->in, FCGI_ABORT_REQUEST, 1, "slow", 4);
    assert_int_equal(next(s), FCGI_PARSER_REQUEST);
    size_t used = 0;
    assert_int_equal(fcgi_parser_feed(&s->parser, s->in.data, 10, &used, &s->out),
                     FCGI_PARSER_NEEDS_INPUT);
    fcgi_parser_finish_request(&s->parser);
    buffer_consume(&s->in, used);
    assert_int_equal(next(s), FCGI_PARSER_NEEDS_INPUT);
    assert_int_equal(s->out.len, 0);
    assert_true(fcgi_parser_is_idle(&s->parser));
}

/* ---- what is answered, but not with a handler's answer ---- */

static void expect_status(struct fixture *s, const char *data, size_t n,
                          enum fcgi_input_status status) {
    begin(s, 1, FCGI_RESPONDER, FCGI_KEEP_CONN);
    stream(s, FCGI_PARAMS, 1, data, n);
    stream(s, FCGI_STDIN, 1, "body", 4);
    assert_int_equal(next(s), FCGI_PARSER_REQUEST);
    assert_int_equal(s->parser.input.status, status);
    fcgi_parser_finish_request(&s->parser);
    assert_int_equal(s->parser.input.status, FCGI_INPUT_VALID);
}

static void test_unsound_params(void **state) {
    struct fixture *s = *state;
    static const struct {
        const char *data;
        size_t bytes;
    } bad[] = {{"\x01", 1},
               {"\x01\x01"
                "A",
                3},
               {"\xff\xff\xff\xff\xff\xff\xff\xff", 8},
               {"\x80\x00\x00", 3},
               {"\x7f\x80\x00\x00\x01"
                "A",
                6},
               {"\x03\x01"
                "A=Bc",
                6},
               {"\x03\x01"
                "A\0Bc",
                6},
               {"\x01\x03"
                "Ab\0c",
                6},
               {"\x00\x01"
                "c",
                3}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_status(s, bad[i].data, bad[i].bytes, FCGI_INPUT_PARAMS_MALFORMED);
    expect_status(s, params, sizeof params - 1, FCGI_INPUT_VALID);
}

static void test_params_over_the_limits(void **state) {
    struct fixture *s = *state;
    static char block[65535];
    begin(s, 1, FCGI_RESPONDER, FCGI_KEEP_CONN);
    for (size_t n = 0; n <= LIMIT_PARAMS_BYTES; n += sizeof block)
        record_put(&s->in, FCGI_PARAMS, 1, block, sizeof block);
    stream(s, FCGI_PARAMS, 1, NULL, 0);
    stream(s, FCGI_STDIN, 1, NULL, 0);
    assert_int_equal(next(s), FCGI_PARSER_REQUEST);
    assert_int_equal(s->parser.input.status, FCGI_INPUT_PARAMS_TOO_LARGE);
    assert_int_equal(s->parser.input.params.cap, 0);
    fcgi_parser_finish_request(&s->parser);
    for (size_t i = 0; i < LIMIT_PAIR_COUNT + 1; i++)
        memcpy(block + 3 * i, "\x01\x00N", 3);
    expect_status(s, block, 3 * LIMIT_PAIR_COUNT, FCGI_INPUT_VALID);
    expect_status(s, block, 3 * (LIMIT_PAIR_COUNT + 1), FCGI_INPUT_PARAMS_TOO_LARGE);
}

static void test_body_over_the_limit(void **state) {
    struct fixture *s = *state;
    char block[MAX_BODY_BYTES] = {0};
    begin(s, 1, FCGI_RESPONDER, FCGI_KEEP_CONN);
    stream(s, FCGI_PARAMS, 1, params, sizeof params - 1);
    record_put(&s->in, FCGI_STDIN, 1, block, sizeof block);
    assert_int_equal(next(s), FCGI_PARSER_NEEDS_INPUT);
    assert_int_equal(s->parser.input.status, FCGI_INPUT_VALID);
    stream(s, FCGI_STDIN, 1, block, 50);
    assert_int_equal(next(s), FCGI_PARSER_REQUEST);
    assert_int_equal(s->parser.input.status, FCGI_INPUT_BODY_TOO_LARGE);
    assert_int_equal(s->parser.input.body_bytes, 150);
    assert_int_equal(s->parser.input.body.cap, 0);
    assert_int_equal(s->parser.input.params.len, sizeof params - 1);
}

static void test_refused(void **state) {
    struct fixture *s = *state;
    fcgi_parser_discard(&s->parser);
    assert_int_equal(s->parser.input.status, FCGI_INPUT_VALID);
    begin(s, 1, FCGI_RESPONDER, FCGI_KEEP_CONN);
    stream(s, FCGI_PARAMS, 1, params, sizeof params - 1);
    record_put(&s->in, FCGI_STDIN, 1, "body", 4);
    assert_int_equal(next(s), FCGI_PARSER_NEEDS_INPUT);
    fcgi_parser_discard(&s->parser);
    assert_int_equal(s->parser.input.body.len, 0);
    stream(s, FCGI_STDIN, 1, "more", 4);
    assert_int_equal(next(s), FCGI_PARSER_REQUEST);
    assert_int_equal(s->parser.input.status, FCGI_INPUT_DISCARDED);
    assert_int_equal(s->parser.input.body.len, 0);
    assert_int_equal(s->parser.input.params.len, sizeof params - 1);
}

/* ---- what is no FastCGI ---- */

static void expect_protocol_error(struct fixture *s) {
    assert_int_equal(next(s), FCGI_PARSER_PROTOCOL_ERROR);
    buffer_reset(&s->in, 0);
    request(s, 1);
    assert_int_equal(next(s), FCGI_PARSER_PROTOCOL_ERROR); /* from now on */
    fcgi_parser_fini(&s->parser);
    fcgi_parser_init(&s->parser, MAX_BODY_BYTES, 77);
    buffer_reset(&s->in, 0);
}

static void test_breaks(void **state) {
    struct fixture *s = *state;
    buffer_append_text(&s->in, "GET / HTTP/1.1\r\n\r\n");
    expect_protocol_error(s);
    begin(s, 1, FCGI_RESPONDER, 0);
    s->in.data[0] = 2;
    expect_protocol_error(s);
    begin(s, 0, FCGI_RESPONDER, 0);
    expect_protocol_error(s);
    record_put(&s->in, FCGI_BEGIN_REQUEST, 1, "short", 5);
    expect_protocol_error(s);
    begin(s, 1, FCGI_RESPONDER, 0);
    begin(s, 1, FCGI_RESPONDER, 0);
    expect_protocol_error(s);
    begin(s, 1, FCGI_RESPONDER, 0);
    stream(s, FCGI_STDIN, 1, "early", 5);
    expect_protocol_error(s);
    begin(s, 1, FCGI_RESPONDER, 0);
    stream(s, FCGI_PARAMS, 1, params, sizeof params - 1);
    stream(s, FCGI_PARAMS, 1, params, sizeof params - 1);
    expect_protocol_error(s);
    begin(s, 1, FCGI_RESPONDER, 0);
    record_put(&s->in, FCGI_DATA, 1, "filter", 6);
    expect_protocol_error(s);
    record_put(&s->in, FCGI_STDOUT, 1, "wrong way", 9);
    expect_protocol_error(s);
    static const char large[LIMIT_VALUES_BYTES + 1];
    record_put(&s->in, FCGI_GET_VALUES, 0, large, sizeof large);
    expect_protocol_error(s);
    record_put(&s->in, FCGI_GET_VALUES, 0, "\x05", 1);
    expect_protocol_error(s);
}

static void test_stdin_after_its_end(void **state) {
    struct fixture *s = *state;
    request(s, 1);
    assert_int_equal(next(s), FCGI_PARSER_REQUEST);
    stream(s, FCGI_STDIN, 1, "more", 4);
    assert_int_equal(next(s), FCGI_PARSER_PROTOCOL_ERROR);
}

static void test_records_of_no_request(void **state) {
    struct fixture *s = *state;
    stream(s, FCGI_PARAMS, 5, params, sizeof params - 1);
    stream(s, FCGI_STDIN, 6, "body", 4);
    record_put(&s->in, FCGI_ABORT_REQUEST, 7, NULL, 0);
    assert_int_equal(next(s), FCGI_PARSER_NEEDS_INPUT);
    assert_true(fcgi_parser_is_idle(&s->parser));
    assert_int_equal(s->out.len, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_request),
        TEST(test_bytewise_and_padded),
        TEST(test_same_id_waits_for_its_turn),
        TEST(test_values),
        TEST(test_repeated_values_are_answered_once),
        TEST(test_flood_of_values_waits),
        TEST(test_unknown_management_type),
        TEST(test_wrong_role),
        TEST(test_wrong_role_without_keep),
        TEST(test_second_begin),
        TEST(test_abort),
        TEST(test_abort_that_crosses_the_answer),
        TEST(test_unsound_params),
        TEST(test_params_over_the_limits),
        TEST(test_body_over_the_limit),
        TEST(test_refused),
        TEST(test_breaks),
        TEST(test_stdin_after_its_end),
        TEST(test_records_of_no_request),
    };
    return cmocka_run_group_tests_name("fcgi_parser", tests, NULL, NULL);
}
