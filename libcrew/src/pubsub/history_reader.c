/* Design notes. After each connection the last message is read once more, to find out
 * what has happened to the stream in between (pubsub/stream_resume.h). A consumer that
 * begins after the end of a stream gets nothing until the stream has grown that far, so
 * silence means that it is another stream.
 *
 * A marker is sent after connecting and when a subscription requests one, at most one per
 * second.
 *
 * basic.reject on a stream closes the connection in RabbitMQ, so all deliveries are
 * acked.
 */
#include "pubsub/history_reader.h"

#include "base/clock.h"
#include "session/topology.h"
#include "wire/broker_names.h"
#include "wire/channel_name.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFETCH 1000
#define MARKER_EVERY_MS 1000
#define SILENCE_MS 2000
#define RETRY_MS 5000
#define STREAM_RETRY_MS 250
/* So many connections may be lost in a row while the stream is declared. One may be lost
 * because another reader declares it at the same time. */
#define REFUSALS_MAX 3
#define MARKER_TYPE "crew.marker"

/* The reader that TIMER, at OFFSET in it, belongs to. */
static struct history_reader *reader_of(struct broker_session_timer *timer,
                                        size_t offset) {
    return (struct history_reader *)((char *)timer - offset);
}

static bool is_reading(const struct history_reader *r) {
    return r->state >= HISTORY_READER_RESUMING;
}

static const char *queue_of(const struct history_reader *r) {
    return r->source == HISTORY_READER_STREAM ? NAME_HISTORY : r->own_queue;
}

static void step(struct history_reader *r, struct link_op *op) {
    broker_session_op(r->session, BROKER_SESSION_CONSUMER, op);
}

/* ---- markers ---- */

static void send_marker(struct history_reader *r) {
    if (!is_reading(r) || r->source != HISTORY_READER_STREAM)
        return;
    char id[MARKER_ID_BYTES];
    markers_next(&r->markers, id);
    struct message_properties p = {.exchange = "",
                                   .routing_key = NAME_HISTORY,
                                   .type = MARKER_TYPE,
                                   .message_id = id,
                                   .persistent = true};
    broker_session_publish(r->session, message_new(&p));
    broker_session_timer_set(r->session, &r->marker_timer, clock_ms() + MARKER_EVERY_MS);
}

static void on_marker_timer(struct broker_session_timer *timer) {
    struct history_reader *r =
        reader_of(timer, offsetof(struct history_reader, marker_timer));
    if (markers_are_due(&r->markers))
        send_marker(r);
}

/* An own queue has nothing to read behind when it is live. */
uint64_t history_reader_request_marker(struct history_reader *r) {
    if (r->source == HISTORY_READER_OWN_QUEUE && r->state == HISTORY_READER_LIVE)
        return r->markers.received;
    if (!broker_session_timer_is_set(&r->marker_timer))
        broker_session_timer_set(r->session, &r->marker_timer, clock_ms());
    return markers_request(&r->markers);
}

static void report_markers(struct history_reader *r) {
    r->handlers.on_marker(r->handlers.arg, r->markers.received);
}

static void become_live(struct history_reader *r) {
    if (r->state != HISTORY_READER_LIVE)
        broker_session_report(r->session, CREW_EVENT_CONNECTED, "connected to %s, %s",
                              broker_session_address(r->session),
                              r->source == HISTORY_READER_STREAM ? "the history is read"
                                                                 : "without a history");
    r->state = HISTORY_READER_LIVE;
    report_markers(r);
}

static void receive_marker(struct history_reader *r, const struct message *m) {
    uint64_t number = markers_receive(&r->markers, m->p.message_id);
    if (number == 0)
        return;
    if (number >= r->live_marker)
        become_live(r);
    else
        report_markers(r);
}

/* ---- topology ---- */

static void consume(struct history_reader *r) {
    bool stream = r->source == HISTORY_READER_STREAM;
    uint64_t next_cursor = history_next_cursor(r->history);
    struct link_op *consume = topology_consume(queue_of(r), !stream);
    if (stream && next_cursor > 0)
        link_op_number(consume, "x-stream-offset", (int64_t)next_cursor - 1);
    else if (stream)
        link_op_text(consume, "x-stream-offset", "first");
    step(r, consume);
}

