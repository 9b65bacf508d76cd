#include "gate.h"

#include "caps.h"
#include "wire/limits.h"
#include <assert.h>
#include <fastcgi.h>
#include <stdio.h>
#include <string.h>

/* What becomes of a record's content. */
enum use {
    USE_NOTHING, /* a stream that is not, or no longer, under way here */
    USE_BEGIN,
    USE_ABORT,
    USE_PARAMS,
    USE_STDIN,
    USE_VALUES,
    USE_UNKNOWN, /* a management record of a type that is not known here */
    USE_LATER,   /* it begins the next request, and this one is not answered yet */
    USE_BREAK    /* it may not come here at all */
};

void gate_init(struct gate *gate, size_t max_body_bytes, unsigned max_connections) {
    *gate = (struct gate){.max_body_bytes = max_body_bytes,
                          .max_connections = max_connections};
}

void gate_fini(struct gate *gate) {
    gate_drop_all(gate);
}

void gate_drop(struct gate *gate) {
    buffer_reset(&gate->params, LIMIT_KEPT_BUFFER_BYTES);
    buffer_reset(&gate->body, LIMIT_KEPT_BUFFER_BYTES);
}

void gate_drop_all(struct gate *gate) {
    buffer_fini(&gate->params);
    buffer_fini(&gate->body);
    buffer_fini(&gate->record.content);
}

static void close_request(struct gate *gate) {
    gate_drop(gate);
    gate->id = 0;
    gate->body_bytes = 0;
    gate->verdict = GATE_SOUND;
    gate->state = GATE_IDLE;
}

void gate_finish(struct gate *gate) {
    assert(gate->state == GATE_COMPLETE);
    close_request(gate);
}

bool gate_quiet(const struct gate *gate) {
    return gate->state == GATE_IDLE && gate->record.part == GATE_HEADER &&
           gate->record.header_bytes == 0;
}

size_t gate_held_bytes(const struct gate *gate) {
    return gate->params.len + gate->body.len;
}

/* What is not going to be used is not kept. Parameters that were judged before their end
 * are no good for anything; complete ones tell how to word the refusal. */
static void judge(struct gate *gate, enum gate_verdict verdict) {
    gate->verdict = verdict;
    buffer_reset(&gate->body, 0);
    if (gate->state == GATE_PARAMS ||
        (verdict == GATE_REFUSED && gate->params.len > LIMIT_REFUSED_PARAMS_BYTES))
        buffer_reset(&gate->params, 0);
}

void gate_refuse(struct gate *gate) {
    bool many = gate->params.len > LIMIT_REFUSED_PARAMS_BYTES;
    if (gate->verdict == GATE_SOUND &&
        (gate->state == GATE_STDIN || (gate->state == GATE_PARAMS && many)))
        judge(gate, GATE_REFUSED);
}

/* ---- records out ---- */

void gate_put_record(struct buffer *to, uint8_t type, uint16_t id, const void *content,
                     uint16_t bytes) {
    buffer_u8(to, FCGI_VERSION_1);
    buffer_u8(to, type);
    buffer_u16(to, id);
    buffer_u16(to, bytes);
    buffer_u16(to, 0); /* no padding, and the reserved byte */
    buffer_append(to, content, bytes);
}

void gate_put_end(struct buffer *to, uint16_t id, uint8_t protocol_status) {
    const FCGI_EndRequestBody end = {.protocolStatus = protocol_status};
    gate_put_record(to, FCGI_END_REQUEST, id, &end, sizeof end);
}

/* ---- name/value pairs (FastCGI 1.0 §3.4) ---- */

static bool take_length(const uint8_t **at, const uint8_t *end, size_t *length) {
    if (*at == end)
        return false;
    if (**at < 0x80) {
        *length = *(*at)++;
        return true;
    }
    if (end - *at < 4)
        return false;
    *length = bytes_u32(*at) & 0x7fffffff;
    *at += 4;
    return true;
}

