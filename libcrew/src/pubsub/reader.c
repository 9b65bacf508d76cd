/* The reader: the history that the broker keeps, from the queue into memory.
 *
 * Design notes. What was read last is read once more after each connection: the same
 * message at the same cursor means that it is the same history, and it goes on behind it.
 * A later one means that the broker has dropped what is between: a gap. Another one, or
 * none (a consumer that begins behind the end of a stream hears nothing before it has
 * grown that far), means that this is another history: it is read from its beginning.
 *
 * The broker does not say where a stream ends. So the reader sends a message of its own,
 * a marker, straight into the queue: when it comes back, all that was confirmed before it
 * was sent has been read. Nobody else sees it. A marker is sent after connecting and when
 * a subscription has to know, at most one in a second.
 *
 * A stream knows no reject (RabbitMQ closes the connection): all is acked.
 */
#include "pubsub/subscriber_internal.h"

#include "base/clock.h"
#include "base/random.h"
#include "session/topology.h"
#include "wire/broker_names.h"
#include "wire/channel_name.h"
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFETCH 1000
#define MARKER_EVERY_MS 1000
#define SILENCE_MS 2000
#define RETRY_MS 5000
#define STREAM_RETRY_MS 250
/* Connections lost one after the other over the declare. One may be lost to another
 * reader who makes the same stream at the same time. */
#define REFUSALS_MAX 3
#define MARKER_TYPE "crew.marker"

static struct crew_subscriber *subscriber_of(struct broker_session_timer *timer,
                                             size_t place_in_reader) {
    return (struct crew_subscriber *)((char *)timer - place_in_reader -
                                      offsetof(struct crew_subscriber, reader));
}

static bool is_reading(const struct reader *r) {
    return r->state >= READER_RESUMING;
}

static const char *queue_of(const struct reader *r) {
    return r->source == READER_STREAM ? NAME_HISTORY : r->own_queue;
}

static void step(struct crew_subscriber *s, struct link_op *op) {
    broker_session_op(&s->session, BROKER_SESSION_CONSUMER, op);
}

/* ---- the marker ---- */

static void send_marker(struct crew_subscriber *s) {
    struct reader *r = &s->reader;
    if (!is_reading(r) || r->source != READER_STREAM)
        return;
    char id[64];
    snprintf(id, sizeof id, "%s:%" PRIu64, r->id, ++r->marker_sent);
    struct message_properties p = {.exchange = "",
                                   .routing_key = NAME_HISTORY,
                                   .type = MARKER_TYPE,
                                   .message_id = id,
                                   .persistent = true};
    broker_session_publish(&s->session, message_new(&p));
    broker_session_timer_set(&s->session, &r->marker, clock_ms() + MARKER_EVERY_MS);
}

/* Another one was asked for, or the last one has not come back: it may be lost. */
static void marker_is_due(struct broker_session_timer *timer) {
    struct crew_subscriber *s = subscriber_of(timer, offsetof(struct reader, marker));
    struct reader *r = &s->reader;
    if (r->marker_asked > r->marker_sent || r->marker_sent > r->marker_seen)
        send_marker(s);
}

uint64_t reader_ask(struct crew_subscriber *s) {
    struct reader *r = &s->reader;
    if (r->source == READER_OWN && r->state == READER_LIVE)
        return r->marker_seen;
    r->marker_asked = r->marker_sent + 1;
    if (!deadline_is_set(&r->marker.deadline))
        broker_session_timer_set(&s->session, &r->marker, clock_ms());
    return r->marker_asked;
}

static void become_live(struct crew_subscriber *s) {
    struct reader *r = &s->reader;
    if (r->state != READER_LIVE)
        broker_session_report(
            &s->session, CREW_EVENT_CONNECTED, "connected to %s, %s", broker_session_address(&s->session),
            r->source == READER_STREAM ? "the history is read" : "without a history");
    r->state = READER_LIVE;
    subscriptions_place(s);
}

/* Those of other readers, and of this one before it was started anew, have another id. */
static void receive_marker(struct crew_subscriber *s, const struct message *m) {
    struct reader *r = &s->reader;
    size_t id_bytes = strlen(r->id);
    const char *id = m->p.message_id;
    if (id == NULL || strncmp(id, r->id, id_bytes) != 0 || id[id_bytes] != ':')
        return;
    uint64_t number = strtoull(id + id_bytes + 1, NULL, 10);
    if (number > r->marker_seen)
        r->marker_seen = number;
    if (number >= r->marker_live)
        become_live(s);
    else
        subscriptions_place(s);
}

