#include "request.h"

#include "base/clock.h"
#include "daemon/log.h"
#include "fcgi-bridge/bridge.h"
#include "fcgi-bridge/fcgi/codec.h"
#include "params.h"
#include <assert.h>

#define COMPLAINT_EVERY_MS 60000

/* How a request ends. */
struct ending {
    const struct crew_answer *answer; /* the client's, or null: the bridge's own */
    const struct buffer *whole;       /* null, or this is it, in FastCGI records */
    int outcome;                      /* else this one */
    const char *detail;
    bool unheard; /* nobody is there to be answered */
};

static const char *const state_names[] = {
    [REQUEST_NONE] = "none",           [REQUEST_JUDGED] = "judged",
    [REQUEST_WAITING] = "waiting",     [REQUEST_PUBLISHING] = "publishing",
    [REQUEST_STREAMING] = "streaming", [REQUEST_PARKED] = "parked",
    [REQUEST_LISTENING] = "listening", [REQUEST_ENDED] = "ended",
};

static void enter(struct request *r, enum request_state state) {
    static const unsigned allowed[] = {
        [REQUEST_NONE] = 1u << REQUEST_JUDGED,
        [REQUEST_JUDGED] = 1u << REQUEST_WAITING | 1u << REQUEST_PUBLISHING |
                           1u << REQUEST_PARKED | 1u << REQUEST_LISTENING |
                           1u << REQUEST_ENDED,
        [REQUEST_WAITING] = 1u << REQUEST_STREAMING | 1u << REQUEST_ENDED,
        [REQUEST_PUBLISHING] = 1u << REQUEST_ENDED,
        [REQUEST_STREAMING] = 1u << REQUEST_ENDED,
        [REQUEST_PARKED] = 1u << REQUEST_ENDED,
        [REQUEST_LISTENING] = 1u << REQUEST_ENDED,
        [REQUEST_ENDED] = 1u << REQUEST_NONE,
    };
    assert(allowed[r->state] & 1u << state);
    log_debug("request %p: %s, then %s", (void *)r, state_names[r->state],
              state_names[state]);
    r->state = state;
}

static bool with_client(const struct request *r) {
    return r->state == REQUEST_WAITING || r->state == REQUEST_STREAMING;
}

/* Returns how it has ended: 0, or an outcome. */
static int write_answer(struct request *r, const struct ending *end) {
    int outcome = end->outcome;
    if (r->state == REQUEST_LISTENING)
        response_end(r->out, r->parser->id);
    else if (end->whole)
        request_put(r, end->whole);
    else if (r->state == REQUEST_STREAMING) {
        outcome = end->answer ? end->answer->error : end->outcome;
        if (outcome == 0)
            response_end(r->out, r->parser->id);
        else
            response_truncate(r->out);
    } else if (end->answer)
        outcome = response_answer(r->out, r->parser->id, &r->style, end->answer);
    else
        response_error(r->out, r->parser->id, &r->style, outcome, end->detail);
    if (log_enabled(LOG_LEVEL_DEBUG))
        log_request(
            LOG_LEVEL_DEBUG, r->pending ? crew_client_pending_id(r->pending) : NULL,
            "%s after %lu us", outcome ? response_error_word(outcome) : "answered",
            (unsigned long)(clock_us() - r->started_us));
    return outcome;
}

/* The one way out. */
static void finish(struct request *r, const struct ending *end) {
    if (with_client(r)) {
        r->bridge->inflight--;
        r->bridge->buffered_bytes -= r->body_bytes;
    }
    int outcome = end->unheard ? 0 : write_answer(r, end);
    bool broken = r->state == REQUEST_STREAMING && outcome != 0;
    enter(r, REQUEST_ENDED);
    subscriber_free(r->subscriber);
    r->subscriber = NULL;
    r->pending = NULL;
    r->publish = NULL;
    r->body_bytes = 0;
    r->uncredited_bytes = 0;
    enter(r, REQUEST_NONE);
    if (broken)
        r->on_break(r->arg);
    else if (!end->unheard)
        r->on_end(r->arg);
}