static bool take_pair(const uint8_t **at, const uint8_t *end, struct crew_pair *pair) {
    const uint8_t *p = *at;
    if (!take_length(&p, end, &pair->name_bytes) ||
        !take_length(&p, end, &pair->value_bytes))
        return false;
    size_t left = (size_t)(end - p);
    if (pair->name_bytes > left || pair->value_bytes > left - pair->name_bytes)
        return false;
    pair->name = (const char *)p;
    pair->value = pair->name + pair->name_bytes;
    *at = p + pair->name_bytes + pair->value_bytes;
    return true;
}

/* libfcgi makes "NAME=value" strings of them, so that is what they must be able to be. */
static bool pair_sound(const struct crew_pair *pair) {
    return pair->name_bytes > 0 && pair->name_bytes <= LIMIT_PARAM_NAME_BYTES &&
           !memchr(pair->name, '=', pair->name_bytes) &&
           !memchr(pair->name, 0, pair->name_bytes) &&
           !memchr(pair->value, 0, pair->value_bytes);
}

static enum gate_verdict judge_params(const struct buffer *params) {
    if (params->failed)
        return GATE_REFUSED;
    if (params->len == 0)
        return GATE_SOUND;
    const uint8_t *at = params->data;
    const uint8_t *end = at + params->len;
    size_t count = 0;
    for (struct crew_pair pair; at != end; count++)
        if (!take_pair(&at, end, &pair) || !pair_sound(&pair))
            return GATE_PARAMS_UNSOUND;
    return count > LIMIT_PAIR_COUNT ? GATE_PARAMS_TOO_LARGE : GATE_SOUND;
}

/* ---- management records (FastCGI 1.0 §4) ---- */

static void put_value(struct buffer *to, const char *name, unsigned value) {
    char text[12];
    int length = snprintf(text, sizeof text, "%u", value);
    buffer_u8(to, (uint8_t)strlen(name));
    buffer_u8(to, (uint8_t)length);
    buffer_append_text(to, name);
    buffer_append_text(to, text);
}

/* Each known name is answered once, however often it is asked for. */
static enum gate_event answer_values(struct gate *gate, struct buffer *replies) {
    const struct {
        const char *name;
        unsigned value;
    } known[] = {{FCGI_MAX_CONNS, gate->max_connections},
                 {FCGI_MAX_REQS, gate->max_connections},
                 {FCGI_MPXS_CONNS, 0}};
    bool asked[3] = {false};
    const uint8_t *at = gate->record.content.data;
    const uint8_t *end =
        gate->record.content.len > 0 ? at + gate->record.content.len : at;
    for (struct crew_pair pair; at != end;) {
        if (!take_pair(&at, end, &pair))
            return GATE_BREAK;
        for (size_t i = 0; i < 3; i++)
            if (pair.name_bytes == strlen(known[i].name) &&
                memcmp(pair.name, known[i].name, pair.name_bytes) == 0)
                asked[i] = true;
    }
    struct buffer result = BUFFER_INIT;
    for (size_t i = 0; i < 3; i++)
        if (asked[i])
            put_value(&result, known[i].name, known[i].value);
    gate_put_record(replies, FCGI_GET_VALUES_RESULT, 0, result.data,
                    (uint16_t)result.len);
    buffer_fini(&result);
    return GATE_MORE;
}

static void answer_unknown(const struct gate *gate, struct buffer *replies) {
    const FCGI_UnknownTypeBody unknown = {.type = gate->record.header[1]};
    gate_put_record(replies, FCGI_UNKNOWN_TYPE, 0, &unknown, sizeof unknown);
}

/* ---- records in ---- */

static enum use use_of_begin(const struct gate *gate) {
    if (gate->record.id == 0 ||
        gate->record.content_bytes != sizeof(FCGI_BeginRequestBody))
        return USE_BREAK;
    if (gate->record.id != gate->id)
        return USE_BEGIN;
    return gate->state == GATE_COMPLETE ? USE_LATER : USE_BREAK;
}

