#include "fcgi_parser.h"

#include "limits.h"
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

void fcgi_parser_init(struct fcgi_parser *parser, size_t max_body_bytes,
                      unsigned max_connections) {
    *parser = (struct fcgi_parser){.max_body_bytes = max_body_bytes,
                                   .max_connections = max_connections};
}

void fcgi_parser_fini(struct fcgi_parser *parser) {
    fcgi_parser_release_memory(parser);
}

void fcgi_parser_release_input(struct fcgi_parser *parser) {
    buffer_reset(&parser->params, LIMIT_KEPT_BUFFER_BYTES);
    buffer_reset(&parser->body, LIMIT_KEPT_BUFFER_BYTES);
}

void fcgi_parser_release_memory(struct fcgi_parser *parser) {
    buffer_fini(&parser->params);
    buffer_fini(&parser->body);
    buffer_fini(&parser->record.content);
}

static void close_request(struct fcgi_parser *parser) {
    fcgi_parser_release_input(parser);
    parser->id = 0;
    parser->body_bytes = 0;
    parser->input_status = FCGI_INPUT_VALID;
    parser->state = FCGI_PARSER_IDLE;
}

void fcgi_parser_finish_request(struct fcgi_parser *parser) {
    assert(parser->state == FCGI_PARSER_COMPLETE);
    close_request(parser);
}

bool fcgi_parser_is_idle(const struct fcgi_parser *parser) {
    return parser->state == FCGI_PARSER_IDLE &&
           parser->record.part == FCGI_PARSER_IN_HEADER &&
           parser->record.header_bytes == 0;
}

size_t fcgi_parser_memory_bytes(const struct fcgi_parser *parser) {
    return parser->params.len + parser->body.len;
}

/* What is not going to be used is not kept. Parameters that were judged before their end
 * are no good for anything; complete ones tell how to word the refusal. */
static void judge(struct fcgi_parser *parser, enum fcgi_input_status status) {
    parser->input_status = status;
    buffer_reset(&parser->body, 0);
    if (parser->state == FCGI_PARSER_PARAMS ||
        (status == FCGI_INPUT_DISCARDED &&
         parser->params.len > LIMIT_REFUSED_PARAMS_BYTES))
        buffer_reset(&parser->params, 0);
}

void fcgi_parser_discard(struct fcgi_parser *parser) {
    bool many = parser->params.len > LIMIT_REFUSED_PARAMS_BYTES;
    if (parser->input_status == FCGI_INPUT_VALID &&
        (parser->state == FCGI_PARSER_STDIN ||
         (parser->state == FCGI_PARSER_PARAMS && many)))
        judge(parser, FCGI_INPUT_DISCARDED);
}

/* ---- records out ---- */

void fcgi_record_put(struct buffer *to, uint8_t type, uint16_t id, const void *content,
                     uint16_t bytes) {
    buffer_u8(to, FCGI_VERSION_1);
    buffer_u8(to, type);
    buffer_u16(to, id);
    buffer_u16(to, bytes);
    buffer_u16(to, 0); /* no padding, and the reserved byte */
    buffer_append(to, content, bytes);
}