/* ---- topology ---- */

static void consume(struct crew_subscriber *s) {
    struct reader *r = &s->reader;
    bool stream = r->source == READER_STREAM;
    struct link_op *consume = topology_consume(queue_of(r), !stream);
    if (stream && s->history.next_cursor > 0)
        link_op_number(consume, "x-stream-offset", (int64_t)s->history.next_cursor - 1);
    else if (stream)
        link_op_text(consume, "x-stream-offset", "first");
    step(s, consume);
}

static void declare(struct crew_subscriber *s) {
    struct reader *r = &s->reader;
    const struct history *h = &s->history;
    r->state = READER_DECLARING;
    step(s, topology_pubsub());
    step(s, r->source == READER_STREAM
                ? topology_history(h->max_bytes, h->max_age_ms / 1000)
                : topology_exclusive_queue(r->own_queue));
    step(s, topology_bind_all_publications(queue_of(r)));
    step(s, topology_prefetch(PREFETCH, true));
    consume(s);
}

static void try_again(struct broker_session_timer *timer) {
    struct crew_subscriber *s = subscriber_of(timer, offsetof(struct reader, retry));
    if (s->reader.state == READER_DECLARING)
        declare(s);
}

/* ---- one history after another ---- */

/* All that was known is past, and who waited for more has perhaps missed something. */
static void forget_history(struct crew_subscriber *s, uint64_t begin) {
    subscriptions_restart(s);
    history_restart(&s->history, begin);
}

static void read_from_the_beginning(struct crew_subscriber *s) {
    forget_history(s, 0);
    s->reader.state = READER_DECLARING;
    step(s, link_op_new(LINK_CANCEL, queue_of(&s->reader)));
    consume(s);
}

static void stay_without_streams(struct crew_subscriber *s, const char *why) {
    struct reader *r = &s->reader;
    broker_session_report(&s->session, CREW_EVENT_WARNING,
                          "the broker keeps no history (%s): cursors are good for this "
                          "connection only",
                          why);
    r->source = READER_OWN;
    declare(s);
}

static void silence(struct broker_session_timer *timer) {
    struct crew_subscriber *s = subscriber_of(timer, offsetof(struct reader, silence));
    if (s->reader.state == READER_RESUMING)
        read_from_the_beginning(s);
}

/* Cursors count from the clock, so that those of another connection are out of range. */
static void begin_own(struct crew_subscriber *s) {
    struct reader *r = &s->reader;
    r->refusals = REFUSALS_MAX - 1;
    forget_history(s, clock_unix_ms() * 1000);
    r->marker_seen = ++r->marker_sent;
    become_live(s);
}

static void begin_stream(struct crew_subscriber *s) {
    struct reader *r = &s->reader;
    bool resume = s->history.next_cursor > 0;
    r->refusals = 0;
    r->state = resume ? READER_RESUMING : READER_READING;
    if (resume)
        broker_session_timer_set(&s->session, &r->silence, clock_ms() + SILENCE_MS);
    send_marker(s);
    r->marker_live = r->marker_sent;
}

/* ---- deliveries ---- */

static const char *id_of(const struct message *m) {
    return m->p.message_id != NULL ? m->p.message_id : "";
}

/* The first message after a connection. False: it is not to be looked at further. */
static bool resume(struct crew_subscriber *s, const struct message *m, uint64_t cursor) {
    struct reader *r = &s->reader;
    uint64_t last = s->history.next_cursor - 1;
    bool same = strncmp(id_of(m), r->last_id, sizeof r->last_id - 1) == 0;
    if (cursor < last || (cursor == last && !same)) {
        read_from_the_beginning(s);
        return false;
    }
    r->state = READER_READING;
    broker_session_timer_clear(&s->session, &r->silence);
    if (cursor > last)
        forget_history(s, 0);
    return cursor > last;
}

static uint64_t age_ms(const struct message *m) {
    uint64_t now_ms = clock_unix_ms();
    uint64_t then_ms = m->p.timestamp_s == 0 ? now_ms : m->p.timestamp_s * 1000;
    return then_ms < now_ms ? now_ms - then_ms : 0;
}

