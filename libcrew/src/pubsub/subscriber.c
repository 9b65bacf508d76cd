#include "pubsub/subscriber_internal.h"

#include "base/xalloc.h"
#include <stdlib.h>

#define HISTORY_BYTES (64u * 1024u * 1024u)
#define HISTORY_S 3600u

static void on_event(void *owner, enum broker_session_side side,
                     struct link_event *event) {
    reader_event(owner, side, event);
}

static bool on_flush(void *owner) {
    return subscriptions_flush(owner);
}

int crew_subscriber_new(const crew_broker *broker,
                        const struct crew_subscriber_options *options,
                        crew_subscriber **subscriber) {
    crew_subscriber *s = xcalloc(1, sizeof *s);
    uint64_t history_s = options->history_s != 0 ? options->history_s : HISTORY_S;
    history_init(&s->history,
                 options->history_bytes != 0 ? options->history_bytes : HISTORY_BYTES,
                 history_s * 1000);
    pattern_index_init(&s->patterns);
    reader_init(s);
    struct broker_session_options how = {
        .broker = broker,
        .name = options->name == NULL ? "crew-subscriber" : options->name,
        .handlers = {.on_event = on_event, .on_flush = on_flush, .owner = s},
        .report = options->on_event,
        .report_arg = options->event_arg,
        .caller_driven_io = options->caller_driven_io,
    };
    int error = broker_session_init(&s->session, &how);
    if (error != 0) {
        pattern_index_fini(&s->patterns);
        free(s);
        return error;
    }
    *subscriber = s;
    return 0;
}

int crew_subscriber_fd(const crew_subscriber *s) {
    return broker_session_fd(&s->session);
}

void crew_subscriber_dispatch(crew_subscriber *s) {
    broker_session_dispatch(&s->session);
}

void crew_subscriber_flush(crew_subscriber *s) {
    broker_session_flush(&s->session);
}

enum crew_subscriber_state crew_subscriber_state(const crew_subscriber *s) {
    const struct reader *r = &s->reader;
    switch (r->state) {
    case READER_LIVE:
        return CREW_SUBSCRIBER_LIVE;
    case READER_AWAY:
        return r->tried ? CREW_SUBSCRIBER_AWAY : CREW_SUBSCRIBER_CONNECTING;
    default:
        return CREW_SUBSCRIBER_READING;
    }
}

void crew_subscriber_free(crew_subscriber *s) {
    if (s == NULL)
        return;
    broker_session_stop(&s->session, 0);
    subscriptions_fini(s);
    history_fini(&s->history);
    pattern_index_fini(&s->patterns);
    broker_session_fini(&s->session);
    free(s);
}
