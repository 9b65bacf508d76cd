#include "request.h"

#include "base/clock.h"
#include "daemon/log.h"
#include "fcgi-bridge/fcgi/codec.h"
#include "fcgi-bridge/fcgi/record.h"
#include <assert.h>
#include <stdalign.h>
#include <stddef.h>
#include <string.h>

#define WARN_EVERY_MS 60000

struct request {
    enum request_state state;
    struct connection *connection;
    struct requests *all;
    const struct request_backend *backend; /* once it is valid, until it ends */
    void *backend_arg;
    alignas(max_align_t) unsigned char backend_state[REQUEST_BACKEND_BYTES];
    struct response_style style;
    bool resumable; /* STREAMING: see request_begin_resumable_stream */
    uint64_t started_us;
};

/* How a request completes. */
struct completion {
    enum {
        COMPLETION_ANSWER,
        COMPLETION_RECORDS,
        COMPLETION_END_OF_STREAM,
        COMPLETION_ERROR,
        COMPLETION_CLIENT_DISCONNECTED /* there is nobody to respond to */
    } kind;
    const struct crew_answer *answer; /* ANSWER */
    const struct buffer *records;     /* RECORDS */
    int error;                        /* ERROR */
    const char *detail;               /* the same; may be NULL */
};

/* ---- states ---- */

static const char *const state_names[] = {
    [REQUEST_NONE] = "none",           [REQUEST_VALIDATING] = "validating",
    [REQUEST_WAITING] = "waiting",     [REQUEST_STREAMING] = "streaming",
    [REQUEST_COMPLETED] = "completed",
};

/* The only function that changes the state. */
static void enter(struct request *r, enum request_state state) {
    static const unsigned allowed[] = {
        [REQUEST_NONE] = 1u << REQUEST_VALIDATING,
        [REQUEST_VALIDATING] =
            1u << REQUEST_WAITING | 1u << REQUEST_STREAMING | 1u << REQUEST_COMPLETED,
        [REQUEST_WAITING] = 1u << REQUEST_STREAMING | 1u << REQUEST_COMPLETED,
        [REQUEST_STREAMING] = 1u << REQUEST_COMPLETED,
        [REQUEST_COMPLETED] = 1u << REQUEST_NONE,
    };
    assert(allowed[r->state] & 1u << state);
    log_debug("request %p (%s): %s -> %s", (void *)r,
              r->backend != NULL ? r->backend->name : "no backend", state_names[r->state],
              state_names[state]);
    r->state = state;
}

void request_wait(struct request *r) {
    enter(r, REQUEST_WAITING);
    connection_release_input(r->connection);
}

void request_wait_long(struct request *r) {
    enter(r, REQUEST_WAITING);
    connection_release_memory(r->connection);
}

void request_begin_stream(struct request *r) {
    enter(r, REQUEST_STREAMING);
}

void request_begin_resumable_stream(struct request *r) {
    enter(r, REQUEST_STREAMING);
    r->resumable = true;
    connection_release_memory(r->connection);
    connection_stream_resumable(r->connection);
}

/* ---- completion ---- */

static void append_records(struct buffer *to, const struct buffer *records) {
    buffer_append(to, records->data, records->len);
    to->failed |= records->failed;
}

/* Returns the outcome: 0, or an error that the response tells or that broke it off. */
static int write_response(struct request *r, const struct completion *completion) {
    struct buffer *out = connection_output(r->connection);
    switch (completion->kind) {
    case COMPLETION_ANSWER:
        return response_answer(out, request_id(r), &r->style, completion->answer);
    case COMPLETION_RECORDS:
        append_records(out, completion->records);
        return 0;
    case COMPLETION_END_OF_STREAM:
        response_end(out, request_id(r));
        return 0;
    case COMPLETION_ERROR:
        if (r->state == REQUEST_STREAMING)
            record_put_invalid(out);
        else
            response_error(out, request_id(r), &r->style, completion->error,
                           completion->detail);
        return completion->error;
    case COMPLETION_CLIENT_DISCONNECTED:
        break;
    }
    return 0;
}

static void log_outcome(struct request *r, int error) {
    const char *id = r->backend != NULL && r->backend->operation_id != NULL
                         ? r->backend->operation_id(r)
                         : NULL;
    log_request(LOG_LEVEL_DEBUG, id, "%s after %lu us",
                error != 0 ? response_error_word(error) : "answered",
                (unsigned long)(clock_us() - r->started_us));
}

static void release(struct request *r) {
    if (r->backend != NULL && r->backend->release != NULL)
        r->backend->release(r);
    r->backend = NULL;
    r->resumable = false;
}

/* The only function that completes a request. */
static void complete(struct request *r, const struct completion *completion) {
    bool disconnected = completion->kind == COMPLETION_CLIENT_DISCONNECTED;
    int error = write_response(r, completion);
    if (!disconnected && log_enabled(LOG_LEVEL_DEBUG))
        log_outcome(r, error);
    bool incomplete = r->state == REQUEST_STREAMING && error != 0;
    enter(r, REQUEST_COMPLETED);
    release(r);
    enter(r, REQUEST_NONE);
    if (incomplete)
        connection_fail_request(r->connection);
    else if (!disconnected)
        connection_end_request(r->connection);
}

void request_complete_answer(struct request *r, const struct crew_answer *answer) {
    if (r->state != REQUEST_STREAMING)
        complete(r, &(struct completion){.kind = COMPLETION_ANSWER, .answer = answer});
    else if (answer->error != 0)
        request_complete_error(r, answer->error, NULL);
    else
        request_complete_stream(r);
}

