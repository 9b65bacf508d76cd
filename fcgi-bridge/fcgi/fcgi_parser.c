#include "fcgi_parser.h"

#include "limits.h"
#include "record.h"
#include "wire/limits.h"
#include <assert.h>
#include <fastcgi.h>
#include <stdio.h>
#include <string.h>

/* What is done with a record. */
enum action {
    ACTION_SKIP, /* a stream of a request that is not, or no longer, open */
    ACTION_BEGIN,
    ACTION_ABORT,
    ACTION_PARAMS,
    ACTION_STDIN,
    ACTION_VALUES,
    ACTION_UNKNOWN, /* a management record of an unknown type */
    ACTION_BLOCK,   /* it begins the next request, and the present one is being served */
    ACTION_FAIL     /* it is not allowed in this state */
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
    buffer_reset(&parser->input.params, LIMIT_KEPT_BUFFER_BYTES);
    buffer_reset(&parser->input.body, LIMIT_KEPT_BUFFER_BYTES);
}

void fcgi_parser_release_memory(struct fcgi_parser *parser) {
    buffer_fini(&parser->input.params);
    buffer_fini(&parser->input.body);
    buffer_fini(&parser->record.content);
}

static void close_request(struct fcgi_parser *parser) {
    fcgi_parser_release_input(parser);
    parser->input.id = 0;
    parser->input.body_bytes = 0;
    parser->input.status = FCGI_INPUT_VALID;
    parser->state = FCGI_PARSER_IDLE;
}

void fcgi_parser_finish_request(struct fcgi_parser *parser) {
    assert(parser->state == FCGI_PARSER_COMPLETE);
    close_request(parser);
}

bool fcgi_parser_is_idle(const struct fcgi_parser *parser) {
    return parser->state == FCGI_PARSER_IDLE &&
           parser->record.part == FCGI_PARSER_HEADER && parser->record.header_bytes == 0;
}

size_t fcgi_parser_input_bytes(const struct fcgi_parser *parser) {
    return parser->input.params.len + parser->input.body.len;
}

/* What will not be used is not kept. Parameters that are incomplete are of no use;
 * complete ones say in which form the refusal is to be written. */
static void reject(struct fcgi_parser *parser, enum fcgi_input_status status) {
    parser->input.status = status;
    buffer_reset(&parser->input.body, 0);
    if (parser->state == FCGI_PARSER_PARAMS ||
        (status == FCGI_INPUT_DISCARDED &&
         parser->input.params.len > LIMIT_REFUSED_PARAMS_BYTES))
        buffer_reset(&parser->input.params, 0);
}

void fcgi_parser_discard(struct fcgi_parser *parser) {
    bool many = parser->input.params.len > LIMIT_REFUSED_PARAMS_BYTES;
    if (parser->input.status == FCGI_INPUT_VALID &&
        (parser->state == FCGI_PARSER_STDIN ||
         (parser->state == FCGI_PARSER_PARAMS && many)))
        reject(parser, FCGI_INPUT_DISCARDED);
}

/* ---- name/value pairs (FastCGI 1.0 §3.4) ---- */

