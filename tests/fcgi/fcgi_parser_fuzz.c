/* FastCGI parser and codec under arbitrary bytes in arbitrary pieces.
 *
 * The first byte of an input is the seed of the cuts: 0 for none, 1 for single bytes.
 * What must hold, besides what the sanitizers see: events fit the state, memory is
 * bounded, what comes through is what libfcgi can decode, and all that goes out is
 * FastCGI records. */
#include "fcgi-bridge/fcgi/codec.h"
#include "fcgi-bridge/fcgi/fcgi_parser.h"
#include "fcgi-bridge/fcgi/limits.h"
#include "fcgi-bridge/fcgi/record.h"
#include "wire/limits.h"
#include <fastcgi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BODY_BYTES 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define require(condition) require_at(condition, #condition, __LINE__)

static void require_at(bool holds, const char *condition, int line) {
    if (holds)
        return;
    fprintf(stderr, "line %d: not so: %s\n", line, condition);
    abort();
}

/* Whole records of types that an application may send. */
static void check_records(const struct buffer *out) {
    size_t at = 0;
    while (at < out->len) {
        require(out->len - at >= 8);
        const uint8_t *header = out->data + at;
        uint8_t type = header[1];
        require(header[0] == FCGI_VERSION_1);
        require(type == FCGI_END_REQUEST || type == FCGI_STDOUT ||
                type == FCGI_GET_VALUES_RESULT || type == FCGI_UNKNOWN_TYPE);
        bool management = type == FCGI_GET_VALUES_RESULT || type == FCGI_UNKNOWN_TYPE;
        require((bytes_u16(header + 2) == 0) == management);
        at += 8u + bytes_u16(header + 4) + header[6];
    }
    require(at == out->len);
}

static void check_pairs(const struct crew_pair *pairs, size_t count,
                        size_t params_bytes) {
    size_t sum = 0;
    require(count <= LIMIT_PAIR_COUNT);
    for (size_t i = 0; i < count; i++) {
        require(pairs[i].name_bytes > 0);
        require(memchr(pairs[i].name, '=', pairs[i].name_bytes) == NULL);
        sum += pairs[i].name_bytes + pairs[i].value_bytes;
    }
    require(sum + 2 * count <= params_bytes); /* two bytes of lengths at least */
}

/* Responds with the values of the parameters. */
static void answer(struct fcgi_parser *parser, struct buffer *out) {
    struct crew_pair *pairs = NULL;
    size_t count = 0;
    bool sound = parser->input.status == FCGI_INPUT_VALID ||
                 parser->input.status == FCGI_INPUT_BODY_TOO_LARGE;
    require(parser->state == FCGI_PARSER_COMPLETE && parser->input.id != 0);
    require(parser->input.status != FCGI_INPUT_VALID ||
            parser->input.body.len == parser->input.body_bytes);
    if (sound) {
        require(codec_decode(&parser->input.params, &pairs, &count) == 0);
        check_pairs(pairs, count, parser->input.params.len);
    }
    codec_open(out, parser->input.id);
    for (size_t i = 0; i < count; i++)
        codec_put(pairs[i].value, pairs[i].value_bytes);
    codec_put(parser->input.body.data, parser->input.body.len);
    codec_close();
    if (sound)
        codec_release();
    fcgi_parser_finish_request(parser);
    require(parser->state == FCGI_PARSER_IDLE && fcgi_parser_input_bytes(parser) == 0);
}

/* The next piece: as a connection would do it. A request that is complete is not answered
 * at once but with the piece after. */
static bool feed(struct fcgi_parser *parser, const uint8_t *data, size_t bytes,
                 struct buffer *out, bool *waiting) {
    size_t at = 0;
    for (;;) {
        size_t used = 0;
        enum fcgi_parser_event event =
            fcgi_parser_feed(parser, data + at, bytes - at, &used, out);
        require(used <= bytes - at);
        at += used;
        require(parser->input.body.len <= MAX_BODY_BYTES);
        require(out->len <= LIMIT_REPLY_BYTES + LIMIT_VALUES_BYTES || *waiting);
        check_records(out);
        switch (event) {
        case FCGI_PARSER_PROTOCOL_ERROR:
            require(parser->state == FCGI_PARSER_FAILED);
            return false;
        case FCGI_PARSER_NEEDS_INPUT:
            require(at == bytes);
            return true;
        case FCGI_PARSER_REQUEST:
            require(!*waiting);
            *waiting = true;
            break;
        case FCGI_PARSER_ABORTED:
            require(parser->state == FCGI_PARSER_IDLE);
            *waiting = false;
            break;
        case FCGI_PARSER_CLOSE:
            require(!parser->keep_connection);
            return false;
        case FCGI_PARSER_BLOCKED:
            if (out->len > LIMIT_REPLY_BYTES)
                buffer_reset(out, 0);
            require(*waiting || at <= bytes);
            if (*waiting) {
                answer(parser, out);
                check_records(out);
                buffer_reset(out, 0);
                *waiting = false;
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    static bool ready;
    if (!ready)
        require(codec_init() == 0);
    ready = true;
    if (bytes < 1)
        return 0;
    unsigned cuts = data[0];
    struct fcgi_parser parser;
    struct buffer out = BUFFER_INIT;
    bool waiting = false;
    fcgi_parser_init(&parser, MAX_BODY_BYTES, 10);
    for (size_t at = 1; at < bytes;) {
        size_t piece = cuts == 0 ? bytes : cuts == 1 ? 1 : (at * cuts) % 61 + 1;
        piece = piece < bytes - at ? piece : bytes - at;
        if (!feed(&parser, data + at, piece, &out, &waiting))
            break;
        if (cuts % 3 == 2)
            fcgi_parser_discard(&parser);
        at += piece;
        if (waiting && cuts % 2 == 0) {
            answer(&parser, &out);
            check_records(&out);
            waiting = false;
        }
        if (out.len > LIMIT_REPLY_BYTES)
            buffer_reset(&out, 0);
    }
    fcgi_parser_fini(&parser);
    buffer_fini(&out);
    return 0;
}
