#include "subscribe.h"

#include "base/xalloc.h"
#include "daemon/log.h"
#include "daemon/log_event.h"
#include "fcgi-bridge/fcgi/limits.h"
#include "long_poll.h"
#include "render_cache.h"
#include "sse.h"
#include "waiters.h"
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

/* Proxies close connections that are silent for longer, often after 60 s. */
#define HEARTBEAT_MS 15000

/* While the cursor at which a stream begins is unknown: the client has to learn it soon,
 * to be able to resume from there. */
#define FIRST_CURSOR_MS 500

struct subscribers {
    struct subscribers_options options;
    crew_subscriber *source; /* NULL: there was no subscriber yet */
    uv_poll_t poll;
    struct render_cache cache;
    struct waiters waiters;
    bool stopping;
};

struct subscriber {
    struct waiter waiter;
    struct request *request;
    struct subscribers *all;
    crew_subscription *subscription;
    enum subscribe_mode mode;
    bool list;  /* long poll: a JSON array */
    bool named; /* SSE: events carry the name of their channel */

    /* SSE: the position that the client can resume from. */
    bool output_pending; /* nothing is taken from the subscription until it is sent */
    bool cursor_sent;    /* the client has a cursor */
    uint64_t cursor;     /* which one */
    uint32_t silent_ms;  /* since the last output, while no cursor was sent */
};

static struct subscriber *subscriber_of_waiter(struct waiter *waiter) {
    return (struct subscriber *)((char *)waiter - offsetof(struct subscriber, waiter));
}

static bool is_head(const struct subscriber *s) {
    return request_style(s->request)->head;
}

static struct buffer *cached(struct subscriber *s, enum render_form form,
                             const struct crew_subscribed *message) {
    const struct render_key key = {
        .form = form, .request_id = request_id(s->request), .head = is_head(s)};
    return render_cache_find(&s->all->cache, key, message);
}

/* ---- long polls ---- */

static void complete_with_message(struct subscriber *s,
                                  const struct crew_subscribed *message) {
    struct buffer *records = cached(s, RENDER_MESSAGE, message);
    if (records->len == 0)
        long_poll_put_message(records, request_id(s->request), is_head(s), message);
    request_complete_records(s->request, records);
}

/* The cache is for a single message: a list depends on where the subscriber began. */
static void complete_with_list(struct subscriber *s,
                               const struct crew_subscribed *message) {
    struct crew_subscribed next;
    bool has_next = crew_subscription_next(s->subscription, &next);
    struct buffer uncached = BUFFER_INIT;
    struct buffer *records = has_next ? &uncached : cached(s, RENDER_LIST, message);
    if (records->len == 0) {
        struct long_poll_list list = {.count = 0};
        long_poll_list_add(&list, message);
        while (has_next && long_poll_list_add(&list, &next))
            has_next = crew_subscription_next(s->subscription, &next);
        long_poll_put_list(records, request_id(s->request), is_head(s), &list);
    }
    request_complete_records(s->request, records);
    buffer_fini(&uncached);
}

/* Returns whether there was a message. */
static bool complete_with_messages(struct subscriber *s) {
    struct crew_subscribed message;
    if (!crew_subscription_next(s->subscription, &message))
        return false;
    if (s->list)
        complete_with_list(s, &message);
    else
        complete_with_message(s, &message);
    return true;
}

/* The client comes back with the cursor. Without one it would miss the messages in
 * between: then it gets an error. */
static void complete_without_message(struct subscriber *s) {
    uint64_t cursor = 0;
    if (!crew_subscription_cursor(s->subscription, &cursor)) {
        request_complete_error(s->request, CREW_EBROKER, NULL);
        return;
    }
    struct buffer records = BUFFER_INIT;
    long_poll_put_nothing(&records, request_id(s->request), cursor);
    request_complete_records(s->request, &records);
    buffer_fini(&records);
}

