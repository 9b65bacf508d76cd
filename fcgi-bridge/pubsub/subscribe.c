#include "subscribe.h"

#include "base/xalloc.h"
#include "daemon/log.h"
#include "fcgi-bridge/bridge.h"
#include "fcgi-bridge/fcgi/limits.h"
#include "fcgi-bridge/http/params.h"
#include "long_poll.h"
#include "sse.h"
#include <stddef.h>
#include <stdlib.h>

/* A proxy between us and the client may close what is silent for longer. */
#define BEAT_MS 15000
/* While it is not known where a stream begins, which its client has to know when it is to
 * come back. */
#define EARLY_BEAT_MS 500

struct subscriber {
    struct waiter waiter;
    struct request *request;
    crew_subscription *subscription;
    bool events;
    bool named; /* events: with their channel's name */
    bool list;  /* poll: a JSON array */
    bool held;  /* events: output is unsent, and nothing more is taken */
    bool told;  /* events: the client knows how far it has come */
    uint64_t told_cursor;
    uint32_t quiet_ms; /* events: while it does not, how long it has heard nothing */
};

static struct subscribers *all_of(const struct subscriber *s) {
    return &s->request->bridge->subscribers;
}

static uint16_t id_of(const struct subscriber *s) {
    return s->request->parser->id;
}

/* ---- polls ---- */

/* Several messages, or MESSAGE alone. */
static void answer_list(struct subscriber *s, const struct crew_subscribed *message) {
    struct crew_subscribed more;
    bool alone = !crew_subscription_next(s->subscription, &more);
    struct buffer own = BUFFER_INIT;
    struct buffer *bytes = &own;
    if (alone && render_cache_find(&all_of(s)->render_cache, RENDER_LIST, id_of(s),
                                   s->request->style.head, message, &bytes)) {
        request_answer(s->request, bytes);
        return;
    }
    struct long_poll_list list = {.count = 0};
    long_poll_list_add(&list, message);
    for (bool there = !alone; there && long_poll_list_add(&list, &more);)
        there = crew_subscription_next(s->subscription, &more);
    long_poll_put_list(bytes, id_of(s), s->request->style.head, &list);
    request_answer(s->request, bytes);
    buffer_fini(&own);
}

/* Whether there was something to answer with. */
static bool answer_messages(struct subscriber *s) {
    struct crew_subscribed message;
    if (!crew_subscription_next(s->subscription, &message))
        return false;
    if (s->list) {
        answer_list(s, &message);
        return true;
    }
    struct buffer *bytes;
    bool head = s->request->style.head;
    if (!render_cache_find(&all_of(s)->render_cache, RENDER_ANSWER, id_of(s), head,
                           &message, &bytes))
        long_poll_put_message(bytes, id_of(s), head, &message);
    request_answer(s->request, bytes);
    return true;
}

/* The client comes back with the cursor; without one it would miss what comes between. */
static void answer_nothing(struct subscriber *s) {
    uint64_t cursor = 0;
    if (!crew_subscription_cursor(s->subscription, &cursor)) {
        request_refuse(s->request, CREW_EBROKER, NULL);
        return;
    }
    struct buffer bytes = BUFFER_INIT;
    long_poll_put_nothing(&bytes, id_of(s), cursor);
    request_answer(s->request, &bytes);
    buffer_fini(&bytes);
}

static void start_poll(struct subscriber *s, uint32_t timeout_ms) {
    struct request *r = s->request;
    if (answer_messages(s))
        return;
    if (crew_subscriber_state(all_of(s)->source) == CREW_SUBSCRIBER_AWAY) {
        request_refuse(r, CREW_EBROKER, NULL);
    } else if (timeout_ms == 0 || r->bridge->state == BRIDGE_STOPPING) {
        answer_nothing(s);
    } else if (waiters_full(&all_of(s)->waiters)) {
        request_refuse(r, CREW_EOVERLOADED, NULL);
    } else {
        request_park(r);
        waiters_add(&all_of(s)->waiters, &s->waiter, timeout_ms);
    }
}

/* ---- event streams ---- */

static void put_event(struct subscriber *s, const struct crew_subscribed *message) {
    enum render_form form = s->named ? RENDER_NAMED_EVENT : RENDER_EVENT;
    struct buffer *bytes;
    if (!render_cache_find(&all_of(s)->render_cache, form, id_of(s), false, message,
                           &bytes))
        sse_put(bytes, id_of(s), message, s->named);
    request_put(s->request, bytes);
    s->told = true;
    s->told_cursor = message->cursor;
}

/* Nothing is taken while anything is unsent, and then not much at a time: what a slow
 * reader has not taken stays in the history that all share. */
static bool put_events(struct subscriber *s) {
    struct buffer *out = s->request->out;
    bool any = false;
    struct crew_subscribed message;
    while (!s->held && !out->failed && out->len < LIMIT_EVENTS_AT_ONCE_BYTES &&
           crew_subscription_next(s->subscription, &message)) {
        put_event(s, &message);
        any = true;
    }
    if (any)
        waiters_set_timeout(&all_of(s)->waiters, &s->waiter, BEAT_MS);
    return any;
}

