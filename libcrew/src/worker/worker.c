/* Worker: the facade of crew/worker.h. It owns the broker session and the modules of this
 * folder, and passes the session's events to them. */
#include "worker/consumers.h"
#include "worker/receive.h"
#include "worker/task.h"

#include "base/random.h"
#include "base/xalloc.h"
#include "wire/limits.h"
#include <stdlib.h>

#define FLUSH_AT_FREE_MS 1000u

struct crew_worker {
    struct broker_session *session;
    char uuid[37];
    bool reported_connected;
    struct consumers consumers;
    struct tasks tasks;
    struct receiver receiver;
};

static const char *text_of(const struct link_event *event) {
    return event->text == NULL ? "no reason given" : event->text;
}

static void connected(crew_worker *w, enum broker_session_side side) {
    if (side == BROKER_SESSION_CONSUMER)
        consumers_connected(&w->consumers);
    else
        consumers_publisher_connected(&w->consumers);
}

static void disconnected(crew_worker *w, enum broker_session_side side, const char *why) {
    if (w->reported_connected)
        broker_session_report(w->session, CREW_EVENT_DISCONNECTED, "lost the broker: %s",
                              why);
    w->reported_connected = false;
    if (side == BROKER_SESSION_CONSUMER)
        consumers_disconnected(&w->consumers);
}

static void on_event(void *owner, enum broker_session_side side,
                     struct link_event *event) {
    crew_worker *w = owner;
    switch (event->kind) {
    case LINK_OPEN:
        connected(w, side);
        break;
    case LINK_LOST:
        disconnected(w, side, text_of(event));
        break;
    case LINK_FAILED:
        broker_session_report_failure(w->session, side, text_of(event));
        break;
    case LINK_BLOCKED:
        broker_session_report(w->session, CREW_EVENT_BLOCKED, "%s", text_of(event));
        break;
    case LINK_UNBLOCKED:
        broker_session_report(w->session, CREW_EVENT_UNBLOCKED,
                              "the broker takes messages");
        break;
    case LINK_OP_DONE:
        consumers_op_done(&w->consumers, event->op);
        event->op = NULL;
        break;
    case LINK_PUBLISHED:
        break; /* the session notifies the publish_waiter */
    case LINK_DELIVERY:
        receive_message(&w->receiver, event->message);
        event->message = NULL;
        break;
    case LINK_CONSUMER_CANCELLED:
        if (consumers_cancelled_by_broker(&w->consumers, event->text))
            w->reported_connected = false;
        break;
    case LINK_CHANNEL_CLOSED:
        broker_session_report(w->session, CREW_EVENT_WARNING, "%s", text_of(event));
        break;
    }
    link_event_free(event);
}

static void report_connected(crew_worker *w) {
    size_t count = consumers_count(&w->consumers);
    if (w->reported_connected || !crew_worker_ready(w))
        return;
    w->reported_connected = true;
    broker_session_report(
        w->session, CREW_EVENT_CONNECTED, "connected to %s, consuming %zu task%s",
        broker_session_address(w->session), count, count == 1 ? "" : "s");
}

static bool on_flush(void *owner) {
    crew_worker *w = owner;
    report_connected(w);
    tasks_flush(&w->tasks);
    return false;
}

/* ---- public ---- */

static void init_modules(crew_worker *w, const struct crew_worker_options *options) {
    const struct task_callbacks callbacks = {.on_task = options->on_task,
                                             .on_credit = options->on_credit,
                                             .on_unread = options->on_unread,
                                             .arg = options->task_arg};
    size_t max_request_bytes = options->max_request_bytes != 0
                                   ? options->max_request_bytes
                                   : LIMIT_INFLATED_DEFAULT_BYTES;
    consumers_init(&w->consumers, w->session, w->uuid, options->prefetch,
                   options->on_queue_info, options->task_arg);
    tasks_init(&w->tasks, w->session, &w->consumers, w->uuid, options->gzip_above_bytes,
               &callbacks);
    receiver_init(&w->receiver, w->session, &w->consumers, &w->tasks, max_request_bytes);
}

int crew_worker_new(const crew_broker *broker, const struct crew_worker_options *options,
                    crew_worker **worker) {
    if (options->on_task == NULL)
        return CREW_EINVAL;
    crew_worker *w = xcalloc(1, sizeof *w);
    const struct broker_session_options session_options = {
        .broker = broker,
        .name = options->name == NULL ? "crew-worker" : options->name,
        .handlers = {.on_event = on_event, .on_flush = on_flush, .owner = w},
        .report = options->on_event,
        .report_arg = options->event_arg,
        .caller_driven_io = options->caller_driven_io,
    };
    int error = broker_session_new(&session_options, &w->session);
    if (error != 0) {
        free(w);
        return error;
    }
    random_uuid(w->uuid);
    init_modules(w, options);
    *worker = w;
    return 0;
}

int crew_worker_fd(const crew_worker *w) {
    return broker_session_fd(w->session);
}

void crew_worker_dispatch(crew_worker *w) {
    broker_session_dispatch(w->session);
}

void crew_worker_flush(crew_worker *w) {
    broker_session_flush(w->session);
}

const char *crew_worker_uuid(const crew_worker *w) {
    return w->uuid;
}

bool crew_worker_ready(const crew_worker *w) {
    return broker_session_is_open(w->session) && consumers_are_ready(&w->consumers);
}

int crew_worker_serve(crew_worker *w, const char *const *names, size_t count) {
    return consumers_serve(&w->consumers, names, count);
}

void crew_worker_set_prefetch(crew_worker *w, unsigned prefetch) {
    consumers_set_prefetch(&w->consumers, prefetch);
    tasks_set_max_cached(&w->tasks, consumers_highest_prefetch(&w->consumers));
}

void crew_worker_inspect_queue(crew_worker *w, const char *task) {
    consumers_inspect(&w->consumers, task);
}

size_t crew_worker_held(const crew_worker *w) {
    return tasks_count(&w->tasks) + receive_count_pending(&w->receiver) +
           consumers_count_stopping(&w->consumers);
}

void crew_worker_free(crew_worker *w) {
    if (w == NULL)
        return;
    broker_session_stop(w->session, FLUSH_AT_FREE_MS);
    tasks_fini(&w->tasks);
    consumers_fini(&w->consumers);
    broker_session_free(w->session);
    free(w);
}