static void start_long_poll(struct subscriber *s, uint32_t timeout_ms) {
    struct subscribers *all = s->all;
    if (complete_with_messages(s))
        return;
    if (crew_subscriber_state(all->source) == CREW_SUBSCRIBER_AWAY) {
        request_complete_error(s->request, CREW_EBROKER, NULL);
    } else if (timeout_ms == 0 || all->stopping) {
        complete_without_message(s);
    } else if (waiters_full(&all->waiters)) {
        request_complete_error(s->request, CREW_EOVERLOADED, NULL);
    } else {
        request_wait_long(s->request);
        waiters_add(&all->waiters, &s->waiter, timeout_ms);
    }
}

/* ---- server-sent events ---- */

static void put_event(struct subscriber *s, const struct crew_subscribed *message) {
    struct buffer *out = request_output(s->request);
    struct buffer *records =
        cached(s, s->named ? RENDER_NAMED_EVENT : RENDER_EVENT, message);
    if (records->len == 0)
        sse_put(records, request_id(s->request), message, s->named);
    buffer_append(out, records->data, records->len);
    out->failed |= records->failed;
    s->cursor_sent = true;
    s->cursor = message->cursor;
}

/* Takes a limited number of messages, and none while output is unsent: what a slow reader
 * has not received stays in the history, which all subscribers share. Returns whether
 * there is output. */
static bool put_events(struct subscriber *s) {
    const struct buffer *out = request_output(s->request);
    bool any = false;
    struct crew_subscribed message;
    while (!s->output_pending && !out->failed && out->len < LIMIT_SSE_BATCH_BYTES &&
           crew_subscription_next(s->subscription, &message)) {
        put_event(s, &message);
        any = true;
    }
    if (any)
        waiters_set_timeout(&s->all->waiters, &s->waiter, HEARTBEAT_MS);
    return any;
}

/* Returns whether there is output. */
static bool put_heartbeat(struct subscriber *s) {
    uint64_t cursor = 0;
    bool known = crew_subscription_cursor(s->subscription, &cursor);
    bool advanced = known && (!s->cursor_sent || cursor != s->cursor);
    bool due = !s->output_pending && (known || s->silent_ms >= HEARTBEAT_MS);
    if (due) {
        sse_put_comment(request_output(s->request), request_id(s->request),
                        advanced ? &cursor : NULL);
        s->cursor_sent = s->cursor_sent || known;
        s->cursor = cursor;
    }
    s->silent_ms = due ? 0 : s->silent_ms + FIRST_CURSOR_MS;
    waiters_set_timeout(&s->all->waiters, &s->waiter,
                        s->cursor_sent ? HEARTBEAT_MS : FIRST_CURSOR_MS);
    return due;
}

static void start_sse(struct subscriber *s, const struct subscribe_params *params) {
    struct subscribers *all = s->all;
    if (waiters_full(&all->waiters)) {
        request_complete_error(s->request, CREW_EOVERLOADED, NULL);
        return;
    }
    sse_begin(request_output(s->request), request_id(s->request), is_head(s));
    request_begin_resumable_stream(s->request);
    if (is_head(s) || all->stopping) {
        request_complete_stream(s->request);
        return;
    }
    s->cursor_sent = params->since;
    s->cursor = params->cursor;
    waiters_add(&all->waiters, &s->waiter, HEARTBEAT_MS);
    if (!put_events(s) && !s->cursor_sent)
        put_heartbeat(s);
}

/* ---- one subscriber ---- */

/* The backend's state of a request is a pointer to its subscriber. */
static struct subscriber **subscriber_at(struct request *r) {
    return request_backend_state(r);
}

static void on_messages(void *arg, crew_subscription *subscription) {
    struct subscriber *s = arg;
    (void)subscription;
    if (s->mode != SUBSCRIBE_SSE)
        complete_with_messages(s);
    else if (put_events(s))
        request_send(s->request);
}