/* Whether there was anything to say. */
static bool put_beat(struct subscriber *s) {
    uint64_t cursor = 0;
    bool known = crew_subscription_cursor(s->subscription, &cursor);
    bool moved = known && (!s->told || cursor != s->told_cursor);
    bool due = !s->held && (known || s->quiet_ms >= BEAT_MS);
    if (due) {
        sse_put_comment(s->request->out, id_of(s), moved ? &cursor : NULL);
        s->told = s->told || known;
        s->told_cursor = cursor;
    }
    s->quiet_ms = due ? 0 : s->quiet_ms + EARLY_BEAT_MS;
    waiters_set_timeout(&all_of(s)->waiters, &s->waiter,
                        s->told ? BEAT_MS : EARLY_BEAT_MS);
    return due;
}

static void start_events(struct subscriber *s, const struct subscribe_params *params) {
    struct request *r = s->request;
    if (waiters_full(&all_of(s)->waiters)) {
        request_refuse(r, CREW_EOVERLOADED, NULL);
        return;
    }
    sse_begin(r->out, id_of(s), r->style.head);
    request_listen(r);
    if (r->style.head || r->bridge->state == BRIDGE_STOPPING) {
        request_end_events(r);
        return;
    }
    s->told = params->since;
    s->told_cursor = params->cursor;
    waiters_add(&all_of(s)->waiters, &s->waiter, BEAT_MS);
    if (!put_events(s) && !s->told)
        put_beat(s);
}

bool subscriber_drained(struct subscriber *s, size_t unsent_bytes) {
    s->held = unsent_bytes > 0;
    return put_events(s);
}

/* ---- one subscriber ---- */

static struct subscriber *subscriber_of(struct waiter *waiter) {
    return (struct subscriber *)((char *)waiter - offsetof(struct subscriber, waiter));
}

static void on_messages(void *arg, crew_subscription *subscription) {
    struct subscriber *s = arg;
    (void)subscription;
    if (!s->events)
        answer_messages(s);
    else if (put_events(s))
        s->request->on_output(s->request->arg);
}

static void on_due(struct waiter *waiter) {
    struct subscriber *s = subscriber_of(waiter);
    if (!s->events)
        answer_nothing(s);
    else if (put_beat(s))
        s->request->on_output(s->request->arg);
}

void subscriber_free(struct subscriber *s) {
    if (!s)
        return;
    waiters_remove(&all_of(s)->waiters, &s->waiter);
    crew_subscription_free(s->subscription);
    free(s);
}

/* ---- all of them ---- */

static void on_source(uv_poll_t *poll, int status, int events) {
    struct subscribers *all = poll->data;
    (void)status;
    (void)events;
    render_cache_clear(&all->render_cache);
    crew_subscriber_dispatch(all->source);
    render_cache_clear(&all->render_cache);
}

static int open_source(struct bridge *bridge) {
    struct subscribers *all = &bridge->subscribers;
    const struct settings *settings = bridge->settings;
    const struct crew_subscriber_options how = {.name = "fcgi-bridge subscriber",
                                                .history_bytes = settings->history_bytes,
                                                .history_s =
                                                    settings->history_age_ms / 1000,
                                                .on_event = log_crew_event,
                                                .caller_driven_io = true};
    if (all->source)
        return 0;
    int error = crew_subscriber_new(bridge->broker, &how, &all->source);
    if (error) {
        log_error("cannot subscribe: %s", crew_strerror(error));
        return error;
    }
    uv_poll_init(&bridge->loop, &all->poll, crew_subscriber_fd(all->source));
    all->poll.data = all;
    uv_poll_start(&all->poll, UV_READABLE, on_source);
    return 0;
}

static int subscribe(struct subscriber *s, const struct subscribe_params *params) {
    const struct crew_subscription_options options = {.channel = params->channel,
                                                      .pattern = params->pattern,
                                                      .since = params->since,
                                                      .cursor = params->cursor,
                                                      .on_messages = on_messages,
                                                      .arg = s};
    int error = open_source(s->request->bridge);
    return error ? error
                 : crew_subscription_new(all_of(s)->source, &options, &s->subscription);
}

void subscribe_start(struct request *r, const struct subscribe_params *params) {
    struct subscriber *s = xcalloc(1, sizeof *s);
    *s = (struct subscriber){.request = r,
                             .events = params->events,
                             .named = params->pattern,
                             .list = params->list};
    r->subscriber = s;
    int error = subscribe(s, params);
    if (error == CREW_EINVAL)
        request_refuse(r, RESPONSE_BAD_REQUEST,
                       "CREW_SUBSCRIBE is not a list of patterns");
    else if (error)
        request_refuse(r, CREW_EOVERLOADED, NULL);
    else if (params->events)
        start_events(s, params);
    else
        start_poll(s, params->timeout_ms);
}

int subscribers_init(struct bridge *bridge) {
    return waiters_init(&bridge->subscribers.waiters, &bridge->loop,
                        bridge->settings->max_parked, on_due);
}

void subscribers_fini(struct bridge *bridge) {
    struct subscribers *all = &bridge->subscribers;
    crew_subscriber_free(all->source);
    render_cache_clear(&all->render_cache);
    waiters_fini(&all->waiters);
}

void subscribers_flush(struct bridge *bridge) {
    if (bridge->subscribers.source)
        crew_subscriber_flush(bridge->subscribers.source);
}

void subscribers_stop(struct bridge *bridge) {
    struct waiter *first;
    while ((first = waiters_first(&bridge->subscribers.waiters))) {
        struct subscriber *s = subscriber_of(first);
        if (s->events)
            request_end_events(s->request);
        else
            answer_nothing(s);
    }
}
