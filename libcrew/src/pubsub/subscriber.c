/* The subscriber: a broker session, the reader that fills the history from it, and the
 * subscriptions that read the history. */
#include "base/xalloc.h"
#include "pubsub/history.h"
#include "pubsub/history_reader.h"
#include "pubsub/subscription.h"
#include "session/broker_session.h"
#include <stdlib.h>

#define HISTORY_BYTES (64u * 1024u * 1024u)
#define HISTORY_S 3600u

struct crew_subscriber {
    struct broker_session *session;
    struct history_reader reader;
    struct history history;
    struct subscriptions subscriptions;
};

/* ---- callbacks ---- */

static void on_event(void *owner, enum broker_session_side side,
                     struct link_event *event) {
    struct crew_subscriber *s = owner;
    history_reader_event(&s->reader, side, event);
}

static bool on_flush(void *owner) {
    struct crew_subscriber *s = owner;
    return subscriptions_flush(&s->subscriptions);
}

static void on_entry(void *arg, const struct history_entry *entry) {
    struct crew_subscriber *s = arg;
    subscriptions_add_entry(&s->subscriptions, entry);
}

static void on_restart(void *arg) {
    struct crew_subscriber *s = arg;
    subscriptions_restart(&s->subscriptions);
}

static void on_marker(void *arg, uint64_t received) {
    struct crew_subscriber *s = arg;
    subscriptions_receive_marker(&s->subscriptions, received);
}

/* ---- new and free ---- */

int crew_subscriber_new(const crew_broker *broker,
                        const struct crew_subscriber_options *options,
                        crew_subscriber **subscriber) {
    crew_subscriber *s = xcalloc(1, sizeof *s);
    const struct broker_session_options session_options = {
        .broker = broker,
        .name = options->name == NULL ? "crew-subscriber" : options->name,
        .handlers = {.on_event = on_event, .on_flush = on_flush, .owner = s},
        .report = options->on_event,
        .report_arg = options->event_arg,
        .caller_driven_io = options->caller_driven_io,
    };
    int error = broker_session_new(&session_options, &s->session);
    if (error != 0) {
        free(s);
        return error;
    }
    uint64_t history_s = options->history_s != 0 ? options->history_s : HISTORY_S;
    history_init(&s->history,
                 options->history_bytes != 0 ? options->history_bytes : HISTORY_BYTES,
                 history_s * 1000);
    subscriptions_init(&s->subscriptions, &s->history);
    const struct history_reader_handlers handlers = {on_entry, on_restart, on_marker, s};
    history_reader_init(&s->reader, s->session, &s->history, &handlers);
    *subscriber = s;
    return 0;
}

void crew_subscriber_free(crew_subscriber *s) {
    if (s == NULL)
        return;
    broker_session_stop(s->session, 0);
    subscriptions_fini(&s->subscriptions);
    history_fini(&s->history);
    broker_session_free(s->session);
    free(s);
}

/* ---- the loop ---- */

int crew_subscriber_fd(const crew_subscriber *s) {
    return broker_session_fd(s->session);
}

void crew_subscriber_dispatch(crew_subscriber *s) {
    broker_session_dispatch(s->session);
}

void crew_subscriber_flush(crew_subscriber *s) {
    broker_session_flush(s->session);
}

enum crew_subscriber_state crew_subscriber_state(const crew_subscriber *s) {
    switch (history_reader_state(&s->reader)) {
    case HISTORY_READER_LIVE:
        return CREW_SUBSCRIBER_LIVE;
    case HISTORY_READER_DISCONNECTED:
        return history_reader_has_failed(&s->reader) ? CREW_SUBSCRIBER_AWAY
                                                     : CREW_SUBSCRIBER_CONNECTING;
    default:
        return CREW_SUBSCRIBER_READING;
    }
}

/* ---- subscriptions ---- */

int crew_subscription_new(crew_subscriber *s,
                          const struct crew_subscription_options *options,
                          crew_subscription **subscription) {
    crew_subscription *n;
    int error = subscription_new(&s->subscriptions, options, &n);
    if (error != 0)
        return error;
    bool is_live = history_reader_state(&s->reader) == HISTORY_READER_LIVE;
    if (!subscription_begin(n, options, is_live)) {
        uint64_t marker = history_reader_request_marker(&s->reader);
        subscription_wait_for_marker(n, options, marker);
        if (marker <=
            history_reader_marker(&s->reader)) /* it has been received already */
            subscriptions_receive_marker(&s->subscriptions, marker);
    }
    if (subscription_state(n) == SUBSCRIPTION_DUE)
        broker_session_wake(s->session);
    *subscription = n;
    return 0;
}