static bool read_length(const uint8_t **at, const uint8_t *end, size_t *length) {
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

static bool read_pair(const uint8_t **at, const uint8_t *end, struct crew_pair *pair) {
    const uint8_t *p = *at;
    if (!read_length(&p, end, &pair->name_bytes) ||
        !read_length(&p, end, &pair->value_bytes))
        return false;
    size_t left = (size_t)(end - p);
    if (pair->name_bytes > left || pair->value_bytes > left - pair->name_bytes)
        return false;
    pair->name = (const char *)p;
    pair->value = pair->name + pair->name_bytes;
    *at = p + pair->name_bytes + pair->value_bytes;
    return true;
}

/* libfcgi turns pairs into strings "NAME=value": the pair must survive that. */
static bool pair_valid(const struct crew_pair *pair) {
    return pair->name_bytes > 0 && pair->name_bytes <= LIMIT_PARAM_NAME_BYTES &&
           !memchr(pair->name, '=', pair->name_bytes) &&
           !memchr(pair->name, 0, pair->name_bytes) &&
           !memchr(pair->value, 0, pair->value_bytes);
}

static enum fcgi_input_status check_params(const struct buffer *params) {
    if (params->failed)
        return FCGI_INPUT_DISCARDED;
    if (params->len == 0)
        return FCGI_INPUT_VALID;
    const uint8_t *at = params->data;
    const uint8_t *end = at + params->len;
    size_t count = 0;
    for (struct crew_pair pair; at != end; count++)
        if (!read_pair(&at, end, &pair) || !pair_valid(&pair))
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

/* Each known name is reported once, even if it is asked for repeatedly. */
static enum fcgi_parser_event reply_values(struct fcgi_parser *parser,
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
        if (!read_pair(&at, end, &pair))
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
    record_put(replies, FCGI_GET_VALUES_RESULT, 0, result.data, (uint16_t)result.len);
    buffer_fini(&result);
    return FCGI_PARSER_NEEDS_INPUT;
}

static void reply_unknown(const struct fcgi_parser *parser, struct buffer *replies) {
    const FCGI_UnknownTypeBody unknown = {.type = parser->record.header[1]};
    record_put(replies, FCGI_UNKNOWN_TYPE, 0, &unknown, sizeof unknown);
}

/* ---- records in ---- */

static enum action action_of_begin(const struct fcgi_parser *parser) {
    if (parser->record.id == 0 ||
        parser->record.content_bytes != sizeof(FCGI_BeginRequestBody))
        return ACTION_FAIL;
    if (parser->record.id != parser->input.id)
        return ACTION_BEGIN;
    return parser->state == FCGI_PARSER_COMPLETE ? ACTION_BLOCK : ACTION_FAIL;
}

static enum action action_of_record(const struct fcgi_parser *parser) {
    uint8_t type = parser->record.header[1];
    if (type == FCGI_BEGIN_REQUEST)
        return action_of_begin(parser);
    if (parser->record.id == 0)
        return type != FCGI_GET_VALUES                              ? ACTION_UNKNOWN
               : parser->record.content_bytes <= LIMIT_VALUES_BYTES ? ACTION_VALUES
                                                                    : ACTION_FAIL;
    bool open = parser->record.id == parser->input.id;
    switch (type) {
    case FCGI_ABORT_REQUEST:
        return open ? ACTION_ABORT : ACTION_SKIP;
    case FCGI_PARAMS:
        return !open                                 ? ACTION_SKIP
               : parser->state == FCGI_PARSER_PARAMS ? ACTION_PARAMS
                                                     : ACTION_FAIL;
    case FCGI_STDIN:
        return !open                                ? ACTION_SKIP
               : parser->state == FCGI_PARSER_STDIN ? ACTION_STDIN
                                                    : ACTION_FAIL;
    case FCGI_DATA: /* only sent to filters */
        return !open ? ACTION_SKIP : ACTION_FAIL;
    default:
        return ACTION_FAIL;
    }
}

static enum fcgi_parser_event begin_record(struct fcgi_parser *parser) {
    const uint8_t *header = parser->record.header;
    parser->record.id = bytes_u16(header + 2);
    parser->record.content_bytes = bytes_u16(header + 4);
    parser->record.action =
        header[0] == FCGI_VERSION_1 ? action_of_record(parser) : (unsigned)ACTION_FAIL;
    if (parser->record.action == ACTION_FAIL)
        return FCGI_PARSER_PROTOCOL_ERROR;
    if (parser->record.action == ACTION_BLOCK)
        return FCGI_PARSER_BLOCKED;
    parser->record.content_left = parser->record.content_bytes;
    parser->record.padding_left = header[6];
    parser->record.part = FCGI_PARSER_CONTENT;
    buffer_reset(&parser->record.content, LIMIT_VALUES_BYTES);
    return FCGI_PARSER_NEEDS_INPUT;
}

static void append_params(struct fcgi_parser *parser, const uint8_t *data, size_t bytes) {
    if (parser->input.status != FCGI_INPUT_VALID)
        return;
    if (parser->input.params.len + bytes > LIMIT_PARAMS_BYTES)
        reject(parser, FCGI_INPUT_PARAMS_TOO_LARGE);
    else
        buffer_append(&parser->input.params, data, bytes);
}

static void append_stdin(struct fcgi_parser *parser, const uint8_t *data, size_t bytes) {
    parser->input.body_bytes += bytes;
    if (parser->input.status != FCGI_INPUT_VALID)
        return;
    if (parser->input.body_bytes > parser->max_body_bytes)
        reject(parser, FCGI_INPUT_BODY_TOO_LARGE);
    else
        buffer_append(&parser->input.body, data, bytes);
}

static void append_content(struct fcgi_parser *parser, const uint8_t *data,
                           size_t bytes) {
    switch (parser->record.action) {
    case ACTION_BEGIN:
    case ACTION_VALUES:
        buffer_append(&parser->record.content, data, bytes);
        break;
    case ACTION_PARAMS:
        append_params(parser, data, bytes);
        break;
    case ACTION_STDIN:
        append_stdin(parser, data, bytes);
        break;
    default: /* skipped */
        break;
    }
}

static enum fcgi_parser_event begin_request(struct fcgi_parser *parser,
                                            struct buffer *replies) {
    if (parser->record.content.failed)
        return FCGI_PARSER_PROTOCOL_ERROR;
    if (parser->state != FCGI_PARSER_IDLE) {
        record_put_end_request(replies, parser->record.id, FCGI_CANT_MPX_CONN);
        return FCGI_PARSER_NEEDS_INPUT;
    }
    const uint8_t *begin = parser->record.content.data;
    parser->keep_connection = begin[2] & FCGI_KEEP_CONN;
    if (bytes_u16(begin) != FCGI_RESPONDER) {
        record_put_end_request(replies, parser->record.id, FCGI_UNKNOWN_ROLE);
        return parser->keep_connection ? FCGI_PARSER_NEEDS_INPUT : FCGI_PARSER_CLOSE;
    }
    parser->input.id = parser->record.id;
    parser->state = FCGI_PARSER_PARAMS;
    return FCGI_PARSER_NEEDS_INPUT;
}

static void end_params(struct fcgi_parser *parser) {
    if (parser->input.status == FCGI_INPUT_VALID) {
        enum fcgi_input_status status = check_params(&parser->input.params);
        if (status != FCGI_INPUT_VALID)
            reject(parser, status);
    }
    parser->state = FCGI_PARSER_STDIN;
}

static enum fcgi_parser_event end_stdin(struct fcgi_parser *parser) {
    if (parser->input.status == FCGI_INPUT_VALID && parser->input.body.failed)
        reject(parser, FCGI_INPUT_DISCARDED);
    parser->state = FCGI_PARSER_COMPLETE;
    return FCGI_PARSER_REQUEST;
}

/* The request may have been answered since the record's header was read. */
static enum fcgi_parser_event abort_request(struct fcgi_parser *parser,
                                            struct buffer *replies) {
    if (parser->record.id != parser->input.id)
        return FCGI_PARSER_NEEDS_INPUT;
    record_put_end_request(replies, parser->input.id, FCGI_REQUEST_COMPLETE);
    close_request(parser);
    return FCGI_PARSER_ABORTED;
}

static enum fcgi_parser_event end_record(struct fcgi_parser *parser,
                                         struct buffer *replies) {
    bool empty = parser->record.content_bytes == 0;
    switch (parser->record.action) {
    case ACTION_BEGIN:
        return begin_request(parser, replies);
    case ACTION_ABORT:
        return abort_request(parser, replies);
    case ACTION_VALUES:
        return reply_values(parser, replies);
    case ACTION_UNKNOWN:
        reply_unknown(parser, replies);
        return FCGI_PARSER_NEEDS_INPUT;
    case ACTION_PARAMS:
        if (empty)
            end_params(parser);
        return FCGI_PARSER_NEEDS_INPUT;
    case ACTION_STDIN:
        return empty ? end_stdin(parser) : FCGI_PARSER_NEEDS_INPUT;
    default:
        return FCGI_PARSER_NEEDS_INPUT;
    }
}

/* Number of bytes to take: the smaller of *WANTED, which is decreased, and AVAILABLE. */
static size_t take_bytes(size_t *wanted, size_t available) {
    size_t n = *wanted < available ? *wanted : available;
    *wanted -= n;
    return n;
}

static size_t read_header(struct fcgi_parser *parser, const uint8_t *data, size_t bytes) {
    size_t wanted = sizeof parser->record.header - parser->record.header_bytes;
    size_t n = take_bytes(&wanted, bytes);
    if (n > 0)
        memcpy(parser->record.header + parser->record.header_bytes, data, n);
    parser->record.header_bytes += n;
    return n;
}

/* Parse one record, or as much of it as there is. *WHOLE: its end was reached. */
static enum fcgi_parser_event parse_record(struct fcgi_parser *parser,
                                           const uint8_t *data, size_t bytes,
                                           size_t *used, struct buffer *replies,
                                           bool *whole) {
    *whole = false;
    size_t at = 0;
    if (parser->record.part == FCGI_PARSER_HEADER) {
        at = *used = read_header(parser, data, bytes);
        if (parser->record.header_bytes < sizeof parser->record.header)
            return FCGI_PARSER_NEEDS_INPUT;
        if (replies->len > LIMIT_REPLY_BYTES)
            return FCGI_PARSER_BLOCKED;
        enum fcgi_parser_event event = begin_record(parser);
        if (event != FCGI_PARSER_NEEDS_INPUT)
            return event;
    }
    size_t n = take_bytes(&parser->record.content_left, bytes - at);
    if (n > 0)
        append_content(parser, data + at, n);
    at += n;
    if (parser->record.content_left == 0)
        at += take_bytes(&parser->record.padding_left, bytes - at);
    *used = at;
    if (parser->record.content_left > 0 || parser->record.padding_left > 0)
        return FCGI_PARSER_NEEDS_INPUT;
    *whole = true;
    parser->record.part = FCGI_PARSER_HEADER;
    parser->record.header_bytes = 0;
    return end_record(parser, replies);
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
        event = parse_record(parser, data + *used, bytes - *used, &n, replies, &whole);
        *used += n;
    }
    if (event == FCGI_PARSER_PROTOCOL_ERROR)
        parser->state = FCGI_PARSER_FAILED;
    return event;
}
