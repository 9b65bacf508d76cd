/* Subscriptions: who waits for which channels, and how far each has come.
 *
 * Design notes. A subscription is a place in the history, not a queue of its own: it
 * costs the same whether it is behind by nothing or by all there is, and a slow one keeps
 * nothing alive. A message makes those that wait for it DUE, whatever comes after it does
 * nothing more to them. They are called a few at a time, so that a message for ten
 * thousand does not hold up everything else.
 */
#include "pubsub/subscriber_internal.h"

#include "base/xalloc.h"
#include "pubsub/pattern.h"
#include "wire/channel_name.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define CALLED_AT_ONCE 256

static const char no_type[] = "application/octet-stream";

static void enter(crew_subscription *n, enum subscription_state state) {
    struct crew_subscriber *s = n->subscriber;
    if (state == n->state)
        return;
    DL_DELETE(s->lists[n->state], n);
    n->state = state;
    DL_APPEND(s->lists[state], n);
}

/* ---- where it stands ---- */

/* Of the last that was read. */
static uint64_t head(const struct history *h) {
    return h->next_cursor - 1;
}

/* Everything up to the head was looked at for it. */
static void move_to_head(crew_subscription *n) {
    const struct history *h = &n->subscriber->history;
    n->gap = n->gap || n->cursor + 1 < h->complete_from;
    if (h->next_cursor > 0 && n->cursor < head(h))
        n->cursor = head(h);
}

static bool is_for(const crew_subscription *n, const char *channel) {
    const char *pattern = n->patterns;
    for (size_t i = 0; i < n->listener_count; i++, pattern += strlen(pattern) + 1)
        if (channel_pattern_matches(pattern, channel))
            return true;
    return false;
}

/* The oldest behind its cursor that some pattern of its matches. */
static const struct kept *next_by_pattern(crew_subscription *n) {
    const struct history *h = &n->subscriber->history;
    if (n->next_place < h->first_place)
        n->next_place = h->first_place;
    for (; n->next_place < h->next_place; n->next_place++) {
        const struct kept *kept = history_at(h, n->next_place);
        if (kept->cursor > n->cursor && is_for(n, kept->channel->name))
            return kept;
    }
    return NULL;
}

static const struct kept *next_kept(crew_subscription *n) {
    return n->channel != NULL
               ? history_after(&n->subscriber->history, n->channel, n->cursor)
               : next_by_pattern(n);
}

/* Behind this cursor. If there is something it is DUE, else it waits. */
static void place(crew_subscription *n, uint64_t cursor) {
    n->cursor = cursor;
    if (n->channel == NULL)
        n->next_place = history_place_after(&n->subscriber->history, cursor);
    bool behind = next_kept(n) != NULL;
    if (!behind)
        move_to_head(n);
    enter(n, behind ? SUBSCRIPTION_DUE : SUBSCRIPTION_WAITING);
}

/* The cursor is not one of this history: it was another broker's, or is made up. */
static void place_stranger(crew_subscription *n) {
    uint64_t first = n->subscriber->history.complete_from;
    n->gap = true;
    place(n, first > 0 ? first - 1 : 0);
}

static void place_at_marker(crew_subscription *n) {
    const struct history *h = &n->subscriber->history;
    if (n->state == SUBSCRIPTION_UNPLACED)
        place(n, head(h));
    else if (n->cursor >= h->next_cursor)
        place_stranger(n);
    else
        place(n, n->cursor);
}

void subscriptions_place(struct crew_subscriber *s) {
    static const enum subscription_state states[] = {SUBSCRIPTION_UNPLACED,
                                                     SUBSCRIPTION_AHEAD};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        struct crew_subscription *n, *next;
        DL_FOREACH_SAFE (s->lists[states[i]], n, next)
            if (n->marker <= s->reader.marker_seen)
                place_at_marker(n);
    }
}

