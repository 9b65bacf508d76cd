/* Handlers' own calls.
 *
 * Most apps never call, so the client and its connections are made by the first call.
 * That one, and those that come meanwhile, wait for the connection; later, a broker that
 * is away fails calls at once, as it does for every client.
 */
#include "calls.h"

#include "base/memory.h"
#include "daemon/log.h"
#include "frames.h"
#include <crew/client.h>
#include <stdlib.h>
#include <utlist.h>

enum { FIRST_CONNECTION_MS = 5000, GZIP_ABOVE_BYTES = 32 * 1024 };

enum calls_state {
    CALLS_NONE,       /* no client: no handler has called yet */
    CALLS_CONNECTING, /* calls wait for the first connection, or until patience ends */
    CALLS_OPEN        /* calls are handed to the client as they come */
};

struct calls {
    enum calls_state state;
    uv_loop_t *loop;
    const struct crew_broker *broker;
    crew_client *client;
    uv_poll_t poll;
    uv_timer_t patience;
    int open_handles;
    struct calls_call *waiting;
    struct frame_parts parts;
};

struct calls_call {
    struct calls *calls;
    struct wire_item item; /* while it waits: points into frame */
    struct buffer frame;
    crew_pending *pending; /* null while it waits */
    calls_done_fn *fn;
    void *arg;
    struct calls_call *prev;
    struct calls_call *next;
};

struct calls *calls_new(uv_loop_t *loop, const struct crew_broker *broker) {
    struct calls *calls = memory_zeroed(sizeof *calls);
    calls->loop = loop;
    calls->broker = broker;
    return calls;
}

/* ---- one call ---- */

static void call_free(struct calls_call *call) {
    buffer_fini(&call->frame);
    free(call);
}

static void call_end(struct calls_call *call, const struct crew_answer *answer) {
    calls_done_fn *fn = call->fn;
    void *arg = call->arg;
    call_free(call);
    fn(arg, answer);
}

static void call_fail(struct calls_call *call, int error) {
    call_end(call,
             &(struct crew_answer){.error = error, .status = crew_error_status(error)});
}

static void on_answer(void *arg, const struct crew_answer *answer) {
    call_end(arg, answer);
}

static int call_send(struct calls_call *call) {
    struct calls *calls = call->calls;
    struct crew_call wanted;
    if (!frame_get_call(&call->item, &calls->parts, &wanted))
        return CREW_EINVAL;
    wanted.priority = UINT8_MAX;
    int error = crew_client_call(calls->client, &wanted, on_answer, call, &call->pending);
    buffer_fini(&call->frame);
    return error;
}

/* ---- the client ---- */

static void open_up(struct calls *calls) {
    calls->state = CALLS_OPEN;
    uv_timer_stop(&calls->patience);
    struct calls_call *call;
    while ((call = calls->waiting) != NULL) {
        DL_DELETE(calls->waiting, call);
        int error = call_send(call);
        if (error != CREW_OK)
            call_fail(call, error);
    }
}

static void on_client(uv_poll_t *poll, int status, int events) {
    (void)status;
    (void)events;
    struct calls *calls = poll->data;
    crew_client_dispatch(calls->client);
    if (calls->state == CALLS_CONNECTING && crew_client_ready(calls->client))
        open_up(calls);
}

static void on_patience(uv_timer_t *timer) {
    open_up(timer->data);
}

static int connect_client(struct calls *calls) {
    const struct crew_client_options options = {.name = "app-worker calls",
                                                .gzip_above_bytes = GZIP_ABOVE_BYTES,
                                                .on_event = log_crew_event};
    int error = crew_client_new(calls->broker, &options, &calls->client);
    if (error != CREW_OK)
        return error;
    uv_poll_init(calls->loop, &calls->poll, crew_client_fd(calls->client));
    uv_timer_init(calls->loop, &calls->patience);
    calls->open_handles = 2;
    calls->poll.data = calls->patience.data = calls;
    uv_poll_start(&calls->poll, UV_READABLE, on_client);
    uv_timer_start(&calls->patience, on_patience, FIRST_CONNECTION_MS, 0);
    calls->state = CALLS_CONNECTING;
    return CREW_OK;
}

/* ---- for handlers ---- */

int calls_start(struct calls *calls, const struct wire_item *item, struct buffer *frame,
                calls_done_fn *fn, void *arg, struct calls_call **started) {
    struct calls_call *call = memory_zeroed(sizeof *call);
    *call = (struct calls_call){
        .calls = calls, .item = *item, .frame = *frame, .fn = fn, .arg = arg};
    *frame = BUFFER_INIT;

    int error = calls->state == CALLS_NONE ? connect_client(calls) : CREW_OK;
    if (error == CREW_OK && calls->state == CALLS_CONNECTING)
        DL_APPEND(calls->waiting, call);
    else if (error == CREW_OK)
        error = call_send(call);
    if (error != CREW_OK) {
        call_free(call);
        return error;
    }
    *started = call;
    return CREW_OK;
}

bool calls_are_sent(const struct calls *calls) {
    return calls->waiting == NULL;
}

void calls_cancel(struct calls_call *call) {
    if (call == NULL)
        return;
    if (call->pending != NULL)
        crew_client_cancel(call->calls->client, call->pending);
    else
        DL_DELETE(call->calls->waiting, call);
    call_free(call);
}

static void on_closed(uv_handle_t *handle) {
    struct calls *calls = handle->data;
    if (--calls->open_handles == 0)
        free(calls);
}

void calls_free(struct calls *calls) {
    if (calls == NULL)
        return;
    frame_parts_fini(&calls->parts);
    if (calls->state == CALLS_NONE) {
        free(calls);
        return;
    }
    uv_poll_stop(&calls->poll);
    crew_client_free(calls->client);
    uv_close((uv_handle_t *)&calls->poll, on_closed);
    uv_close((uv_handle_t *)&calls->patience, on_closed);
}