static void declare(struct history_reader *r) {
    r->state = HISTORY_READER_DECLARING;
    step(r, topology_pubsub());
    step(r, r->source == HISTORY_READER_STREAM
                ? topology_history(history_max_bytes(r->history),
                                   history_max_age_ms(r->history) / 1000)
                : topology_exclusive_queue(r->own_queue));
    step(r, topology_bind_all_publications(queue_of(r)));
    step(r, topology_prefetch(PREFETCH, true));
    consume(r);
}

static void on_retry_timer(struct broker_session_timer *timer) {
    struct history_reader *r =
        reader_of(timer, offsetof(struct history_reader, retry_timer));
    if (r->state == HISTORY_READER_DECLARING)
        declare(r);
}

/* ---- starting to read ---- */

static void restart_history(struct history_reader *r, uint64_t cursor) {
    r->handlers.on_restart(r->handlers.arg);
    history_restart(r->history, cursor);
}

static void read_from_the_beginning(struct history_reader *r) {
    restart_history(r, 0);
    r->state = HISTORY_READER_DECLARING;
    step(r, link_op_new(LINK_CANCEL, queue_of(r)));
    consume(r);
}

static void use_own_queue(struct history_reader *r, const char *why) {
    broker_session_report(r->session, CREW_EVENT_WARNING,
                          "the broker keeps no history (%s): cursors are valid for this "
                          "connection only",
                          why);
    r->source = HISTORY_READER_OWN_QUEUE;
    declare(r);
}

static void on_silence_timer(struct broker_session_timer *timer) {
    struct history_reader *r =
        reader_of(timer, offsetof(struct history_reader, silence_timer));
    if (r->state == HISTORY_READER_RESUMING)
        read_from_the_beginning(r);
}

/* Cursors start at the time of day, so that those of other connections are out of
 * range. */
static void begin_own_queue(struct history_reader *r) {
    r->refusals = REFUSALS_MAX - 1;
    restart_history(r, clock_unix_ms() * 1000);
    markers_skip(&r->markers);
    become_live(r);
}

static void begin_stream(struct history_reader *r) {
    bool resume = history_next_cursor(r->history) > 0;
    r->refusals = 0;
    r->state = resume ? HISTORY_READER_RESUMING : HISTORY_READER_READING;
    if (resume)
        broker_session_timer_set(r->session, &r->silence_timer, clock_ms() + SILENCE_MS);
    send_marker(r);
    r->live_marker = r->markers.sent;
}

/* ---- deliveries ---- */

static const char *id_of(const struct message *m) {
    return m->p.message_id != NULL ? m->p.message_id : "";
}

/* Handle the first delivery of a connection. True: it is to be read. */
static bool resume(struct history_reader *r, const struct message *m, uint64_t cursor) {
    enum stream_resume how =
        stream_resume(history_next_cursor(r->history) - 1, r->last_id, cursor, id_of(m));
    if (how == STREAM_IS_ANOTHER) {
        read_from_the_beginning(r);
        return false;
    }
    r->state = HISTORY_READER_READING;
    broker_session_timer_clear(r->session, &r->silence_timer);
    if (how == STREAM_HAS_GAP)
        restart_history(r, 0);
    return how == STREAM_HAS_GAP;
}

static uint64_t age_ms(const struct message *m) {
    uint64_t now_ms = clock_unix_ms();
    uint64_t then_ms = m->p.timestamp_s == 0 ? now_ms : m->p.timestamp_s * 1000;
    return then_ms < now_ms ? now_ms - then_ms : 0;
}

static void set_expiry(struct history_reader *r, uint64_t at_ms) {
    if (at_ms != 0)
        broker_session_timer_set(r->session, &r->expiry_timer, at_ms);
}

static void on_expiry_timer(struct broker_session_timer *timer) {
    struct history_reader *r =
        reader_of(timer, offsetof(struct history_reader, expiry_timer));
    set_expiry(r, history_expire(r->history, clock_ms()));
}

/* False for what did not come through the exchange, and for a routing key that is not a
 * valid channel. */