void fcgi_record_put_end_request(struct buffer *to, uint16_t id,
                                 uint8_t protocol_status) {
    const FCGI_EndRequestBody end = {.protocolStatus = protocol_status};
    fcgi_record_put(to, FCGI_END_REQUEST, id, &end, sizeof end);
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

static enum fcgi_input_status judge_params(const struct buffer *params) {
    if (params->failed)
        return FCGI_INPUT_DISCARDED;
    if (params->len == 0)
        return FCGI_INPUT_VALID;
    const uint8_t *at = params->data;
    const uint8_t *end = at + params->len;
    size_t count = 0;
    for (struct crew_pair pair; at != end; count++)
        if (!take_pair(&at, end, &pair) || !pair_sound(&pair))
            return FCGI_INPUT_PARAMS_MALFORMED;
    return count > LIMIT_PAIR_COUNT ? FCGI_INPUT_PARAMS_TOO_LARGE : FCGI_INPUT_VALID;
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
static enum fcgi_parser_event answer_values(struct fcgi_parser *parser,
                                            struct buffer *replies) {
    const struct {
        const char *name;
        unsigned value;
    } known[] = {{FCGI_MAX_CONNS, parser->max_connections},
                 {FCGI_MAX_REQS, parser->max_connections},
                 {FCGI_MPXS_CONNS, 0}};
    bool asked[3] = {false};
    const uint8_t *at = parser->record.content.data;
    const uint8_t *end =
        parser->record.content.len > 0 ? at + parser->record.content.len : at;
    for (struct crew_pair pair; at != end;) {
        if (!take_pair(&at, end, &pair))
            return FCGI_PARSER_PROTOCOL_ERROR;
        for (size_t i = 0; i < 3; i++)
            if (pair.name_bytes == strlen(known[i].name) &&
                memcmp(pair.name, known[i].name, pair.name_bytes) == 0)
                asked[i] = true;
    }
    struct buffer result = BUFFER_INIT;
    for (size_t i = 0; i < 3; i++)
        if (asked[i])
            put_value(&result, known[i].name, known[i].value);
    fcgi_record_put(replies, FCGI_GET_VALUES_RESULT, 0, result.data,
                    (uint16_t)result.len);
    buffer_fini(&result);
    return FCGI_PARSER_NEEDS_INPUT;
}

static void answer_unknown(const struct fcgi_parser *parser, struct buffer *replies) {
    const FCGI_UnknownTypeBody unknown = {.type = parser->record.header[1]};
    fcgi_record_put(replies, FCGI_UNKNOWN_TYPE, 0, &unknown, sizeof unknown);
}

/* ---- records in ---- */

static enum use use_of_begin(const struct fcgi_parser *parser) {
    if (parser->record.id == 0 ||
        parser->record.content_bytes != sizeof(FCGI_BeginRequestBody))
        return USE_BREAK;
    if (parser->record.id != parser->id)
        return USE_BEGIN;
    return parser->state == FCGI_PARSER_COMPLETE ? USE_LATER : USE_BREAK;
}

static enum use use_of_record(const struct fcgi_parser *parser) {
    uint8_t type = parser->record.header[1];
    if (type == FCGI_BEGIN_REQUEST)
        return use_of_begin(parser);
    if (parser->record.id == 0)
        return type != FCGI_GET_VALUES                              ? USE_UNKNOWN
               : parser->record.content_bytes <= LIMIT_VALUES_BYTES ? USE_VALUES
                                                                    : USE_BREAK;
    bool open = parser->record.id == parser->id;
    switch (type) {
    case FCGI_ABORT_REQUEST:
        return open ? USE_ABORT : USE_NOTHING;
    case FCGI_PARAMS:
        return !open                                 ? USE_NOTHING
               : parser->state == FCGI_PARSER_PARAMS ? USE_PARAMS
                                                     : USE_BREAK;
    case FCGI_STDIN:
        return !open                                ? USE_NOTHING
               : parser->state == FCGI_PARSER_STDIN ? USE_STDIN
                                                    : USE_BREAK;
    case FCGI_DATA: /* a filter's, and there are none here */
        return !open ? USE_NOTHING : USE_BREAK;
    default:
        return USE_BREAK;
    }
}

static enum fcgi_parser_event record_starts(struct fcgi_parser *parser) {
    const uint8_t *header = parser->record.header;
    parser->record.id = bytes_u16(header + 2);
    parser->record.content_bytes = bytes_u16(header + 4);
    parser->record.use =
        header[0] == FCGI_VERSION_1 ? use_of_record(parser) : (unsigned)USE_BREAK;
    if (parser->record.use == USE_BREAK)
        return FCGI_PARSER_PROTOCOL_ERROR;
    if (parser->record.use == USE_LATER)
        return FCGI_PARSER_BLOCKED;
    parser->record.content_left = parser->record.content_bytes;
    parser->record.padding_left = header[6];
    parser->record.part = FCGI_PARSER_IN_CONTENT;
    buffer_reset(&parser->record.content, LIMIT_VALUES_BYTES);
    return FCGI_PARSER_NEEDS_INPUT;
}

static void take_params(struct fcgi_parser *parser, const uint8_t *data, size_t bytes) {
    if (parser->input_status != FCGI_INPUT_VALID)
        return;
    if (parser->params.len + bytes > LIMIT_PARAMS_BYTES)
        judge(parser, FCGI_INPUT_PARAMS_TOO_LARGE);
    else
        buffer_append(&parser->params, data, bytes);
}

static void take_stdin(struct fcgi_parser *parser, const uint8_t *data, size_t bytes) {
    parser->body_bytes += bytes;
    if (parser->input_status != FCGI_INPUT_VALID)
        return;
    if (parser->body_bytes > parser->max_body_bytes)
        judge(parser, FCGI_INPUT_BODY_TOO_LARGE);
    else
        buffer_append(&parser->body, data, bytes);
}

static void take_content(struct fcgi_parser *parser, const uint8_t *data, size_t bytes) {
    switch (parser->record.use) {
    case USE_BEGIN:
    case USE_VALUES:
        buffer_append(&parser->record.content, data, bytes);
        break;
    case USE_PARAMS:
        take_params(parser, data, bytes);
        break;
    case USE_STDIN:
        take_stdin(parser, data, bytes);
        break;
    default: /* counted by the caller, wanted by nobody */
        break;
    }
}

static enum fcgi_parser_event begin_request(struct fcgi_parser *parser,
                                            struct buffer *replies) {
    if (parser->record.content.failed)
        return FCGI_PARSER_PROTOCOL_ERROR;
    if (parser->state != FCGI_PARSER_IDLE) {
        fcgi_record_put_end_request(replies, parser->record.id, FCGI_CANT_MPX_CONN);
        return FCGI_PARSER_NEEDS_INPUT;
    }
    const uint8_t *begin = parser->record.content.data;
    parser->keep = begin[2] & FCGI_KEEP_CONN;
    if (bytes_u16(begin) != FCGI_RESPONDER) {
        fcgi_record_put_end_request(replies, parser->record.id, FCGI_UNKNOWN_ROLE);
        return parser->keep ? FCGI_PARSER_NEEDS_INPUT : FCGI_PARSER_CLOSE;
    }
    parser->id = parser->record.id;
    parser->state = FCGI_PARSER_PARAMS;
    return FCGI_PARSER_NEEDS_INPUT;
}

static void end_params(struct fcgi_parser *parser) {
    if (parser->input_status == FCGI_INPUT_VALID) {
        enum fcgi_input_status status = judge_params(&parser->params);
        if (status != FCGI_INPUT_VALID)
            judge(parser, status);
    }
    parser->state = FCGI_PARSER_STDIN;
}

static enum fcgi_parser_event end_stdin(struct fcgi_parser *parser) {
    if (parser->input_status == FCGI_INPUT_VALID && parser->body.failed)
        judge(parser, FCGI_INPUT_DISCARDED);
    parser->state = FCGI_PARSER_COMPLETE;
    return FCGI_PARSER_REQUEST;
}

/* Between the record's header and its end the request may have been answered. */
static enum fcgi_parser_event abort_request(struct fcgi_parser *parser,
                                            struct buffer *replies) {
    if (parser->record.id != parser->id)
        return FCGI_PARSER_NEEDS_INPUT;
    fcgi_record_put_end_request(replies, parser->id, FCGI_REQUEST_COMPLETE);
    close_request(parser);
    return FCGI_PARSER_ABORTED;
}

static enum fcgi_parser_event record_ends(struct fcgi_parser *parser,
                                          struct buffer *replies) {
    bool empty = parser->record.content_bytes == 0;
    switch (parser->record.use) {
    case USE_BEGIN:
        return begin_request(parser, replies);
    case USE_ABORT:
        return abort_request(parser, replies);
    case USE_VALUES:
        return answer_values(parser, replies);
    case USE_UNKNOWN:
        answer_unknown(parser, replies);
        return FCGI_PARSER_NEEDS_INPUT;
    case USE_PARAMS:
        if (empty)
            end_params(parser);
        return FCGI_PARSER_NEEDS_INPUT;
    case USE_STDIN:
        return empty ? end_stdin(parser) : FCGI_PARSER_NEEDS_INPUT;
    default:
        return FCGI_PARSER_NEEDS_INPUT;
    }
}

/* Bytes to take: what is wanted or what there is. */
static size_t share(size_t *wanted, size_t there) {
    size_t n = *wanted < there ? *wanted : there;
    *wanted -= n;
    return n;
}

static size_t take_header(struct fcgi_parser *parser, const uint8_t *data, size_t bytes) {
    size_t wanted = sizeof parser->record.header - parser->record.header_bytes;
    size_t n = share(&wanted, bytes);
    if (n > 0)
        memcpy(parser->record.header + parser->record.header_bytes, data, n);
    parser->record.header_bytes += n;
    return n;
}

/* One record, or as much of it as there is. *WHOLE: it came to its end. */
static enum fcgi_parser_event feed_record(struct fcgi_parser *parser, const uint8_t *data,
                                          size_t bytes, size_t *used,
                                          struct buffer *replies, bool *whole) {
    *whole = false;
    size_t at = 0;
    if (parser->record.part == FCGI_PARSER_IN_HEADER) {
        at = *used = take_header(parser, data, bytes);
        if (parser->record.header_bytes < sizeof parser->record.header)
            return FCGI_PARSER_NEEDS_INPUT;
        if (replies->len > LIMIT_REPLY_BYTES)
            return FCGI_PARSER_BLOCKED;
        enum fcgi_parser_event event = record_starts(parser);
        if (event != FCGI_PARSER_NEEDS_INPUT)
            return event;
    }
    size_t n = share(&parser->record.content_left, bytes - at);
    if (n > 0)
        take_content(parser, data + at, n);
    at += n;
    if (parser->record.content_left == 0)
        at += share(&parser->record.padding_left, bytes - at);
    *used = at;
    if (parser->record.content_left > 0 || parser->record.padding_left > 0)
        return FCGI_PARSER_NEEDS_INPUT;
    *whole = true;
    parser->record.part = FCGI_PARSER_IN_HEADER;
    parser->record.header_bytes = 0;
    return record_ends(parser, replies);
}

enum fcgi_parser_event fcgi_parser_feed(struct fcgi_parser *parser, const uint8_t *data,
                                        size_t bytes, size_t *used,
                                        struct buffer *replies) {
    enum fcgi_parser_event event = parser->state == FCGI_PARSER_FAILED
                                       ? FCGI_PARSER_PROTOCOL_ERROR
                                       : FCGI_PARSER_NEEDS_INPUT;
    bool whole = true;
    *used = 0;
    while (event == FCGI_PARSER_NEEDS_INPUT && whole) {
        size_t n = 0;
        event = feed_record(parser, data + *used, bytes - *used, &n, replies, &whole);
        *used += n;
    }
    if (event == FCGI_PARSER_PROTOCOL_ERROR)
        parser->state = FCGI_PARSER_FAILED;
    return event;
}