static void on_timeout(struct waiter *waiter) {
    struct subscriber *s = subscriber_of_waiter(waiter);
    if (s->mode != SUBSCRIBE_SSE)
        complete_without_message(s);
    else if (put_heartbeat(s))
        request_send(s->request);
}

static void on_source(uv_poll_t *poll, int status, int events) {
    struct subscribers *all = poll->data;
    (void)status;
    (void)events;
    render_cache_clear(&all->cache);
    crew_subscriber_dispatch(all->source);
    render_cache_clear(&all->cache);
}

static int open_source(struct subscribers *all) {
    const struct subscribers_options *options = &all->options;
    const struct crew_subscriber_options source = {.name = "fcgi-bridge subscriber",
                                                   .history_bytes =
                                                       options->history_bytes,
                                                   .history_s = options->history_s,
                                                   .on_event = log_event,
                                                   .caller_driven_io = true};
    if (all->source != NULL)
        return 0;
    int error = crew_subscriber_new(options->broker, &source, &all->source);
    if (error != 0) {
        log_error("cannot subscribe: %s", crew_strerror(error));
        return error;
    }
    uv_poll_init(options->loop, &all->poll, crew_subscriber_fd(all->source));
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
    int error = open_source(s->all);
    return error != 0 ? error
                      : crew_subscription_new(s->all->source, &options, &s->subscription);
}

static void start(struct request *r, const struct params *params) {
    const struct subscribe_params *wanted = &params->subscribe;
    struct subscriber *s = xcalloc(1, sizeof *s);
    *s = (struct subscriber){.request = r,
                             .all = request_backend_arg(r),
                             .mode = wanted->mode,
                             .list = wanted->list,
                             .named = wanted->pattern};
    *subscriber_at(r) = s;
    int error = subscribe(s, wanted);
    if (error == CREW_EINVAL)
        request_complete_error(r, RESPONSE_BAD_REQUEST,
                               "CREW_SUBSCRIBE is not a list of patterns");
    else if (error != 0)
        request_complete_error(r, CREW_EOVERLOADED, NULL);
    else if (s->mode == SUBSCRIBE_SSE)
        start_sse(s, wanted);
    else
        start_long_poll(s, wanted->timeout_ms);
}

static void cancel(struct request *r) {
    (void)r; /* release does it all */
}

static void release(struct request *r) {
    struct subscriber *s = *subscriber_at(r);
    waiters_remove(&s->all->waiters, &s->waiter);
    crew_subscription_free(s->subscription);
    free(s);
}

static bool drained(struct request *r, size_t unsent_bytes) {
    struct subscriber *s = *subscriber_at(r);
    s->output_pending = unsent_bytes > 0;
    return put_events(s);
}

const struct request_backend subscribe_backend = {
    .name = "subscription",
    .start = start,
    .cancel = cancel,
    .release = release,
    .drained = drained,
};

/* ---- all subscribers ---- */

int subscribers_new(const struct subscribers_options *options,
                    struct subscribers **result) {
    struct subscribers *all = xcalloc(1, sizeof *all);
    all->options = *options;
    int error =
        waiters_init(&all->waiters, options->loop, options->max_waiting, on_timeout);
    if (error != 0) {
        free(all);
        return error;
    }
    *result = all;
    return 0;
}

void subscribers_free(struct subscribers *all) {
    if (all == NULL)
        return;
    crew_subscriber_free(all->source);
    render_cache_clear(&all->cache);
    waiters_fini(&all->waiters);
    free(all);
}

void subscribers_flush(struct subscribers *all) {
    if (all->source != NULL)
        crew_subscriber_flush(all->source);
}

void subscribers_stop(struct subscribers *all) {
    struct waiter *first;
    all->stopping = true;
    while ((first = waiters_first(&all->waiters)) != NULL) {
        struct subscriber *s = subscriber_of_waiter(first);
        if (s->mode == SUBSCRIBE_SSE)
            request_complete_stream(s->request);
        else
            complete_without_message(s);
    }
}