static void set_expiry(struct crew_subscriber *s, uint64_t at_ms) {
    if (at_ms != 0)
        broker_session_timer_set(&s->session, &s->reader.expiry, at_ms);
}

static void expire(struct broker_session_timer *timer) {
    struct crew_subscriber *s = subscriber_of(timer, offsetof(struct reader, expiry));
    set_expiry(s, history_expire(&s->history, clock_ms()));
}

/* What came by another way than through the exchange, or to something that is no channel,
 * was not published. */
static bool was_published(const struct message *m) {
    return !m->unreadable && strcmp(m->p.exchange, NAME_PUBSUB) == 0 &&
           channel_name_valid(m->p.routing_key, strlen(m->p.routing_key));
}

/* Takes M over. */
static void read_message(struct crew_subscriber *s, struct message *m, uint64_t cursor) {
    struct reader *r = &s->reader;
    snprintf(r->last_id, sizeof r->last_id, "%s", id_of(m));
    if (was_published(m)) {
        const struct kept *kept = history_add(&s->history, m, cursor, age_ms(m));
        if (kept == NULL)
            return;
        if (!deadline_is_set(&r->expiry.deadline))
            set_expiry(s, kept->expires_ms);
        subscriptions_tell(s, kept);
        return;
    }
    history_pass(&s->history, cursor);
    if (r->source == READER_STREAM && m->p.type != NULL &&
        strcmp(m->p.type, MARKER_TYPE) == 0)
        receive_marker(s, m);
    message_free(m);
}

static void receive_from_stream(struct crew_subscriber *s, struct message *m) {
    struct reader *r = &s->reader;
    const struct message_header *offset = message_header(m, "x-stream-offset");
    broker_session_ack(&s->session, m);
    if (offset == NULL || offset->text != NULL) {
        step(s, link_op_new(LINK_CANCEL, NAME_HISTORY));
        stay_without_streams(s, NAME_HISTORY " is no stream");
        message_free(m);
        return;
    }
    uint64_t cursor = (uint64_t)offset->number;
    bool wanted = r->state != READER_RESUMING || resume(s, m, cursor);
    if (wanted && cursor >= s->history.next_cursor)
        read_message(s, m, cursor);
    else
        message_free(m);
}

/* A consumer that was given up may still have some. */
static void receive(struct crew_subscriber *s, struct message *m) {
    struct reader *r = &s->reader;
    bool current = is_reading(r) && strcmp(m->consumer, queue_of(r)) == 0;
    if (!current) {
        if (strcmp(m->consumer, NAME_HISTORY) == 0)
            broker_session_ack(&s->session, m);
        message_free(m);
    } else if (r->source == READER_STREAM) {
        receive_from_stream(s, m);
    } else {
        read_message(s, m, s->history.next_cursor);
    }
}

/* ---- events ---- */

static void leave(struct crew_subscriber *s, const char *why) {
    struct reader *r = &s->reader;
    if (is_reading(r))
        broker_session_report(&s->session, CREW_EVENT_DISCONNECTED, "lost the broker: %s",
                              why);
    if (r->state == READER_DECLARING && r->source == READER_STREAM) {
        r->refusals++;
        broker_session_report(&s->session, CREW_EVENT_WARNING,
                              "no history was to be had: %s", why);
    }
    r->state = READER_AWAY;
    broker_session_timer_clear(&s->session, &r->silence);
    broker_session_timer_clear(&s->session, &r->retry);
}

/* Whether streams are there is asked anew on each connection, for it may be another
 * broker than the last one. RabbitMQ with its streams turned off closes it then (541). */
static void link_open(struct crew_subscriber *s) {
    struct reader *r = &s->reader;
    if (r->state == READER_AWAY && broker_session_is_open(&s->session)) {
        if (r->source == READER_OWN)
            forget_history(s, 0);
        r->source = r->refusals < REFUSALS_MAX ? READER_STREAM : READER_OWN;
        r->down_since_ms = 0;
        declare(s);
    }
}

static void refused(struct crew_subscriber *s, const struct link_op *op) {
    char text[480];
    topology_describe(op, text, sizeof text);
    broker_session_report(&s->session, CREW_EVENT_WARNING, "%s", text);
    broker_session_timer_set(&s->session, &s->reader.retry, clock_ms() + RETRY_MS);
}