static bool is_publication(const struct message *m) {
    return !m->unreadable && strcmp(m->p.exchange, NAME_PUBSUB) == 0 &&
           channel_name_valid(m->p.routing_key, strlen(m->p.routing_key));
}

/* Takes ownership of M. */
static void read_message(struct history_reader *r, struct message *m, uint64_t cursor) {
    snprintf(r->last_id, sizeof r->last_id, "%s", id_of(m));
    if (is_publication(m)) {
        const struct history_entry *entry = history_add(r->history, m, cursor, age_ms(m));
        if (entry == NULL)
            return;
        if (!broker_session_timer_is_set(&r->expiry_timer))
            set_expiry(r, entry->expires_ms);
        r->handlers.on_entry(r->handlers.arg, entry);
        return;
    }
    history_skip(r->history, cursor);
    if (r->source == HISTORY_READER_STREAM && m->p.type != NULL &&
        strcmp(m->p.type, MARKER_TYPE) == 0)
        receive_marker(r, m);
    message_free(m);
}

static void receive_from_stream(struct history_reader *r, struct message *m) {
    const struct message_header *offset = message_header(m, "x-stream-offset");
    broker_session_ack(r->session, m);
    if (offset == NULL || offset->text != NULL) {
        step(r, link_op_new(LINK_CANCEL, NAME_HISTORY));
        use_own_queue(r, NAME_HISTORY " is not a stream");
        message_free(m);
        return;
    }
    uint64_t cursor = (uint64_t)offset->number;
    bool wanted = r->state != HISTORY_READER_RESUMING || resume(r, m, cursor);
    if (wanted && cursor >= history_next_cursor(r->history))
        read_message(r, m, cursor);
    else
        message_free(m);
}

/* Deliveries of a cancelled consumer are ignored. */
static void receive(struct history_reader *r, struct message *m) {
    bool current = is_reading(r) && strcmp(m->consumer, queue_of(r)) == 0;
    if (!current) {
        if (strcmp(m->consumer, NAME_HISTORY) == 0)
            broker_session_ack(r->session, m);
        message_free(m);
    } else if (r->source == HISTORY_READER_STREAM) {
        receive_from_stream(r, m);
    } else {
        read_message(r, m, history_next_cursor(r->history));
    }
}

/* ---- events ---- */

static void disconnected(struct history_reader *r, const char *why) {
    if (is_reading(r))
        broker_session_report(r->session, CREW_EVENT_DISCONNECTED, "lost the broker: %s",
                              why);
    if (r->state == HISTORY_READER_DECLARING && r->source == HISTORY_READER_STREAM) {
        r->refusals++;
        broker_session_report(r->session, CREW_EVENT_WARNING,
                              "cannot declare the history: %s", why);
    }
    r->state = HISTORY_READER_DISCONNECTED;
    broker_session_timer_clear(r->session, &r->silence_timer);
    broker_session_timer_clear(r->session, &r->retry_timer);
}

/* Each connection tries the stream first, as it may be to another broker. RabbitMQ with
 * streams turned off closes the connection (541). */
static void link_open(struct history_reader *r) {
    if (r->state == HISTORY_READER_DISCONNECTED && broker_session_is_open(r->session)) {
        if (r->source == HISTORY_READER_OWN_QUEUE)
            restart_history(r, 0);
        r->source =
            r->refusals < REFUSALS_MAX ? HISTORY_READER_STREAM : HISTORY_READER_OWN_QUEUE;
        r->down_since_ms = 0;
        declare(r);
    }
}

static void op_refused(struct history_reader *r, const struct link_op *op) {
    char text[480];
    topology_describe(op, text, sizeof text);
    broker_session_report(r->session, CREW_EVENT_WARNING, "%s", text);
    broker_session_timer_set(r->session, &r->retry_timer, clock_ms() + RETRY_MS);
}

/* A broker that has just started does not find its streams for a moment (404). When that
 * lasts, the reader uses a queue of its own. */
