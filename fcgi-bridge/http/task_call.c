#include "task_call.h"

#include <assert.h>

struct task_call {
    crew_pending *pending;   /* NULL: cancelled */
    size_t body_bytes;       /* what the client keeps for it */
    size_t uncredited_bytes; /* of the response's body, not yet sent */
    bool counted;            /* in the load */
};

static_assert(sizeof(struct task_call) <= REQUEST_BACKEND_BYTES, "a call fits");

static struct task_call *call_of(struct request *r) {
    return request_backend_state(r);
}

static void cancel(struct request *r) {
    struct task_call *call = call_of(r);
    crew_client_cancel(request_client(r), call->pending);
    call->pending = NULL;
}

static void release(struct request *r) {
    struct task_call *call = call_of(r);
    if (call->counted)
        load_end(request_load(r), call->body_bytes);
}

static const char *operation_id(struct request *r) {
    const struct task_call *call = call_of(r);
    return call->pending != NULL ? crew_client_pending_id(call->pending) : NULL;
}

/* ---- the answer ---- */

static void on_answer(void *arg, const struct crew_answer *answer) {
    request_complete_answer(arg, answer);
}

static void on_head(void *arg, const struct crew_answer *head) {
    struct request *r = arg;
    int error = response_begin(request_output(r), request_id(r), request_style(r), head);
    if (error != 0) {
        cancel(r);
        request_complete_error(r, error, NULL);
        return;
    }
    request_begin_stream(r);
    if (response_is_bodiless(request_style(r), head->status)) {
        cancel(r);
        request_complete_stream(r);
    } else {
        request_send(r);
    }
}

static void on_chunk(void *arg, const void *data, size_t bytes) {
    struct request *r = arg;
    response_continue(request_output(r), request_id(r), data, bytes);
    call_of(r)->uncredited_bytes += bytes;
    request_send(r);
}

static bool drained(struct request *r, size_t unsent_bytes) {
    struct task_call *call = call_of(r);
    if (call->uncredited_bytes > unsent_bytes) {
        size_t sent_bytes = call->uncredited_bytes - unsent_bytes;
        call->uncredited_bytes = unsent_bytes;
        crew_client_credit(request_client(r), call->pending, sent_bytes);
    }
    return false;
}

/* ---- the call ---- */

static void start(struct request *r, const struct params *params) {
    static const struct crew_receiver receiver = {on_head, on_chunk, on_answer};
    struct task_call *call = call_of(r);
    struct crew_call options = params->call;
    const struct buffer *body = request_body(r);
    options.body = body->len > 0 ? (const void *)body->data : "";
    options.body_bytes = body->len;
    int error =
        crew_client_stream(request_client(r), &options, &receiver, r, &call->pending);
    if (error != 0) {
        request_complete_error(
            r, error, error == CREW_EINVAL ? "The request cannot be passed on" : NULL);
        return;
    }
    call->body_bytes = options.body_bytes;
    call->counted = true;
    load_begin(request_load(r), call->body_bytes);
    request_wait(r);
}

const struct request_backend task_call_backend = {
    .name = "task call",
    .start = start,
    .cancel = cancel,
    .release = release,
    .drained = drained,
    .operation_id = operation_id,
};