/* Whoever was placed has perhaps missed something, and his cursor is one of the past. */
void subscriptions_restart(struct crew_subscriber *s) {
    for (int state = SUBSCRIPTION_WAITING; state < SUBSCRIPTION_STATES; state++) {
        crew_subscription *n;
        DL_FOREACH (s->lists[state], n) {
            n->gap = true;
            n->cursor = 0;
        }
    }
}

/* ---- when something comes ---- */

static void rouse(crew_subscription *n, const struct kept *kept) {
    if (n->state == SUBSCRIPTION_WAITING) {
        if (n->cursor + 1 < kept->cursor)
            n->cursor = kept->cursor - 1;
        n->next_place = n->subscriber->history.next_place - 1;
        enter(n, SUBSCRIPTION_DUE);
    } else if (n->state == SUBSCRIPTION_AHEAD && n->cursor < kept->cursor) {
        enter(n, SUBSCRIPTION_DUE);
    }
}

static void tell(struct listener *listeners, const struct kept *kept) {
    struct listener *l;
    DL_FOREACH (listeners, l)
        rouse(l->subscription, kept);
}

static void tell_place(void *arg, struct pattern_place *place) {
    tell(place->subscriptions, arg);
}

void subscriptions_tell(struct crew_subscriber *s, const struct kept *kept) {
    tell(kept->channel->listeners, kept);
    pattern_index_visit(&s->patterns, kept->channel->name, tell_place, (void *)kept);
}

bool subscriptions_flush(struct crew_subscriber *s) {
    struct crew_subscription **due = &s->lists[SUBSCRIPTION_DUE];
    for (unsigned i = 0; i < CALLED_AT_ONCE && *due != NULL; i++) {
        crew_subscription *n = *due;
        enter(n, SUBSCRIPTION_TAKING);
        n->on_messages(n->arg, n);
    }
    return *due != NULL;
}

/* ---- listening ---- */

static void listen_to_channel(crew_subscription *n, const char *name) {
    n->channel = history_hold(&n->subscriber->history, name);
    n->listener_count = 1;
    n->listeners = &n->only;
    n->only.subscription = n;
    DL_APPEND(n->channel->listeners, &n->only);
}

static void listen_to_pattern(crew_subscription *n, struct listener *l,
                              const char *pattern) {
    l->subscription = n;
    l->place = pattern_index_hold(&n->subscriber->patterns, pattern);
    struct listener *list = l->place->subscriptions;
    DL_APPEND(list, l);
    l->place->subscriptions = list;
}

static void listen_to_patterns(crew_subscription *n, const char *list, size_t count) {
    n->patterns = xstrdup(list);
    n->listener_count = count;
    n->listeners = count == 1 ? &n->only : xcalloc(1, count * sizeof *n->listeners);
    for (char *comma = n->patterns; (comma = strchr(comma, ',')) != NULL; comma++)
        *comma = '\0';
    const char *pattern = n->patterns;
    for (size_t i = 0; i < count; i++, pattern += strlen(pattern) + 1)
        listen_to_pattern(n, &n->listeners[i], pattern);
}

static void stop_listening(crew_subscription *n) {
    for (size_t i = 0; i < n->listener_count; i++) {
        struct listener *l = &n->listeners[i];
        if (l->place == NULL) {
            DL_DELETE(n->channel->listeners, l);
            history_release(&n->subscriber->history, n->channel);
        } else {
            struct listener *list = l->place->subscriptions;
            DL_DELETE(list, l);
            l->place->subscriptions = list;
            pattern_index_release(&n->subscriber->patterns, l->place);
        }
    }
    if (n->listeners != &n->only)
        free(n->listeners);
    free(n->patterns);
}

/* How many patterns there are in a list, 0: something is wrong with it. */
static size_t count_patterns(const char *list) {
    size_t count = 0;
    for (const char *at = list;; at++) {
        const char *end = strchrnul(at, ',');
        if (!channel_pattern_valid(at, (size_t)(end - at)) || ++count > CREW_PATTERNS_MAX)
            return 0;
        if (*end == '\0')
            return count;
        at = end;
    }
}