static enum use use_of_record(const struct gate *gate) {
    uint8_t type = gate->record.header[1];
    if (type == FCGI_BEGIN_REQUEST)
        return use_of_begin(gate);
    if (gate->record.id == 0)
        return type != FCGI_GET_VALUES                            ? USE_UNKNOWN
               : gate->record.content_bytes <= LIMIT_VALUES_BYTES ? USE_VALUES
                                                                  : USE_BREAK;
    bool open = gate->record.id == gate->id;
    switch (type) {
    case FCGI_ABORT_REQUEST:
        return open ? USE_ABORT : USE_NOTHING;
    case FCGI_PARAMS:
        return !open ? USE_NOTHING : gate->state == GATE_PARAMS ? USE_PARAMS : USE_BREAK;
    case FCGI_STDIN:
        return !open ? USE_NOTHING : gate->state == GATE_STDIN ? USE_STDIN : USE_BREAK;
    case FCGI_DATA: /* a filter's, and there are none here */
        return !open ? USE_NOTHING : USE_BREAK;
    default:
        return USE_BREAK;
    }
}

static enum gate_event record_starts(struct gate *gate) {
    const uint8_t *header = gate->record.header;
    gate->record.id = bytes_u16(header + 2);
    gate->record.content_bytes = bytes_u16(header + 4);
    gate->record.use =
        header[0] == FCGI_VERSION_1 ? use_of_record(gate) : (unsigned)USE_BREAK;
    if (gate->record.use == USE_BREAK)
        return GATE_BREAK;
    if (gate->record.use == USE_LATER)
        return GATE_WAIT;
    gate->record.content_left = gate->record.content_bytes;
    gate->record.padding_left = header[6];
    gate->record.part = GATE_CONTENT;
    buffer_reset(&gate->record.content, LIMIT_VALUES_BYTES);
    return GATE_MORE;
}

static void take_params(struct gate *gate, const uint8_t *data, size_t bytes) {
    if (gate->verdict != GATE_SOUND)
        return;
    if (gate->params.len + bytes > LIMIT_PARAMS_BYTES)
        judge(gate, GATE_PARAMS_TOO_LARGE);
    else
        buffer_append(&gate->params, data, bytes);
}

static void take_stdin(struct gate *gate, const uint8_t *data, size_t bytes) {
    gate->body_bytes += bytes;
    if (gate->verdict != GATE_SOUND)
        return;
    if (gate->body_bytes > gate->max_body_bytes)
        judge(gate, GATE_BODY_TOO_LARGE);
    else
        buffer_append(&gate->body, data, bytes);
}

static void take_content(struct gate *gate, const uint8_t *data, size_t bytes) {
    switch (gate->record.use) {
    case USE_BEGIN:
    case USE_VALUES:
        buffer_append(&gate->record.content, data, bytes);
        break;
    case USE_PARAMS:
        take_params(gate, data, bytes);
        break;
    case USE_STDIN:
        take_stdin(gate, data, bytes);
        break;
    default: /* counted by the caller, wanted by nobody */
        break;
    }
}

static enum gate_event begin_request(struct gate *gate, struct buffer *replies) {
    if (gate->record.content.failed)
        return GATE_BREAK;
    if (gate->state != GATE_IDLE) {
        gate_put_end(replies, gate->record.id, FCGI_CANT_MPX_CONN);
        return GATE_MORE;
    }
    const uint8_t *begin = gate->record.content.data;
    gate->keep = begin[2] & FCGI_KEEP_CONN;
    if (bytes_u16(begin) != FCGI_RESPONDER) {
        gate_put_end(replies, gate->record.id, FCGI_UNKNOWN_ROLE);
        return gate->keep ? GATE_MORE : GATE_LEAVE;
    }
    gate->id = gate->record.id;
    gate->state = GATE_PARAMS;
    return GATE_MORE;
}