static void stream_refused(struct history_reader *r, const struct link_op *op) {
    uint64_t now_ms = clock_ms();
    if (r->down_since_ms == 0)
        r->down_since_ms = now_ms;
    if (topology_is_down(op) && now_ms - r->down_since_ms < TOPOLOGY_DOWN_MS) {
        broker_session_timer_set(r->session, &r->retry_timer, now_ms + STREAM_RETRY_MS);
        return;
    }
    char text[480];
    topology_describe(op, text, sizeof text);
    use_own_queue(r, text);
}

static bool is_about(const struct link_op *op, enum link_op_kind kind, const char *name) {
    return op->kind == kind && strcmp(op->name, name) == 0;
}

static void warn_foreign(struct history_reader *r, const struct link_op *op) {
    if (r->warned_foreign)
        return;
    r->warned_foreign = true;
    char text[256];
    topology_describe(op, text, sizeof text);
    broker_session_report(r->session, CREW_EVENT_WARNING, "%s", text);
}

/* An operation on the queue that is not used any more. */
static bool is_stale(const struct history_reader *r, const struct link_op *op) {
    bool about_a_queue = op->kind == LINK_DECLARE_QUEUE || op->kind == LINK_BIND ||
                         op->kind == LINK_CONSUME || op->kind == LINK_CANCEL;
    return about_a_queue && strcmp(op->name, queue_of(r)) != 0;
}

static void op_done(struct history_reader *r, const struct link_op *op) {
    bool lost = !op->ok && op->reply_code == 0;
    if (lost || r->state != HISTORY_READER_DECLARING || is_stale(r, op))
        return;
    if (op->ok && op->foreign)
        warn_foreign(r, op);
    if (!op->ok && r->source == HISTORY_READER_STREAM &&
        is_about(op, LINK_DECLARE_QUEUE, NAME_HISTORY))
        stream_refused(r, op);
    else if (!op->ok && !broker_session_timer_is_set(&r->retry_timer))
        op_refused(r, op);
    else if (op->ok && is_about(op, LINK_CONSUME, queue_of(r)))
        r->source == HISTORY_READER_STREAM ? begin_stream(r) : begin_own_queue(r);
}

static const char *text_of(const struct link_event *event) {
    return event->text == NULL ? "no reason given" : event->text;
}

void history_reader_event(struct history_reader *r, enum broker_session_side side,
                          struct link_event *event) {
    switch (event->kind) {
    case LINK_OPEN:
        link_open(r);
        break;
    case LINK_LOST:
        r->has_failed = true;
        if (side == BROKER_SESSION_CONSUMER)
            disconnected(r, text_of(event));
        break;
    case LINK_FAILED:
        r->has_failed = true;
        broker_session_report_failure(r->session, side, text_of(event));
        break;
    case LINK_DELIVERY:
        receive(r, event->message);
        event->message = NULL;
        break;
    case LINK_OP_DONE:
        op_done(r, event->op);
        break;
    case LINK_CONSUMER_CANCELLED: /* the queue was deleted */
        if (is_reading(r) && strcmp(event->text, queue_of(r)) == 0)
            declare(r);
        break;
    case LINK_CHANNEL_CLOSED:
        broker_session_report(r->session, CREW_EVENT_WARNING, "%s", text_of(event));
        break;
    case LINK_PUBLISHED:
    case LINK_BLOCKED: /* reading is still possible */
    case LINK_UNBLOCKED:
        break;
    }
    link_event_free(event);
}

/* ---- public ---- */

void history_reader_init(struct history_reader *r, struct broker_session *session,
                         struct history *history,
                         const struct history_reader_handlers *handlers) {
    *r = (struct history_reader){
        .session = session,
        .history = history,
        .handlers = *handlers,
        .marker_timer.fire = on_marker_timer,
        .silence_timer.fire = on_silence_timer,
        .retry_timer.fire = on_retry_timer,
        .expiry_timer.fire = on_expiry_timer,
    };
    markers_init(&r->markers);
    snprintf(r->own_queue, sizeof r->own_queue, "%s.%s", NAME_HISTORY, r->markers.sender);
}

enum history_reader_state history_reader_state(const struct history_reader *r) {
    return r->state;
}

bool history_reader_has_failed(const struct history_reader *r) {
    return r->has_failed;
}

uint64_t history_reader_marker(const struct history_reader *r) {
    return r->markers.received;
}
