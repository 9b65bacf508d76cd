/* The facade: owns the parts of a client, connects them with its broker session, and has
 * the public functions. */
#include "client/blocking.h"
#include "client/call.h"
#include "client/dispatch_lock.h"
#include "client/group.h"
#include "client/publisher.h"
#include "client/queue_info.h"
#include "client/queue_probe.h"
#include "client/reply.h"
#include "client/reply_queue.h"

#include "base/random.h"
#include "base/xalloc.h"
#include "session/topology.h"
#include "wire/limits.h"
#include <crew/client.h>
#include <stdlib.h>

#define FLUSH_MS 1000u
#define DEFAULT_MAX_BATCH 32u
#define INSTANCE_BYTES 17 /* 16 hexadecimal digits */

struct crew_client {
    struct dispatch_lock lock;
    struct broker_session *session;
    struct reply_queue reply_queue;
    struct queue_info queue_info;
    struct calls calls;
    struct reply_reader replies;
    struct publisher publisher;
    crew_event_fn *on_event;
    void *event_arg;
    bool reported_connected;
    char instance[INSTANCE_BYTES]; /* the beginning of the ids that are made */
};

/* ---- events of the session ---- */

static const char *text_of(const struct link_event *event) {
    return event->text == NULL ? "no reason given" : event->text;
}

static void report_when_connected(struct crew_client *c) {
    if (c->reported_connected || !reply_queue_ready(&c->reply_queue))
        return;
    c->reported_connected = true;
    broker_session_report(c->session, CREW_EVENT_CONNECTED, "connected to %s",
                          broker_session_address(c->session));
}

static void on_connected(struct crew_client *c, enum broker_session_side side) {
    if (side == BROKER_SESSION_CONSUMER) {
        reply_queue_declare(&c->reply_queue);
        return;
    }
    broker_session_op(c->session, side, topology_control());
    publisher_connected(&c->publisher);
}

static void reply_queue_is_lost(struct crew_client *c) {
    reply_queue_lost(&c->reply_queue);
    calls_reply_queue_lost(&c->calls);
}

static void on_disconnected(struct crew_client *c, enum broker_session_side side,
                            const char *why) {
    reply_queue_note_problem(&c->reply_queue, why);
    if (c->reported_connected)
        broker_session_report(c->session, CREW_EVENT_DISCONNECTED, "lost the broker: %s",
                              why);
    c->reported_connected = false;
    if (side == BROKER_SESSION_CONSUMER)
        reply_queue_is_lost(c);
}

static void on_reply_queue_deleted(struct crew_client *c) {
    broker_session_report(c->session, CREW_EVENT_WARNING,
                          "the reply queue was deleted; making a new one");
    c->reported_connected = false;
    reply_queue_is_lost(c);
    reply_queue_declare(&c->reply_queue);
}

static void on_op_done(struct crew_client *c, const struct link_op *op) {
    if (op->kind == LINK_PROBE_QUEUE) {
        queue_probe_finish(op);
        return;
    }
    reply_queue_op_done(&c->reply_queue, op);
    publisher_op_done(&c->publisher, op);
}

static void on_event(void *owner, enum broker_session_side side,
                     struct link_event *event) {
    struct crew_client *c = owner;
    switch (event->kind) {
    case LINK_OPEN:
        on_connected(c, side);
        break;
    case LINK_LOST:
        on_disconnected(c, side, text_of(event));
        break;
    case LINK_FAILED:
        reply_queue_note_problem(&c->reply_queue, text_of(event));
        broker_session_report_failure(c->session, side, text_of(event));
        break;
    case LINK_BLOCKED:
        reply_queue_note_problem(&c->reply_queue, text_of(event));
        broker_session_report(c->session, CREW_EVENT_BLOCKED, "%s", text_of(event));
        break;
    case LINK_UNBLOCKED:
        broker_session_report(c->session, CREW_EVENT_UNBLOCKED,
                              "the broker takes messages");
        break;
    case LINK_OP_DONE:
        on_op_done(c, event->op);
        break;
    case LINK_PUBLISHED:
        break; /* the session notifies the publish_waiter */
    case LINK_DELIVERY:
        reply_receive(&c->replies, event->message);
        event->message = NULL;
        break;
    case LINK_CONSUMER_CANCELLED:
        on_reply_queue_deleted(c);
        break;
    case LINK_CHANNEL_CLOSED:
        broker_session_report(c->session, CREW_EVENT_WARNING, "%s", text_of(event));
        break;
    }
    link_event_free(event);
}