void request_refuse(struct request *r, int outcome, const char *detail) {
    finish(r, &(struct ending){.outcome = outcome, .detail = detail});
}

static void on_answer(void *arg, const struct crew_answer *answer) {
    finish(arg, &(struct ending){.answer = answer});
}

/* Its end is known before the client's; R may be another request when this returns. */
static void finish_early(struct request *r, const struct ending *end) {
    crew_client *client = r->bridge->client;
    crew_pending *pending = r->pending;
    finish(r, end);
    crew_client_cancel(client, pending);
}

static void on_head(void *arg, const struct crew_answer *head) {
    struct request *r = arg;
    int outcome = response_begin(r->out, r->parser->id, &r->style, head);
    if (outcome) {
        finish_early(r, &(struct ending){.outcome = outcome});
        return;
    }
    enter(r, REQUEST_STREAMING);
    if (response_is_bodiless(&r->style, head->status))
        finish_early(r, &(struct ending){.answer = head});
    else
        r->on_output(r->arg);
}

static void on_chunk(void *arg, const void *data, size_t bytes) {
    struct request *r = arg;
    response_continue(r->out, r->parser->id, data, bytes);
    r->uncredited_bytes += bytes;
    r->on_output(r->arg);
}

static void credit(struct request *r, size_t unsent_bytes) {
    if (r->uncredited_bytes <= unsent_bytes)
        return;
    size_t sent = r->uncredited_bytes - unsent_bytes;
    r->uncredited_bytes -= sent;
    crew_client_credit(r->bridge->client, r->pending, sent);
}

bool request_drained(struct request *r, size_t unsent_bytes) {
    if (r->state == REQUEST_LISTENING)
        return subscriber_drained(r->subscriber, unsent_bytes);
    if (r->state == REQUEST_STREAMING)
        credit(r, unsent_bytes);
    return false;
}

void request_give_up(struct request *r) {
    if (r->state == REQUEST_STREAMING)
        finish_early(r, &(struct ending){.outcome = CREW_ECLOSED});
}

void request_abandon(struct request *r) {
    if (with_client(r))
        crew_client_cancel(r->bridge->client, r->pending);
    else if (r->state == REQUEST_PUBLISHING)
        publish_forget(r->publish);
    else if (!r->subscriber)
        return;
    finish(r, &(struct ending){.unheard = true});
}

/* ---- subscribers ---- */

/* What waits for long keeps no memory for the next request. */
void request_park(struct request *r) {
    enter(r, REQUEST_PARKED);
    fcgi_parser_release_memory(r->parser);
    if (r->out->len == 0)
        buffer_reset(r->out, 0);
}

void request_listen(struct request *r) {
    enter(r, REQUEST_LISTENING);
    fcgi_parser_release_memory(r->parser);
}

void request_put(struct request *r, const struct buffer *records) {
    buffer_append(r->out, records->data, records->len);
    r->out->failed |= records->failed;
}

void request_answer(struct request *r, const struct buffer *whole) {
    finish(r, &(struct ending){.whole = whole});
}

void request_end_events(struct request *r) {
    finish(r, &(struct ending){.outcome = 0});
}

/* ---- from the beginning ---- */

/* An administrator sees it in the log, but not once per request. */
static void log_misconfiguration(struct bridge *bridge, const struct params *params) {
    uint64_t now_ms = clock_ms();
    if (bridge->complained_ms != 0 && now_ms - bridge->complained_ms < COMPLAINT_EVERY_MS)
        return;
    bridge->complained_ms = now_ms;
    log_warning("request refused: %s%s", params->complaint, params->advice);
}

