#include "pubsub/subscription.h"

#include "base/xalloc.h"
#include "pubsub/pattern.h"
#include "wire/channel_name.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define CALLBACKS_PER_FLUSH 256

static const char default_type[] = "application/octet-stream";

/* A subscription in the list of a channel or of a pattern. */
struct listener {
    struct crew_subscription *subscription;
    struct pattern_node *node; /* of the pattern; null: listens to the channel */
    struct listener *prev, *next;
};

struct crew_subscription {
    struct subscriptions *all;
    enum subscription_state state;
    bool gap;          /* the next message comes after a gap */
    uint64_t cursor;   /* everything up to it was read, or is not for this subscription */
    uint64_t marker;   /* UNPOSITIONED, AHEAD: the marker it waits for */
    uint64_t next_seq; /* patterns: entries below were read, or are not for it */
    crew_subscription_fn *on_messages;
    void *arg;
    struct history_channel *channel; /* null: has patterns */
    char *patterns;                  /* one after another, each zero-terminated */
    size_t listener_count;
    struct listener *listeners;
    struct listener single;                /* the listener if there is only one */
    struct crew_subscription *prev, *next; /* in the list of its state */
};

static void set_state(crew_subscription *n, enum subscription_state state) {
    struct subscriptions *s = n->all;
    if (state == n->state)
        return;
    DL_DELETE(s->lists[n->state], n);
    n->state = state;
    DL_APPEND(s->lists[state], n);
}

enum subscription_state subscription_state(const crew_subscription *n) {
    return n->state;
}

/* ---- position ---- */

/* The last cursor that was read. */
static uint64_t head(const struct history *h) {
    return history_next_cursor(h) - 1;
}

/* There is nothing for it up to the head. */
static void move_to_head(crew_subscription *n) {
    const struct history *h = n->all->history;
    n->gap = n->gap || n->cursor + 1 < history_complete_from(h);
    if (history_next_cursor(h) > 0 && n->cursor < head(h))
        n->cursor = head(h);
}

static bool matches(const crew_subscription *n, const char *channel) {
    const char *pattern = n->patterns;
    for (size_t i = 0; i < n->listener_count; i++, pattern += strlen(pattern) + 1)
        if (channel_pattern_matches(pattern, channel))
            return true;
    return false;
}

/* The oldest entry after its cursor that one of its patterns matches. */
static const struct history_entry *next_by_pattern(crew_subscription *n) {
    const struct history *h = n->all->history;
    if (n->next_seq < history_first_seq(h))
        n->next_seq = history_first_seq(h);
    for (; n->next_seq < history_next_seq(h); n->next_seq++) {
        const struct history_entry *entry = history_at(h, n->next_seq);
        if (entry->cursor > n->cursor && matches(n, history_channel_name(entry->channel)))
            return entry;
    }
    return NULL;
}

static const struct history_entry *next_entry(crew_subscription *n) {
    return n->channel != NULL ? history_after(n->all->history, n->channel, n->cursor)
                              : next_by_pattern(n);
}

/* Everything up to CURSOR has been read. */
static void set_position(crew_subscription *n, uint64_t cursor) {
    n->cursor = cursor;
    if (n->channel == NULL)
        n->next_seq = history_seq_after(n->all->history, cursor);
    bool is_due = next_entry(n) != NULL;
    if (!is_due)
        move_to_head(n);
    set_state(n, is_due ? SUBSCRIPTION_DUE : SUBSCRIPTION_WAITING);
}

/* The cursor is not one of this history: it is another broker's, or invalid. */
static void set_position_to_first(crew_subscription *n) {
    uint64_t first = history_complete_from(n->all->history);
    n->gap = true;
    set_position(n, first > 0 ? first - 1 : 0);
}

static void set_position_at_marker(crew_subscription *n) {
    const struct history *h = n->all->history;
    if (n->state == SUBSCRIPTION_UNPOSITIONED)
        set_position(n, head(h));
    else if (n->cursor >= history_next_cursor(h))
        set_position_to_first(n);
    else
        set_position(n, n->cursor);
}