static bool on_flush(void *owner) {
    struct crew_client *c = owner;
    report_when_connected(c);
    publisher_flush(&c->publisher);
    bool more = calls_flush(&c->calls);
    return more || publisher_has_new(&c->publisher);
}

/* A callback like the others: without the lock. */
static void report(void *arg, enum crew_event_kind kind, const char *text) {
    struct crew_client *c = arg;
    if (c->on_event == NULL)
        return;
    dispatch_lock_leave(&c->lock);
    c->on_event(c->event_arg, kind, text);
    dispatch_lock_enter(&c->lock);
}

static bool is_ready(const void *owner) {
    const struct crew_client *c = owner;
    return reply_queue_may_publish(&c->reply_queue);
}

/* ---- beginning and end ---- */

static int open_session(struct crew_client *c, const crew_broker *broker,
                        const struct crew_client_options *options) {
    const struct broker_session_options how = {
        .broker = broker,
        .name = options->name == NULL ? "crew" : options->name,
        .handlers = {.on_event = on_event, .on_flush = on_flush, .owner = c},
        .report = report,
        .report_arg = c,
        .caller_driven_io = options->caller_driven_io,
        .defer_confirm_wakeup =
            true, /* that of a request changes nothing for its caller */
    };
    return broker_session_new(&how, &c->session);
}

static void init_parts(struct crew_client *c, const struct crew_client_options *options) {
    size_t max_answer_bytes = options->max_answer_bytes != 0
                                  ? options->max_answer_bytes
                                  : LIMIT_INFLATED_DEFAULT_BYTES;
    const struct calls_options calls = {
        .session = c->session,
        .lock = &c->lock,
        .reply_queue = &c->reply_queue,
        .queue_info = &c->queue_info,
        .instance = c->instance,
        .gzip_above_bytes = options->gzip_above_bytes,
        .max_answer_bytes = max_answer_bytes,
        .max_batch = options->max_batch != 0 ? options->max_batch : DEFAULT_MAX_BATCH,
    };
    random_hex(c->instance, 8);
    c->on_event = options->on_event;
    c->event_arg = options->event_arg;
    reply_queue_init(&c->reply_queue, c->session);
    queue_info_init(&c->queue_info, c->session);
    calls_init(&c->calls, &calls);
    reply_init(&c->replies, c->session, &c->reply_queue, &c->calls, max_answer_bytes);
    publisher_init(&c->publisher, c->session, &c->lock, &c->reply_queue, c->instance);
}

int crew_client_new(const crew_broker *broker, const struct crew_client_options *options,
                    crew_client **client) {
    static const struct crew_client_options defaults;
    if (options == NULL)
        options = &defaults;
    struct crew_client *c = xcalloc(1, sizeof *c);
    int error = open_session(c, broker, options);
    if (error == 0 &&
        (error = dispatch_lock_init(&c->lock, c->session, is_ready, c)) != 0) {
        broker_session_stop(c->session, 0);
        broker_session_free(c->session);
    }
    if (error != 0) {
        free(c);
        return error;
    }
    init_parts(c, options);
    *client = c;
    return 0;
}

/* All that is under way ends, and threads that wait for it return. */
static void close_all(struct crew_client *c) {
    dispatch_lock_close(&c->lock);
    calls_close(&c->calls);
    publisher_close(&c->publisher);
    queue_info_close(&c->queue_info);
    dispatch_lock_drain(&c->lock);
}

void crew_client_free(crew_client *c) {
    if (c == NULL || !dispatch_lock_enter(&c->lock))
        return;
    close_all(c);
    dispatch_lock_leave(&c->lock);
    broker_session_stop(c->session, FLUSH_MS);
    publisher_fini(&c->publisher);
    calls_fini(&c->calls);
    broker_session_free(c->session);
    queue_info_fini(&c->queue_info);
    reply_fini(&c->replies);
    reply_queue_fini(&c->reply_queue);
    dispatch_lock_fini(&c->lock);
    free(c);
}

/* ---- in an event loop ---- */

int crew_client_fd(const crew_client *c) {
    return dispatch_lock_is_ours(&c->lock) ? broker_session_fd(c->session) : -1;
}