static void call(struct request *r, const struct params *params) {
    static const struct crew_receiver receiver = {on_head, on_chunk, on_answer};
    struct crew_call ask = params->call;
    ask.body = r->parser->body.len > 0 ? (const void *)r->parser->body.data : "";
    ask.body_bytes = r->parser->body.len;
    int error = crew_client_stream(r->bridge->client, &ask, &receiver, r, &r->pending);
    if (error) {
        request_refuse(r, error,
                       error == CREW_EINVAL ? "The request cannot be passed on" : NULL);
        return;
    }
    enter(r, REQUEST_WAITING);
    r->body_bytes = ask.body_bytes;
    r->bridge->buffered_bytes += ask.body_bytes;
    r->bridge->inflight++;
    fcgi_parser_release_input(r->parser);
}

static void on_published(void *arg, int error, const struct crew_answer *answer) {
    if (error)
        request_refuse(arg, error, publish_sentence(error));
    else
        on_answer(arg, answer);
}

static void publish(struct request *r, const struct params *params) {
    int error =
        publish_begin(r->bridge, params, &r->parser->body, on_published, r, &r->publish);
    if (error) {
        request_refuse(r, error, publish_sentence(error));
        return;
    }
    enter(r, REQUEST_PUBLISHING);
    fcgi_parser_release_input(r->parser);
}

/* What the gate has found and what the parameters say, in the order in which it matters:
 * 0, or the outcome of a request that is not passed on. */
static int objection(const struct request *r, const struct params *params,
                     const char **detail) {
    const struct fcgi_parser *parser = r->parser;
    const struct bridge *bridge = r->bridge;
    *detail = NULL;
    if (parser->input_status == FCGI_INPUT_BODY_TOO_LARGE)
        return RESPONSE_TOO_LARGE;
    if (parser->input_status == FCGI_INPUT_VALID) {
        if (params->content_length >= 0 &&
            (uint64_t)params->content_length != parser->body_bytes)
            *detail = "CONTENT_LENGTH and the body disagree";
        if (params->complaint)
            *detail = params->complaint;
        if (*detail)
            return RESPONSE_BAD_REQUEST;
        if (params->style.allow)
            return RESPONSE_BAD_METHOD;
    }
    bool full = parser->input_status == FCGI_INPUT_DISCARDED || bridge_full(bridge) ||
                (params->purpose != PURPOSE_SUBSCRIBE &&
                 bridge->inflight >= bridge->settings->max_inflight);
    return full ? CREW_EOVERLOADED : 0;
}

static void start_decoded(struct request *r, struct crew_pair *pairs, size_t count) {
    struct params params;
    params_read(&params, r->bridge->settings, pairs, count);
    r->style = params.style;
    if (params.advice && r->parser->input_status == FCGI_INPUT_VALID)
        log_misconfiguration(r->bridge, &params);
    const char *detail;
    int outcome = objection(r, &params, &detail);
    if (outcome)
        request_refuse(r, outcome, detail);
    else if (params.purpose == PURPOSE_PUBLISH)
        publish(r, &params);
    else if (params.purpose == PURPOSE_SUBSCRIBE)
        subscribe_start(r, &params.subscribe);
    else
        call(r, &params);
}

void request_start(struct request *r) {
    enter(r, REQUEST_JUDGED);
    r->started_us = clock_us();
    r->style = (struct response_style){0};
    if (r->parser->input_status == FCGI_INPUT_PARAMS_TOO_LARGE) {
        request_refuse(r, RESPONSE_BAD_REQUEST,
                       "The parameters are too large or too many");
        return;
    }
    if (r->parser->input_status == FCGI_INPUT_PARAMS_MALFORMED) {
        request_refuse(r, RESPONSE_BAD_REQUEST, "The parameters are malformed");
        return;
    }
    struct crew_pair *pairs = NULL;
    size_t count = 0;
    if (codec_decode(&r->parser->params, &pairs, &count) != 0) {
        request_refuse(r, RESPONSE_BAD_REQUEST, NULL);
        return;
    }
    start_decoded(r, pairs, count);
    codec_release();
}
