/* A client: its connections and its reply queue. Calls are in client_call.c.
 *
 * Nothing is published before the reply queue of the present connection is declared,
 * bound to the dead-letter exchange and consumed, so that no answer and no dead letter is
 * missed.
 */
#include "client/client_internal.h"

#include "base/clock.h"
#include "base/fork.h"
#include "base/random.h"
#include "base/xalloc.h"
#include "session/topology.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TOPOLOGY_RETRY_MS 2000u
#define WARNINGS_EVERY_MS 1000u
#define FLUSH_MS 1000u
#define DEFAULT_MAX_BATCH 32u

bool client_ready(const struct crew_client *c) {
    return c->replies_ready && broker_session_is_open(&c->session);
}

bool client_takes_calls(const struct crew_client *c) {
    return client_ready(c) && !broker_session_is_blocked(&c->session);
}

/* A peer can make these happen as often as it likes. */
void client_warn(struct crew_client *c, const char *format, ...) {
    uint64_t now_ms = clock_ms();
    if (now_ms - c->reported_ms < WARNINGS_EVERY_MS)
        return;
    c->reported_ms = now_ms;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    broker_session_report(&c->session, CREW_EVENT_WARNING, "%s", text);
}

/* ---- topology ---- */

static void declare_reply_queue(struct crew_client *c) {
    struct broker_session *s = &c->session;
    char name[sizeof NAME_REPLY_QUEUE_PREFIX + UUID_BYTES];
    char uuid[UUID_BYTES];
    random_uuid(uuid);
    snprintf(name, sizeof name, "%s%s", NAME_REPLY_QUEUE_PREFIX, uuid);
    free(c->reply_queue);
    c->reply_queue = xstrdup(name);
    broker_session_op(s, BROKER_SESSION_CONSUMER, topology_dlx());
    broker_session_op(s, BROKER_SESSION_CONSUMER, topology_control());
    broker_session_op(s, BROKER_SESSION_CONSUMER, topology_exclusive_queue(name));
    broker_session_op(s, BROKER_SESSION_CONSUMER, topology_bind_dead_letters(name));
    broker_session_op(s, BROKER_SESSION_CONSUMER, topology_consume(name, true));
}

static void retry_topology(struct broker_session_timer *timer) {
    struct crew_client *c =
        (struct crew_client *)((char *)timer - offsetof(struct crew_client, retry));
    if (!c->replies_ready &&
        broker_session_epoch(&c->session, BROKER_SESSION_CONSUMER) != 0)
        declare_reply_queue(c);
}

static bool is_about_reply_queue(const struct crew_client *c, const struct link_op *op) {
    return c->reply_queue != NULL && strcmp(op->name, c->reply_queue) == 0;
}

static void note_trouble(struct crew_client *c, const char *why) {
    snprintf(c->trouble, sizeof c->trouble, "%s", why);
}

static void topology_failed(struct crew_client *c, const struct link_op *op) {
    char text[480];
    topology_describe(op, text, sizeof text);
    note_trouble(c, text);
    broker_session_report(&c->session, CREW_EVENT_WARNING, "%s", text);
    broker_session_timer_set(&c->session, &c->retry, clock_ms() + TOPOLOGY_RETRY_MS);
}

static void warn_foreign(struct crew_client *c, const struct link_op *op) {
    if (c->warned_foreign)
        return;
    c->warned_foreign = true;
    char text[256];
    topology_describe(op, text, sizeof text);
    broker_session_report(&c->session, CREW_EVENT_WARNING, "%s", text);
}

static void say_when_ready(struct crew_client *c) {
    if (c->said_ready || !client_ready(c))
        return;
    c->said_ready = true;
    broker_session_report(&c->session, CREW_EVENT_CONNECTED, "connected to %s",
                          broker_session_address(&c->session));
}

static void op_done(struct crew_client *c, struct link_op *op) {
    if (op->kind == LINK_PROBE_QUEUE) {
        struct queue_probe *probe = op->owner;
        probe->answered(probe, op);
    }
    if (op->ok && op->foreign)
        warn_foreign(c, op);
    if (!op->ok && op->reply_code != 0 && op->kind != LINK_PROBE_QUEUE)
        topology_failed(c, op);
    if (op->kind == LINK_DECLARE_EXCHANGE && strcmp(op->name, NAME_PUBSUB) == 0)
        publications_note_exchange(c, op);
    if (op->ok && op->kind == LINK_CONSUME && is_about_reply_queue(c, op))
        c->replies_ready = true;
    link_op_free(op);
}

/* ---- events of the links ---- */

static void link_down(struct crew_client *c, enum broker_session_side side,
                      const char *why) {
    note_trouble(c, why);
    if (c->said_ready)
        broker_session_report(&c->session, CREW_EVENT_DISCONNECTED, "lost the broker: %s",
                              why);
    c->said_ready = false;
    if (side == BROKER_SESSION_CONSUMER) {
        c->replies_ready = false;
        calls_reply_queue_lost(c);
    }
}

static void reply_queue_gone(struct crew_client *c) {
    broker_session_report(&c->session, CREW_EVENT_WARNING,
                          "the reply queue was deleted; making a new one");
    c->replies_ready = false;
    c->said_ready = false;
    calls_reply_queue_lost(c);
    declare_reply_queue(c);
}

