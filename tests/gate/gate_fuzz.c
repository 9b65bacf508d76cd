/* Gate and codec under arbitrary bytes in arbitrary pieces.
 *
 * The first byte of an input is the seed of the cuts: 0 for none, 1 for single bytes.
 * What must hold, besides what the sanitizers see: events fit the state, memory is
 * bounded, what comes through is what libfcgi can decode, and all that goes out is
 * FastCGI records.
 */
#include "fcgi-bridge/caps.h"
#include "fcgi-bridge/codec.h"
#include "fcgi-bridge/gate.h"
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

/* Answers with the names and values, as a handler might. */
static void answer(struct gate *gate, struct buffer *out) {
    struct crew_pair *pairs = NULL;
    size_t count = 0;
    bool sound = gate->verdict == GATE_SOUND || gate->verdict == GATE_BODY_TOO_LARGE;
    require(gate->state == GATE_COMPLETE && gate->id != 0);
    require(gate->verdict != GATE_SOUND || gate->body.len == gate->body_bytes);
    if (sound) {
        require(codec_decode(&gate->params, &pairs, &count) == 0);
        check_pairs(pairs, count, gate->params.len);
    }
    codec_open(out, gate->id);
    for (size_t i = 0; i < count; i++)
        codec_put(pairs[i].value, pairs[i].value_bytes);
    codec_put(gate->body.data, gate->body.len);
    codec_close();
    if (sound)
        codec_release();
    gate_finish(gate);
    require(gate->state == GATE_IDLE && gate_held_bytes(gate) == 0);
}

/* The next piece: as a connection would do it. What waits is not answered at once but
 * with the piece after. */
static bool feed(struct gate *gate, const uint8_t *data, size_t bytes, struct buffer *out,
                 bool *waiting) {
    size_t at = 0;
    for (;;) {
        size_t used = 0;
        enum gate_event event = gate_feed(gate, data + at, bytes - at, &used, out);
        require(used <= bytes - at);
        at += used;
        require(gate->body.len <= MAX_BODY_BYTES);
        require(out->len <= LIMIT_REPLY_BYTES + LIMIT_VALUES_BYTES || *waiting);
        check_records(out);
        switch (event) {
        case GATE_BREAK:
            require(gate->state == GATE_BROKEN);
            return false;
        case GATE_MORE:
            require(at == bytes);
            return true;
        case GATE_REQUEST:
            require(!*waiting);
            *waiting = true;
            break;
        case GATE_ABORTED:
            require(gate->state == GATE_IDLE);
            *waiting = false;
            break;
        case GATE_LEAVE:
            require(!gate->keep);
            return false;
        case GATE_WAIT:
            if (out->len > LIMIT_REPLY_BYTES)
                buffer_reset(out, 0);
            require(*waiting || at <= bytes);
            if (*waiting) {
                answer(gate, out);
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
    struct gate gate;
    struct buffer out = BUFFER_INIT;
    bool waiting = false;
    gate_init(&gate, MAX_BODY_BYTES, 10);
    for (size_t at = 1; at < bytes;) {
        size_t piece = cuts == 0 ? bytes : cuts == 1 ? 1 : (at * cuts) % 61 + 1;
        piece = piece < bytes - at ? piece : bytes - at;
        if (!feed(&gate, data + at, piece, &out, &waiting))
            break;
        if (cuts % 3 == 2)
            gate_refuse(&gate);
        at += piece;
        if (waiting && cuts % 2 == 0) {
            answer(&gate, &out);
            check_records(&out);
            waiting = false;
        }
        if (out.len > LIMIT_REPLY_BYTES)
            buffer_reset(&out, 0);
    }
    gate_fini(&gate);
    buffer_fini(&out);
    return 0;
}