void crew_client_dispatch(crew_client *c) {
    if (!dispatch_lock_enter(&c->lock))
        return;
    dispatch_lock_dispatch(&c->lock);
    dispatch_lock_leave(&c->lock);
}

void crew_client_flush(crew_client *c) {
    if (!dispatch_lock_enter(&c->lock))
        return;
    dispatch_lock_flush(&c->lock);
    dispatch_lock_leave(&c->lock);
}

bool crew_client_ready(crew_client *c) {
    if (!dispatch_lock_enter(&c->lock))
        return false;
    bool ready = reply_queue_may_publish(&c->reply_queue);
    dispatch_lock_leave(&c->lock);
    return ready;
}

int crew_client_wait_ready(crew_client *c, uint32_t timeout_ms, char *why,
                           size_t why_bytes) {
    return blocking_wait_ready(&c->lock, &c->reply_queue, timeout_ms, why, why_bytes);
}

/* ---- calls ---- */

int crew_client_stream(crew_client *c, const struct crew_call *from,
                       const struct crew_receiver *receiver, void *arg,
                       crew_pending **pending) {
    if (!dispatch_lock_enter(&c->lock))
        return CREW_ECLOSED;
    struct crew_pending *call;
    int error = call_start(&c->calls, from, receiver, arg, CALLBACK_UNLOCKED, &call);
    if (error == 0 && pending != NULL)
        *pending = call;
    dispatch_lock_leave(&c->lock);
    return error;
}

int crew_client_call(crew_client *c, const struct crew_call *from, crew_answer_fn *fn,
                     void *arg, crew_pending **pending) {
    return crew_client_stream(c, from, &(struct crew_receiver){.ended = fn}, arg,
                              pending);
}

int crew_client_call_wait(crew_client *c, const struct crew_call *call,
                          struct crew_answer **answer) {
    return blocking_call(&c->lock, &c->calls, call, answer);
}

bool crew_client_cancel(crew_client *c, crew_pending *call) {
    if (!dispatch_lock_enter(&c->lock))
        return false;
    bool in_time = !call_has_ended(call);
    if (in_time)
        call_cancel(call);
    dispatch_lock_leave(&c->lock);
    return in_time;
}

void crew_client_credit(crew_client *c, crew_pending *call, size_t bytes) {
    if (!dispatch_lock_enter(&c->lock))
        return;
    call_credit(call, bytes);
    dispatch_lock_leave(&c->lock);
}

/* ---- groups ---- */

int crew_client_group(crew_client *c, const struct crew_group *group, crew_group_fn *fn,
                      void *arg, crew_pending_group **pending) {
    if (!dispatch_lock_enter(&c->lock))
        return CREW_ECLOSED;
    const struct group_receiver receiver = {.fn = fn, .arg = arg};
    struct crew_pending_group *g;
    int error = group_start(&c->calls, &c->lock, group, &receiver, &g);
    if (error == 0 && pending != NULL)
        *pending = g;
    dispatch_lock_leave(&c->lock);
    return error;
}

int crew_client_group_wait(crew_client *c, const struct crew_group *group,
                           struct crew_answer *answers[]) {
    return blocking_group(&c->lock, &c->calls, group, answers);
}

bool crew_client_group_cancel(crew_client *c, crew_pending_group *g) {
    if (!dispatch_lock_enter(&c->lock))
        return false;
    bool in_time = group_cancel(g);
    dispatch_lock_leave(&c->lock);
    return in_time;
}

/* ---- publishing ---- */

int crew_client_publish(crew_client *c, const struct crew_publication *publication,
                        crew_published_fn *fn, void *arg) {
    if (!dispatch_lock_enter(&c->lock))
        return CREW_ECLOSED;
    const struct published_receiver to = {
        .fn = fn, .arg = arg, .locking = CALLBACK_UNLOCKED};
    int error = publisher_publish(&c->publisher, publication, &to, NULL);
    dispatch_lock_leave(&c->lock);
    return error;
}

int crew_client_publish_wait(crew_client *c, const struct crew_publication *publication,
                             char id[CREW_PUBLICATION_ID_BYTES]) {
    return blocking_publish(&c->lock, &c->publisher, publication, id);
}

/* ---- queues ---- */

int crew_client_queue_wait(crew_client *c, const char *task, uint32_t timeout_ms,
                           struct crew_queue *queue) {
    return queue_info_wait(&c->queue_info, &c->lock, task, timeout_ms, queue);
}
