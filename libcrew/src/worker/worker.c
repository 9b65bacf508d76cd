/* A worker: its connections, and who is told what happens on them. Which queues it
 * consumes is in worker_queues.c, what comes from them in worker_receive.c, the life of a
 * task in worker_task.c, answers in worker_reply.c. */
#include "worker/worker_internal.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/xalloc.h"
#include <stdarg.h>
#include <stdio.h>

#define WARNINGS_EVERY_MS 1000u
#define FLUSH_MS 1000u

/* A peer can make these happen as often as it likes. */
void worker_warn(crew_worker *w, const char *format, ...) {
    uint64_t now_ms = clock_ms();
    if (now_ms - w->reported_ms < WARNINGS_EVERY_MS)
        return;
    w->reported_ms = now_ms;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    broker_session_report(&w->session, CREW_EVENT_WARNING, "%s", text);
}

static const char *text_of(const struct link_event *event) {
    return event->text == NULL ? "no reason given" : event->text;
}

static void link_down(crew_worker *w, enum broker_session_side side, const char *why) {
    if (w->said_ready)
        broker_session_report(&w->session, CREW_EVENT_DISCONNECTED, "lost the broker: %s",
                              why);
    w->said_ready = false;
    if (side == BROKER_SESSION_CONSUMER)
        queues_disconnected(w);
}

static void on_event(void *owner, enum broker_session_side side,
                     struct link_event *event) {
    crew_worker *w = owner;
    switch (event->kind) {
    case LINK_OPEN:
        if (side == BROKER_SESSION_CONSUMER)
            queues_connected(w);
        else
            queues_listen(w);
        break;
    case LINK_LOST:
        link_down(w, side, text_of(event));
        break;
    case LINK_FAILED:
        broker_session_report_failure(&w->session, side, text_of(event));
        break;
    case LINK_BLOCKED:
        broker_session_report(&w->session, CREW_EVENT_BLOCKED, "%s", text_of(event));
        break;
    case LINK_UNBLOCKED:
        broker_session_report(&w->session, CREW_EVENT_UNBLOCKED,
                              "the broker takes messages");
        break;
    case LINK_OP_DONE:
        queues_op_done(w, event->op);
        event->op = NULL;
        break;
    case LINK_PUBLISHED:
        break; /* the session notifies the publish_waiter */
    case LINK_DELIVERY:
        worker_receive(w, event->message);
        event->message = NULL;
        break;
    case LINK_CONSUMER_CANCELLED:
        queues_consumer_gone(w, event->text);
        break;
    case LINK_CHANNEL_CLOSED:
        broker_session_report(&w->session, CREW_EVENT_WARNING, "%s", text_of(event));
        break;
    }
    link_event_free(event);
}

static void say_when_ready(crew_worker *w) {
    if (w->said_ready || !broker_session_is_open(&w->session) || !queues_ready(w))
        return;
    w->said_ready = true;
    broker_session_report(&w->session, CREW_EVENT_CONNECTED,
                          "connected to %s, consuming %u task%s",
                          broker_session_address(&w->session), HASH_COUNT(w->served),
                          HASH_COUNT(w->served) == 1 ? "" : "s");
}

static bool on_flush(void *owner) {
    crew_worker *w = owner;
    say_when_ready(w);
    streams_flush(w); /* before their ends */
    shipments_flush(w);
    return false;
}

/* ---- public ---- */

int crew_worker_new(const crew_broker *broker, const struct crew_worker_options *options,
                    crew_worker **worker) {
    if (options->on_task == NULL)
        return CREW_EINVAL;
    crew_worker *w = xcalloc(1, sizeof *w);
    random_uuid(w->uuid);
    w->prefetch = options->prefetch == 0 ? 1 : options->prefetch;
    w->prefetch_most =
        options->prefetch_most > w->prefetch ? options->prefetch_most : w->prefetch;
    w->gzip_above_bytes = options->gzip_above_bytes;
    w->max_request_bytes = options->max_request_bytes != 0 ? options->max_request_bytes
                                                           : LIMIT_INFLATED_DEFAULT_BYTES;
    w->on_task = options->on_task;
    w->task_arg = options->task_arg;
    w->on_queue = options->on_queue;
    w->on_credit = options->on_credit;
    w->on_gone = options->on_gone;
    w->retry.fire = queues_retry;
    struct broker_session_options how = {
        .broker = broker,
        .name = options->name == NULL ? "crew-worker" : options->name,
        .handlers = {.on_event = on_event, .on_flush = on_flush, .owner = w},
        .report = options->on_event,
        .report_arg = options->event_arg,
        .caller_driven_io = options->caller_driven_io,
    };
    int error = broker_session_init(&w->session, &how);
    if (error != 0) {
        free(w);
        return error;
    }
    *worker = w;
    return 0;
}

int crew_worker_fd(const crew_worker *w) {
    return broker_session_fd(&w->session);
}

void crew_worker_dispatch(crew_worker *w) {
    broker_session_dispatch(&w->session);
}

void crew_worker_flush(crew_worker *w) {
    broker_session_flush(&w->session);
}

const char *crew_worker_uuid(const crew_worker *w) {
    return w->uuid;
}

bool crew_worker_ready(const crew_worker *w) {
    return broker_session_is_open(&w->session) && queues_ready(w);
}

size_t crew_worker_held(const crew_worker *w) {
    return HASH_COUNT(w->tasks) - w->kept_count + w->inflating + queues_cancelling(w);
}

void crew_worker_free(crew_worker *w) {
    if (w == NULL)
        return;
    broker_session_stop(&w->session, FLUSH_MS);
    crew_task *task, *next;
    HASH_ITER (hh, w->tasks, task, next)
        task_free(task);
    streams_fini(w);
    shipments_fini(w);
    cancelled_fini(w);
    queues_fini(w);
    broker_session_fini(&w->session);
    free(w);
}