void request_complete_records(struct request *r, const struct buffer *records) {
    complete(r, &(struct completion){.kind = COMPLETION_RECORDS, .records = records});
}

void request_complete_stream(struct request *r) {
    complete(r, &(struct completion){.kind = COMPLETION_END_OF_STREAM});
}

void request_complete_error(struct request *r, int error, const char *detail) {
    complete(r, &(struct completion){
                    .kind = COMPLETION_ERROR, .error = error, .detail = detail});
}

/* ---- validation ---- */

/* Logged for the administrator, but not for each request. */
static void log_misconfiguration(struct requests *all, const struct params *params) {
    uint64_t now_ms = clock_ms();
    if (all->warned_ms != 0 && now_ms - all->warned_ms < WARN_EVERY_MS)
        return;
    all->warned_ms = now_ms;
    log_warning("request refused: %s%s", params->complaint, params->advice);
}

/* Checks input and parameters, the most important first. 0, or the error with which the
 * request is refused. */
static int validate(const struct request *r, const struct params *params,
                    const char **detail) {
    const struct fcgi_input *input = connection_input(r->connection);
    const struct load *load = r->all->load;
    if (input->status == FCGI_INPUT_BODY_TOO_LARGE)
        return RESPONSE_TOO_LARGE;
    if (input->status == FCGI_INPUT_VALID) {
        if (params->content_length >= 0 &&
            (uint64_t)params->content_length != input->body_bytes)
            *detail = "CONTENT_LENGTH and the body disagree";
        if (params->complaint != NULL)
            *detail = params->complaint;
        if (*detail != NULL)
            return RESPONSE_BAD_REQUEST;
        if (params->style.allow != NULL)
            return RESPONSE_BAD_METHOD;
    }
    bool full = input->status == FCGI_INPUT_DISCARDED || load_memory_full(load) ||
                (params->purpose != PURPOSE_SUBSCRIBE && load_inflight_full(load));
    return full ? CREW_EOVERLOADED : 0;
}

static void start_decoded(struct request *r, struct crew_pair *pairs, size_t count) {
    struct params params;
    params_read(&params, &r->all->defaults, pairs, count);
    r->style = params.style;
    if (params.advice != NULL &&
        connection_input(r->connection)->status == FCGI_INPUT_VALID)
        log_misconfiguration(r->all, &params);
    const char *detail = NULL;
    int error = validate(r, &params, &detail);
    if (error != 0) {
        request_complete_error(r, error, detail);
        return;
    }
    r->backend = r->all->backends[params.purpose].backend;
    r->backend_arg = r->all->backends[params.purpose].arg;
    r->backend->start(r, &params);
}

/* ---- what the connection calls ---- */

static void request_init(void *request, struct connection *connection, void *arg) {
    struct request *r = request;
    r->connection = connection;
    r->all = arg;
}

static void request_start(void *request) {
    struct request *r = request;
    const struct fcgi_input *input = connection_input(r->connection);
    enter(r, REQUEST_VALIDATING);
    r->started_us = clock_us();
    r->style = (struct response_style){0};
    memset(r->backend_state, 0, sizeof r->backend_state);
    if (input->status == FCGI_INPUT_PARAMS_TOO_LARGE) {
        request_complete_error(r, RESPONSE_BAD_REQUEST,
                               "The parameters are too large or too many");
        return;
    }
    if (input->status == FCGI_INPUT_PARAMS_MALFORMED) {
        request_complete_error(r, RESPONSE_BAD_REQUEST, "The parameters are malformed");
        return;
    }
    struct crew_pair *pairs = NULL;
    size_t count = 0;
    if (codec_decode(&input->params, &pairs, &count) != 0) {
        request_complete_error(r, RESPONSE_BAD_REQUEST, NULL);
        return;
    }
    start_decoded(r, pairs, count);
    codec_release();
}

static bool has_operation(const struct request *r) {
    return r->state == REQUEST_WAITING || r->state == REQUEST_STREAMING;
}

static void request_cancel(void *request) {
    struct request *r = request;
    if (!has_operation(r))
        return;
    r->backend->cancel(r);
    complete(r, &(struct completion){.kind = COMPLETION_CLIENT_DISCONNECTED});
}

static void request_shutdown(void *request) {
    struct request *r = request;
    if (r->state != REQUEST_STREAMING || r->resumable)
        return;
    r->backend->cancel(r);
    request_complete_error(r, CREW_ECLOSED, NULL);
}

static bool request_drained(void *request, size_t unsent_bytes) {
    struct request *r = request;
    return r->state == REQUEST_STREAMING && r->backend->drained != NULL &&
           r->backend->drained(r, unsent_bytes);
}

const struct fcgi_request_ops request_ops = {
    .request_bytes = sizeof(struct request),
    .init = request_init,
    .start = request_start,
    .cancel = request_cancel,
    .shutdown = request_shutdown,
    .drained = request_drained,
};

/* ---- what backends ask ---- */

void *request_backend_state(struct request *r) {
    return r->backend_state;
}

void *request_backend_arg(const struct request *r) {
    return r->backend_arg;
}

crew_client *request_client(const struct request *r) {
    return r->all->client;
}

struct load *request_load(const struct request *r) {
    return r->all->load;
}

uint16_t request_id(const struct request *r) {
    return connection_input(r->connection)->id;
}

const struct response_style *request_style(const struct request *r) {
    return &r->style;
}

const struct buffer *request_body(const struct request *r) {
    return &connection_input(r->connection)->body;
}

struct buffer *request_output(struct request *r) {
    return connection_output(r->connection);
}

void request_send(struct request *r) {
    connection_send(r->connection);
}
