#include "listener.h"

#include "caller.h"
#include "cmocka_all.h"
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define BOUND_MS 15000

static char name[] = "subscriber";

static void say(void *arg, enum crew_event_kind kind, const char *text) {
    fprintf(stderr, "# %s %d: %s\n", (const char *)arg, (int)kind, text);
}

crew_subscriber *listener_subscriber(const char *url,
                                     const struct crew_subscriber_options *options) {
    struct crew_subscriber_options how = {0};
    struct crew_broker broker;
    crew_subscriber *s;
    if (options != NULL)
        how = *options;
    how.on_event = say;
    how.event_arg = name;
    crew_broker_init(&broker);
    assert_int_equal(
        crew_broker_parse(&broker, url != NULL ? url : caller_url(), NULL, 0), 0);
    assert_int_equal(crew_subscriber_new(&broker, &how, &s), 0);
    crew_broker_fini(&broker);
    return s;
}

void listener_spin(crew_subscriber *s) {
    struct pollfd fd = {.fd = crew_subscriber_fd(s), .events = POLLIN};
    if (poll(&fd, 1, 20) > 0)
        crew_subscriber_dispatch(s);
}

void listener_until_live(crew_subscriber *s) {
    uint64_t until_ms = caller_now_ms() + BOUND_MS;
    while (crew_subscriber_state(s) != CREW_SUBSCRIBER_LIVE && caller_now_ms() < until_ms)
        listener_spin(s);
    assert_int_equal(crew_subscriber_state(s), CREW_SUBSCRIBER_LIVE);
}

void listener_take(struct listener *l) {
    struct crew_subscribed m;
    while (crew_subscription_next(l->subscription, &m)) {
        assert_true(l->count < RECEIVED_MAX);
        struct received *h = &l->received[l->count++];
        h->cursor = m.cursor;
        h->gap = m.gap;
        snprintf(h->channel, sizeof h->channel, "%s", m.channel);
        snprintf(h->id, sizeof h->id, "%s", m.id);
        snprintf(h->content_type, sizeof h->content_type, "%s", m.content_type);
        snprintf(h->body, sizeof h->body, "%.*s", (int)m.body_bytes,
                 (const char *)m.body);
        h->body_bytes = m.body_bytes;
    }
}

static void on_messages(void *arg, crew_subscription *subscription) {
    struct listener *l = arg;
    assert_ptr_equal(l->subscription, subscription);
    l->calls++;
    if (!l->idle)
        listener_take(l);
}

void listener_start(struct listener *l, crew_subscriber *s,
                    const struct crew_subscription_options *options) {
    struct crew_subscription_options how = *options;
    memset(l, 0, sizeof *l);
    l->subscriber = s;
    how.on_messages = on_messages;
    how.arg = l;
    assert_int_equal(crew_subscription_new(s, &how, &l->subscription), 0);
}

void listener_stop(struct listener *l) {
    crew_subscription_free(l->subscription);
    l->subscription = NULL;
}

void listener_until(struct listener *l, size_t count) {
    uint64_t until_ms = caller_now_ms() + BOUND_MS;
    while (l->count < count && caller_now_ms() < until_ms)
        listener_spin(l->subscriber);
    assert_int_equal(l->count, count);
}

uint64_t listener_cursor(const struct listener *l) {
    uint64_t cursor;
    assert_true(crew_subscription_cursor(l->subscription, &cursor));
    return cursor;
}