static const char *text_of(const struct link_event *event) {
    return event->text == NULL ? "no reason given" : event->text;
}

static void declare(struct crew_client *c, enum broker_session_side side) {
    if (side == BROKER_SESSION_CONSUMER) {
        declare_reply_queue(c);
        return;
    }
    broker_session_op(&c->session, side, topology_control());
    publications_declare_exchange(c);
}

static void on_event(void *owner, enum broker_session_side side,
                     struct link_event *event) {
    struct crew_client *c = owner;
    switch (event->kind) {
    case LINK_OPEN:
        declare(c, side);
        break;
    case LINK_LOST:
        link_down(c, side, text_of(event));
        break;
    case LINK_FAILED:
        note_trouble(c, text_of(event));
        broker_session_report_failure(&c->session, side, text_of(event));
        break;
    case LINK_BLOCKED:
        note_trouble(c, text_of(event));
        broker_session_report(&c->session, CREW_EVENT_BLOCKED, "%s", text_of(event));
        break;
    case LINK_UNBLOCKED:
        broker_session_report(&c->session, CREW_EVENT_UNBLOCKED,
                              "the broker takes messages");
        break;
    case LINK_OP_DONE:
        op_done(c, event->op);
        event->op = NULL;
        break;
    case LINK_PUBLISHED:
        break; /* the session notifies the publish_waiter */
    case LINK_DELIVERY:
        client_receive(c, event->message);
        event->message = NULL;
        break;
    case LINK_CONSUMER_CANCELLED:
        reply_queue_gone(c);
        break;
    case LINK_CHANNEL_CLOSED:
        broker_session_report(&c->session, CREW_EVENT_WARNING, "%s", text_of(event));
        break;
    }
    link_event_free(event);
}

static bool on_flush(void *owner) {
    struct crew_client *c = owner;
    say_when_ready(c);
    publications_flush(c);
    return calls_flush(c) || c->publications.has_new;
}

/* A callback like the others: without the lock. */
static void report(void *arg, enum crew_event_kind kind, const char *text) {
    struct crew_client *c = arg;
    if (c->on_event == NULL)
        return;
    client_leave(c);
    c->on_event(c->event_arg, kind, text);
    client_enter(c);
}

/* ---- public ---- */

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
            true, /* a confirm changes nothing that the caller can see */
    };
    return broker_session_init(&c->session, &how);
}

int crew_client_new(const crew_broker *broker, const struct crew_client_options *options,
                    crew_client **client) {
    static const struct crew_client_options defaults;
    if (options == NULL)
        options = &defaults;
    struct crew_client *c = xcalloc(1, sizeof *c);
    random_hex(c->instance, 8);
    c->gzip_above_bytes = options->gzip_above_bytes;
    c->max_answer_bytes = options->max_answer_bytes != 0 ? options->max_answer_bytes
                                                         : LIMIT_INFLATED_DEFAULT_BYTES;
    c->max_batch = options->max_batch != 0 ? options->max_batch : DEFAULT_MAX_BATCH;
    c->on_event = options->on_event;
    c->event_arg = options->event_arg;
    c->retry.fire = retry_topology;
    publications_init(c);
    note_trouble(c, "still connecting");
    int error = client_turn_init(c);
    if (error == 0 && (error = open_session(c, broker, options)) != 0)
        client_turn_fini(c);
    if (error != 0) {
        free(c);
        return error;
    }
    *client = c;
    return 0;
}

int crew_client_fd(const crew_client *c) {
    return c->born_in == fork_generation() ? broker_session_fd(&c->session) : -1;
}

void crew_client_dispatch(crew_client *c) {
    if (!client_enter(c))
        return;
    client_dispatch(c);
    client_leave(c);
}

void crew_client_flush(crew_client *c) {
    if (!client_enter(c))
        return;
    if (broker_session_has_pending_flush(&c->session) && client_turn_try(c)) {
        broker_session_flush(&c->session);
        client_turn_give(c);
    }
    client_leave(c);
}

bool crew_client_ready(crew_client *c) {
    if (!client_enter(c))
        return false;
    bool ready = client_takes_calls(c);
    client_leave(c);
    return ready;
}

/* Whatever is under way ends, and who waits for it comes back. */
static void end_all(struct crew_client *c) {
    client_turn_take(c);
    c->closing = true;
    while (c->calls != NULL) {
        struct crew_pending *call = c->calls;
        call_take_back(call);
        call_fail(call, CREW_ECLOSED);
    }
    publications_end(c);
    queue_looks_end(c);
    client_turn_give(c);
    client_wait_for_leavers(c);
}

void crew_client_free(crew_client *c) {
    if (c == NULL || !client_enter(c))
        return;
    end_all(c);
    client_leave(c);
    broker_session_stop(&c->session, FLUSH_MS);
    publications_fini(c);
    parcels_fini(c);
    lanes_fini(c);
    broker_session_fini(&c->session);
    consumers_fini(c);
    queue_looks_fini(c);
    buffer_fini(&c->pairs);
    free(c->reply_queue);
    client_turn_fini(c);
    free(c);
}