/* ---- public ---- */

/* A cursor that was not read yet is somebody else's who has read more, or nobody's.
 * Which, a marker tells. */
static void begin(crew_subscription *n, const struct crew_subscription_options *options) {
    struct crew_subscriber *s = n->subscriber;
    const struct history *h = &s->history;
    bool ahead = options->since && options->cursor >= h->next_cursor;
    bool live = s->reader.state == READER_LIVE;
    if (!options->since && live) {
        place(n, head(h));
    } else if (options->since && !ahead) {
        place(n, options->cursor);
    } else {
        n->cursor = options->cursor;
        n->marker = reader_ask(s);
        enter(n, ahead ? SUBSCRIPTION_AHEAD : SUBSCRIPTION_UNPLACED);
        subscriptions_place(s); /* with a queue of our own there is nothing to wait for */
    }
    if (n->state == SUBSCRIPTION_DUE)
        broker_session_wake(&s->session);
}

int crew_subscription_new(crew_subscriber *s,
                          const struct crew_subscription_options *options,
                          crew_subscription **subscription) {
    const char *name = options->channel;
    if (name == NULL || options->on_messages == NULL)
        return CREW_EINVAL;
    size_t count = options->pattern ? count_patterns(name) : 1;
    if (count == 0 || (!options->pattern && !channel_name_valid(name, strlen(name))))
        return CREW_EINVAL;
    crew_subscription *n = xcalloc(1, sizeof *n);
    n->subscriber = s;
    n->on_messages = options->on_messages;
    n->arg = options->arg;
    n->state = SUBSCRIPTION_UNPLACED;
    DL_APPEND(s->lists[n->state], n);
    if (options->pattern)
        listen_to_patterns(n, name, count);
    else
        listen_to_channel(n, name);
    begin(n, options);
    *subscription = n;
    return 0;
}

static void fill(struct crew_subscribed *message, const struct kept *kept, bool gap) {
    const struct message *m = kept->message;
    *message = (struct crew_subscribed){
        .cursor = kept->cursor,
        .gap = gap,
        .channel = kept->channel->name,
        .id = m->p.message_id != NULL ? m->p.message_id : "",
        .content_type = m->p.content_type != NULL ? m->p.content_type : no_type,
        .body = m->body.len > 0 ? (const void *)m->body.data : "",
        .body_bytes = m->body.len};
}

bool crew_subscription_next(crew_subscription *n, struct crew_subscribed *message) {
    if (n->state < SUBSCRIPTION_DUE)
        return false;
    const struct kept *kept = next_kept(n);
    if (kept == NULL) {
        move_to_head(n);
        enter(n, SUBSCRIPTION_WAITING);
        return false;
    }
    bool gap = n->gap || n->cursor + 1 < n->subscriber->history.complete_from;
    fill(message, kept, gap);
    n->gap = false;
    n->cursor = kept->cursor;
    enter(n, SUBSCRIPTION_TAKING);
    return true;
}

bool crew_subscription_cursor(const crew_subscription *n, uint64_t *cursor) {
    const struct history *h = &n->subscriber->history;
    if (n->state == SUBSCRIPTION_UNPLACED)
        return false;
    bool at_head = n->state == SUBSCRIPTION_WAITING && h->next_cursor > 0;
    *cursor = at_head && head(h) > n->cursor ? head(h) : n->cursor;
    return true;
}

void crew_subscription_free(crew_subscription *n) {
    if (n == NULL)
        return;
    stop_listening(n);
    DL_DELETE(n->subscriber->lists[n->state], n);
    free(n);
}

void subscriptions_fini(struct crew_subscriber *s) {
    for (size_t state = 0; state < SUBSCRIPTION_STATES; state++)
        while (s->lists[state] != NULL)
            crew_subscription_free(s->lists[state]);
}
