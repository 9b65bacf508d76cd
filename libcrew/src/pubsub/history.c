#include "pubsub/history.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define FIRST_CAP 64

struct history_channel {
    uint64_t *seqs; /* ring: its entries, the oldest first */
    size_t first, count, cap;
    size_t refs;
    void *data;
    UT_hash_handle hh;
    char name[];
};

static struct history_entry *at(const struct history *h, uint64_t seq) {
    return &h->ring[seq & (h->cap - 1)];
}

const struct history_entry *history_at(const struct history *h, uint64_t seq) {
    assert(seq >= h->first_seq && seq < h->next_seq);
    return at(h, seq);
}

/* ---- channels ---- */

static uint64_t channel_seq(const struct history_channel *channel, size_t index) {
    return channel->seqs[(channel->first + index) & (channel->cap - 1)];
}

static void channel_grow(struct history_channel *channel) {
    size_t cap = channel->cap == 0 ? 2 : 2 * channel->cap;
    uint64_t *seqs = xreallocarray(NULL, cap, sizeof *seqs);
    for (size_t i = 0; i < channel->count; i++)
        seqs[i] = channel_seq(channel, i);
    free(channel->seqs);
    channel->seqs = seqs;
    channel->first = 0;
    channel->cap = cap;
}

static void channel_push(struct history_channel *channel, uint64_t seq) {
    if (channel->count == channel->cap)
        channel_grow(channel);
    size_t index = (channel->first + channel->count) & (channel->cap - 1);
    channel->seqs[index] = seq;
    channel->count++;
}

static void channel_shift(struct history_channel *channel) {
    channel->first = (channel->first + 1) & (channel->cap - 1);
    channel->count--;
}

static void free_if_unused(struct history *h, struct history_channel *channel) {
    if (channel->count > 0 || channel->refs > 0)
        return;
    HASH_DEL(h->channels, channel);
    free(channel->seqs);
    free(channel);
}

static struct history_channel *find_or_add(struct history *h, const char *name) {
    struct history_channel *channel = NULL;
    size_t bytes = strlen(name);
    HASH_FIND(hh, h->channels, name, bytes, channel);
    if (channel == NULL) {
        channel = xcalloc(1, sizeof *channel + bytes + 1);
        memcpy(channel->name, name, bytes);
        HASH_ADD_KEYPTR(hh, h->channels, channel->name, bytes, channel);
    }
    return channel;
}

struct history_channel *history_hold(struct history *h, const char *name) {
    struct history_channel *channel = find_or_add(h, name);
    channel->refs++;
    return channel;
}

const char *history_channel_name(const struct history_channel *channel) {
    return channel->name;
}

void **history_channel_data(struct history_channel *channel) {
    return &channel->data;
}

void history_release(struct history *h, struct history_channel *channel) {
    if (--channel->refs == 0)
        channel->data = NULL;
    free_if_unused(h, channel);
}

/* ---- writing ---- */

static bool is_empty(const struct history *h) {
    return h->first_seq == h->next_seq;
}

static void drop_oldest(struct history *h) {
    struct history_entry *oldest = at(h, h->first_seq);
    h->complete_from = oldest->cursor + 1;
    h->bytes -= oldest->bytes;
    h->first_seq++;
    dedup_remove(&h->dedup, oldest->publisher, oldest->cursor);
    channel_shift(oldest->channel);
    free_if_unused(h, oldest->channel);
    message_free(oldest->message);
}

/* The newest entry stays, however large it is. */
static void drop_excess(struct history *h) {
    while (h->bytes > h->max_bytes && h->next_seq - h->first_seq > 1)
        drop_oldest(h);
}

static void grow(struct history *h) {
    size_t cap = h->cap == 0 ? FIRST_CAP : 2 * h->cap;
    struct history_entry *ring = xreallocarray(NULL, cap, sizeof *ring);
    for (uint64_t seq = h->first_seq; seq < h->next_seq; seq++)
        ring[seq & (cap - 1)] = *at(h, seq);
    free(h->ring);
    h->ring = ring;
    h->cap = cap;
}

static size_t bytes_of(const struct message *m) {
    return sizeof(struct history_entry) + sizeof *m + strlen(m->p.routing_key) +
           m->body.cap;
}

void history_skip(struct history *h, uint64_t cursor) {
    if (h->next_cursor == 0)
        h->complete_from = cursor;
    h->next_cursor = cursor + 1;
}

const struct history_entry *history_add(struct history *h, struct message *m,
                                        uint64_t cursor, uint64_t age_ms) {
    struct dedup_publisher *publisher;
    history_skip(h, cursor);
    if (!dedup_add(&h->dedup, m->p.message_id, cursor, &publisher)) {
        message_free(m);
        return NULL;
    }
    if (h->next_seq - h->first_seq == h->cap)
        grow(h);
    uint64_t left_ms = age_ms < h->max_age_ms ? h->max_age_ms - age_ms : 0;
    struct history_entry *entry = at(h, h->next_seq);
    *entry = (struct history_entry){.cursor = cursor,
                                    .expires_ms = clock_ms() + left_ms,
                                    .bytes = bytes_of(m),
                                    .channel = find_or_add(h, m->p.routing_key),
                                    .publisher = publisher,
                                    .message = m};
    channel_push(entry->channel, h->next_seq);
    h->next_seq++;
    h->bytes += entry->bytes;
    drop_excess(h);
    return entry;
}

/* If the clocks of publishers differ, a later entry may expire before an earlier one. It
 * is dropped when the earlier one is. */
uint64_t history_expire(struct history *h, uint64_t now_ms) {
    while (!is_empty(h) && at(h, h->first_seq)->expires_ms <= now_ms)
        drop_oldest(h);
    return is_empty(h) ? 0 : at(h, h->first_seq)->expires_ms;
}

/* ---- positions ---- */

uint64_t history_next_cursor(const struct history *h) {
    return h->next_cursor;
}

uint64_t history_complete_from(const struct history *h) {
    return h->complete_from;
}

size_t history_max_bytes(const struct history *h) {
    return h->max_bytes;
}

uint64_t history_max_age_ms(const struct history *h) {
    return h->max_age_ms;
}

uint64_t history_first_seq(const struct history *h) {
    return h->first_seq;
}

uint64_t history_next_seq(const struct history *h) {
    return h->next_seq;
}

const struct history_entry *history_after(const struct history *h,
                                          const struct history_channel *channel,
                                          uint64_t cursor) {
    size_t low = 0, high = channel->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (at(h, channel_seq(channel, middle))->cursor > cursor)
            high = middle;
        else
            low = middle + 1;
    }
    return low < channel->count ? at(h, channel_seq(channel, low)) : NULL;
}

uint64_t history_seq_after(const struct history *h, uint64_t cursor) {
    uint64_t low = h->first_seq, high = h->next_seq;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (at(h, middle)->cursor > cursor)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* ---- init and fini ---- */

void history_init(struct history *h, size_t max_bytes, uint64_t max_age_ms) {
    *h = (struct history){.max_bytes = max_bytes, .max_age_ms = max_age_ms};
}

void history_restart(struct history *h, uint64_t cursor) {
    while (!is_empty(h))
        drop_oldest(h);
    dedup_fini(&h->dedup);
    h->complete_from = cursor;
    h->next_cursor = cursor;
}

void history_fini(struct history *h) {
    history_restart(h, 0);
    assert(h->channels == NULL);
    free(h->ring);
}