void subscriptions_receive_marker(struct subscriptions *s, uint64_t number) {
    static const enum subscription_state states[] = {SUBSCRIPTION_UNPOSITIONED,
                                                     SUBSCRIPTION_AHEAD};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        struct crew_subscription *n, *next;
        DL_FOREACH_SAFE (s->lists[states[i]], n, next)
            if (n->marker <= number)
                set_position_at_marker(n);
    }
}

bool subscription_begin(crew_subscription *n,
                        const struct crew_subscription_options *options, bool is_live) {
    const struct history *h = n->all->history;
    if (!options->since && is_live)
        set_position(n, head(h));
    else if (options->since && options->cursor < history_next_cursor(h))
        set_position(n, options->cursor);
    else
        return false;
    return true;
}

/* A cursor that was not read yet comes from a subscriber that has read more, or is not
 * valid. The marker decides. */
void subscription_wait_for_marker(crew_subscription *n,
                                  const struct crew_subscription_options *options,
                                  uint64_t number) {
    n->cursor = options->cursor;
    n->marker = number;
    set_state(n, options->since ? SUBSCRIPTION_AHEAD : SUBSCRIPTION_UNPOSITIONED);
}

/* Messages may have been missed, and cursors of the old history are not valid. */
void subscriptions_restart(struct subscriptions *s) {
    for (int state = SUBSCRIPTION_WAITING; state < SUBSCRIPTION_STATES; state++) {
        crew_subscription *n;
        DL_FOREACH (s->lists[state], n) {
            n->gap = true;
            n->cursor = 0;
        }
    }
}

/* ---- new entries ---- */

static void make_due(crew_subscription *n, const struct history_entry *entry) {
    if (n->state == SUBSCRIPTION_WAITING) {
        if (n->cursor + 1 < entry->cursor)
            n->cursor = entry->cursor - 1;
        n->next_seq = history_next_seq(n->all->history) - 1;
        set_state(n, SUBSCRIPTION_DUE);
    } else if (n->state == SUBSCRIPTION_AHEAD && n->cursor < entry->cursor) {
        set_state(n, SUBSCRIPTION_DUE);
    }
}

static void make_all_due(struct listener *listeners, const struct history_entry *entry) {
    struct listener *l;
    DL_FOREACH (listeners, l)
        make_due(l->subscription, entry);
}

static void on_matching_pattern(void *arg, struct pattern_node *node) {
    make_all_due(*pattern_node_data(node), arg);
}

void subscriptions_add_entry(struct subscriptions *s, const struct history_entry *entry) {
    make_all_due(*history_channel_data(entry->channel), entry);
    pattern_index_visit(&s->patterns, history_channel_name(entry->channel),
                        on_matching_pattern, (void *)entry);
}

bool subscriptions_flush(struct subscriptions *s) {
    struct crew_subscription **due = &s->lists[SUBSCRIPTION_DUE];
    for (unsigned i = 0; i < CALLBACKS_PER_FLUSH && *due != NULL; i++) {
        crew_subscription *n = *due;
        set_state(n, SUBSCRIPTION_READING);
        n->on_messages(n->arg, n);
    }
    return *due != NULL;
}

/* ---- listeners ---- */

static void list_add(void **list, struct listener *l) {
    struct listener *first = *list;
    DL_APPEND(first, l);
    *list = first;
}

static void list_remove(void **list, struct listener *l) {
    struct listener *first = *list;
    DL_DELETE(first, l);
    *list = first;
}

static void listen_to_channel(crew_subscription *n, const char *name) {
    n->channel = history_hold(n->all->history, name);
    n->listener_count = 1;
    n->listeners = &n->single;
    n->single.subscription = n;
    list_add(history_channel_data(n->channel), &n->single);
}

static void listen_to_pattern(crew_subscription *n, struct listener *l,
                              const char *pattern) {
    l->subscription = n;
    l->node = pattern_index_hold(&n->all->patterns, pattern);
    list_add(pattern_node_data(l->node), l);
}