/* For a moment after its start a broker does not find its streams (404). One that does
 * not find them at all goes on without. */
static void stream_refused(struct crew_subscriber *s, const struct link_op *op) {
    struct reader *r = &s->reader;
    uint64_t now_ms = clock_ms();
    if (r->down_since_ms == 0)
        r->down_since_ms = now_ms;
    if (topology_is_down(op) && now_ms - r->down_since_ms < TOPOLOGY_DOWN_MS) {
        broker_session_timer_set(&s->session, &r->retry, now_ms + STREAM_RETRY_MS);
        return;
    }
    char text[480];
    topology_describe(op, text, sizeof text);
    stay_without_streams(s, text);
}

static bool is_about(const struct link_op *op, enum link_op_kind kind, const char *name) {
    return op->kind == kind && strcmp(op->name, name) == 0;
}

static void warn_foreign(struct crew_subscriber *s, const struct link_op *op) {
    struct reader *r = &s->reader;
    if (r->warned_foreign)
        return;
    r->warned_foreign = true;
    char text[256];
    topology_describe(op, text, sizeof text);
    broker_session_report(&s->session, CREW_EVENT_WARNING, "%s", text);
}

/* Steps that were meant for the queue that was given up. */
static bool is_stale(const struct reader *r, const struct link_op *op) {
    bool about_a_queue = op->kind == LINK_DECLARE_QUEUE || op->kind == LINK_BIND ||
                         op->kind == LINK_CONSUME || op->kind == LINK_CANCEL;
    return about_a_queue && strcmp(op->name, queue_of(r)) != 0;
}

static void op_done(struct crew_subscriber *s, const struct link_op *op) {
    struct reader *r = &s->reader;
    bool lost = !op->ok && op->reply_code == 0;
    if (lost || r->state != READER_DECLARING || is_stale(r, op))
        return;
    if (op->ok && op->foreign)
        warn_foreign(s, op);
    if (!op->ok && r->source == READER_STREAM &&
        is_about(op, LINK_DECLARE_QUEUE, NAME_HISTORY))
        stream_refused(s, op);
    else if (!op->ok && !deadline_is_set(&r->retry.deadline))
        refused(s, op);
    else if (op->ok && is_about(op, LINK_CONSUME, queue_of(r)))
        r->source == READER_STREAM ? begin_stream(s) : begin_own(s);
}

static const char *text_of(const struct link_event *event) {
    return event->text == NULL ? "no reason given" : event->text;
}

void reader_event(struct crew_subscriber *s, enum broker_session_side side,
                  struct link_event *event) {
    struct reader *r = &s->reader;
    switch (event->kind) {
    case LINK_OPEN:
        link_open(s);
        break;
    case LINK_LOST:
        r->tried = true;
        if (side == BROKER_SESSION_CONSUMER)
            leave(s, text_of(event));
        break;
    case LINK_FAILED:
        r->tried = true;
        broker_session_report_failure(&s->session, side, text_of(event));
        break;
    case LINK_DELIVERY:
        receive(s, event->message);
        event->message = NULL;
        break;
    case LINK_OP_DONE:
        op_done(s, event->op);
        break;
    case LINK_CONSUMER_CANCELLED: /* the queue was deleted */
        if (is_reading(r) && strcmp(event->text, queue_of(r)) == 0)
            declare(s);
        break;
    case LINK_CHANNEL_CLOSED:
        broker_session_report(&s->session, CREW_EVENT_WARNING, "%s", text_of(event));
        break;
    case LINK_PUBLISHED:
    case LINK_BLOCKED: /* nothing is published meanwhile, and what there is can be read */
    case LINK_UNBLOCKED:
        break;
    }
    link_event_free(event);
}

/* ---- beginning and end ---- */

void reader_init(struct crew_subscriber *s) {
    struct reader *r = &s->reader;
    random_hex(r->id, 8);
    snprintf(r->own_queue, sizeof r->own_queue, "%s.%s", NAME_HISTORY, r->id);
    r->marker.fire = marker_is_due;
    r->silence.fire = silence;
    r->retry.fire = try_again;
    r->expiry.fire = expire;
}