static void end_params(struct gate *gate) {
    if (gate->verdict == GATE_SOUND) {
        enum gate_verdict verdict = judge_params(&gate->params);
        if (verdict != GATE_SOUND)
            judge(gate, verdict);
    }
    gate->state = GATE_STDIN;
}

static enum gate_event end_stdin(struct gate *gate) {
    if (gate->verdict == GATE_SOUND && gate->body.failed)
        judge(gate, GATE_REFUSED);
    gate->state = GATE_COMPLETE;
    return GATE_REQUEST;
}

/* Between the record's header and its end the request may have been answered. */
static enum gate_event abort_request(struct gate *gate, struct buffer *replies) {
    if (gate->record.id != gate->id)
        return GATE_MORE;
    gate_put_end(replies, gate->id, FCGI_REQUEST_COMPLETE);
    close_request(gate);
    return GATE_ABORTED;
}

static enum gate_event record_ends(struct gate *gate, struct buffer *replies) {
    bool empty = gate->record.content_bytes == 0;
    switch (gate->record.use) {
    case USE_BEGIN:
        return begin_request(gate, replies);
    case USE_ABORT:
        return abort_request(gate, replies);
    case USE_VALUES:
        return answer_values(gate, replies);
    case USE_UNKNOWN:
        answer_unknown(gate, replies);
        return GATE_MORE;
    case USE_PARAMS:
        if (empty)
            end_params(gate);
        return GATE_MORE;
    case USE_STDIN:
        return empty ? end_stdin(gate) : GATE_MORE;
    default:
        return GATE_MORE;
    }
}

/* Bytes to take: what is wanted or what there is. */
static size_t share(size_t *wanted, size_t there) {
    size_t n = *wanted < there ? *wanted : there;
    *wanted -= n;
    return n;
}

static size_t take_header(struct gate *gate, const uint8_t *data, size_t bytes) {
    size_t wanted = sizeof gate->record.header - gate->record.header_bytes;
    size_t n = share(&wanted, bytes);
    if (n > 0)
        memcpy(gate->record.header + gate->record.header_bytes, data, n);
    gate->record.header_bytes += n;
    return n;
}

/* One record, or as much of it as there is. *WHOLE: it came to its end. */
static enum gate_event feed_record(struct gate *gate, const uint8_t *data, size_t bytes,
                                   size_t *used, struct buffer *replies, bool *whole) {
    *whole = false;
    size_t at = 0;
    if (gate->record.part == GATE_HEADER) {
        at = *used = take_header(gate, data, bytes);
        if (gate->record.header_bytes < sizeof gate->record.header)
            return GATE_MORE;
        if (replies->len > LIMIT_REPLY_BYTES)
            return GATE_WAIT;
        enum gate_event event = record_starts(gate);
        if (event != GATE_MORE)
            return event;
    }
    size_t n = share(&gate->record.content_left, bytes - at);
    if (n > 0)
        take_content(gate, data + at, n);
    at += n;
    if (gate->record.content_left == 0)
        at += share(&gate->record.padding_left, bytes - at);
    *used = at;
    if (gate->record.content_left > 0 || gate->record.padding_left > 0)
        return GATE_MORE;
    *whole = true;
    gate->record.part = GATE_HEADER;
    gate->record.header_bytes = 0;
    return record_ends(gate, replies);
}

enum gate_event gate_feed(struct gate *gate, const uint8_t *data, size_t bytes,
                          size_t *used, struct buffer *replies) {
    enum gate_event event = gate->state == GATE_BROKEN ? GATE_BREAK : GATE_MORE;
    bool whole = true;
    *used = 0;
    while (event == GATE_MORE && whole) {
        size_t n = 0;
        event = feed_record(gate, data + *used, bytes - *used, &n, replies, &whole);
        *used += n;
    }
    if (event == GATE_BREAK)
        gate->state = GATE_BROKEN;
    return event;
}