static void listen_to_patterns(crew_subscription *n, const char *list, size_t count) {
    n->patterns = xstrdup(list);
    n->listener_count = count;
    n->listeners = count == 1 ? &n->single : xcalloc(1, count * sizeof *n->listeners);
    for (char *comma = n->patterns; (comma = strchr(comma, ',')) != NULL; comma++)
        *comma = '\0';
    const char *pattern = n->patterns;
    for (size_t i = 0; i < count; i++, pattern += strlen(pattern) + 1)
        listen_to_pattern(n, &n->listeners[i], pattern);
}

static void stop_listening(crew_subscription *n) {
    for (size_t i = 0; i < n->listener_count; i++) {
        struct listener *l = &n->listeners[i];
        if (l->node == NULL) {
            list_remove(history_channel_data(n->channel), l);
            history_release(n->all->history, n->channel);
        } else {
            list_remove(pattern_node_data(l->node), l);
            pattern_index_release(&n->all->patterns, l->node);
        }
    }
    if (n->listeners != &n->single)
        free(n->listeners);
    free(n->patterns);
}

/* The number of patterns in a list; 0: the list is not valid. */
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

/* ---- new and free ---- */

void subscriptions_init(struct subscriptions *s, struct history *history) {
    *s = (struct subscriptions){.history = history};
    pattern_index_init(&s->patterns);
}

void subscriptions_fini(struct subscriptions *s) {
    for (size_t state = 0; state < SUBSCRIPTION_STATES; state++)
        while (s->lists[state] != NULL)
            crew_subscription_free(s->lists[state]);
    pattern_index_fini(&s->patterns);
}

int subscription_new(struct subscriptions *s,
                     const struct crew_subscription_options *options,
                     crew_subscription **subscription) {
    const char *name = options->channel;
    if (name == NULL || options->on_messages == NULL)
        return CREW_EINVAL;
    size_t count = options->pattern ? count_patterns(name) : 1;
    if (count == 0 || (!options->pattern && !channel_name_valid(name, strlen(name))))
        return CREW_EINVAL;
    crew_subscription *n = xcalloc(1, sizeof *n);
    n->all = s;
    n->on_messages = options->on_messages;
    n->arg = options->arg;
    n->state = SUBSCRIPTION_UNPOSITIONED;
    DL_APPEND(s->lists[n->state], n);
    if (options->pattern)
        listen_to_patterns(n, name, count);
    else
        listen_to_channel(n, name);
    *subscription = n;
    return 0;
}

void crew_subscription_free(crew_subscription *n) {
    if (n == NULL)
        return;
    stop_listening(n);
    DL_DELETE(n->all->lists[n->state], n);
    free(n);
}

/* ---- reading ---- */

static void fill(struct crew_subscribed *message, const struct history_entry *entry,
                 bool gap) {
    const struct message *m = entry->message;
    *message = (struct crew_subscribed){
        .cursor = entry->cursor,
        .gap = gap,
        .channel = history_channel_name(entry->channel),
        .id = m->p.message_id != NULL ? m->p.message_id : "",
        .content_type = m->p.content_type != NULL ? m->p.content_type : default_type,
        .body = m->body.len > 0 ? (const void *)m->body.data : "",
        .body_bytes = m->body.len};
}

bool crew_subscription_next(crew_subscription *n, struct crew_subscribed *message) {
    if (n->state < SUBSCRIPTION_DUE)
        return false;
    const struct history_entry *entry = next_entry(n);
    if (entry == NULL) {
        move_to_head(n);
        set_state(n, SUBSCRIPTION_WAITING);
        return false;
    }
    bool gap = n->gap || n->cursor + 1 < history_complete_from(n->all->history);
    fill(message, entry, gap);
    n->gap = false;
    n->cursor = entry->cursor;
    set_state(n, SUBSCRIPTION_READING);
    return true;
}

bool crew_subscription_cursor(const crew_subscription *n, uint64_t *cursor) {
    const struct history *h = n->all->history;
    if (n->state == SUBSCRIPTION_UNPOSITIONED)
        return false;
    bool at_head = n->state == SUBSCRIPTION_WAITING && history_next_cursor(h) > 0;
    *cursor = at_head && head(h) > n->cursor ? head(h) : n->cursor;
    return true;
}
