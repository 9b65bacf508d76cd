#include "pubsub/history.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 64

static struct kept *at(const struct history *h, uint64_t place) {
    return &h->ring[place & (h->cap - 1)];
}

const struct kept *history_at(const struct history *h, uint64_t place) {
    assert(place >= h->first_place && place < h->next_place);
    return at(h, place);
}

/* ---- channels ---- */

static uint64_t channel_place(const struct channel *channel, size_t index) {
    return channel->places[(channel->first + index) & (channel->cap - 1)];
}

static void channel_grow(struct channel *channel) {
    size_t cap = channel->cap == 0 ? 2 : 2 * channel->cap;
    uint64_t *places = xreallocarray(NULL, cap, sizeof *places);
    for (size_t i = 0; i < channel->count; i++)
        places[i] = channel_place(channel, i);
    free(channel->places);
    channel->places = places;
    channel->first = 0;
    channel->cap = cap;
}

static void channel_push(struct channel *channel, uint64_t place) {
    if (channel->count == channel->cap)
        channel_grow(channel);
    size_t index = (channel->first + channel->count) & (channel->cap - 1);
    channel->places[index] = place;
    channel->count++;
}

static void channel_shift(struct channel *channel) {
    channel->first = (channel->first + 1) & (channel->cap - 1);
    channel->count--;
}

static void free_if_unused(struct history *h, struct channel *channel) {
    if (channel->count > 0 || channel->holders > 0)
        return;
    HASH_DEL(h->channels, channel);
    free(channel->places);
    free(channel);
}

static struct channel *find_or_add(struct history *h, const char *name) {
    struct channel *channel = NULL;
    size_t bytes = strlen(name);
    HASH_FIND(hh, h->channels, name, bytes, channel);
    if (channel == NULL) {
        channel = xcalloc(1, sizeof *channel + bytes + 1);
        memcpy(channel->name, name, bytes);
        HASH_ADD_KEYPTR(hh, h->channels, channel->name, bytes, channel);
    }
    return channel;
}

struct channel *history_hold(struct history *h, const char *name) {
    struct channel *channel = find_or_add(h, name);
    channel->holders++;
    return channel;
}

void history_release(struct history *h, struct channel *channel) {
    channel->holders--;
    free_if_unused(h, channel);
}

/* ---- what is kept ---- */

static bool is_empty(const struct history *h) {
    return h->first_place == h->next_place;
}

static void drop_oldest(struct history *h) {
    struct kept *oldest = at(h, h->first_place);
    h->complete_from = oldest->cursor + 1;
    h->bytes -= oldest->bytes;
    h->first_place++;
    publishers_drop(&h->publishers, oldest->publisher, oldest->cursor);
    channel_shift(oldest->channel);
    free_if_unused(h, oldest->channel);
    message_free(oldest->message);
}

/* The newest one stays, however large. */
static void drop_what_is_too_much(struct history *h) {
    while (h->bytes > h->max_bytes && h->next_place - h->first_place > 1)
        drop_oldest(h);
}

static void grow(struct history *h) {
    size_t cap = h->cap == 0 ? FIRST_CAP : 2 * h->cap;
    struct kept *ring = xreallocarray(NULL, cap, sizeof *ring);
    for (uint64_t place = h->first_place; place < h->next_place; place++)
        ring[place & (cap - 1)] = *at(h, place);
    free(h->ring);
    h->ring = ring;
    h->cap = cap;
}

static size_t bytes_of(const struct message *m) {
    return sizeof(struct kept) + sizeof *m + strlen(m->p.routing_key) + m->body.cap;
}

void history_pass(struct history *h, uint64_t cursor) {
    if (h->next_cursor == 0)
        h->complete_from = cursor;
    h->next_cursor = cursor + 1;
}

const struct kept *history_add(struct history *h, struct message *m, uint64_t cursor,
                               uint64_t age_ms) {
    struct publisher *publisher;
    history_pass(h, cursor);
    if (!publishers_note(&h->publishers, m->p.message_id, cursor, &publisher)) {
        message_free(m);
        return NULL;
    }
    if (h->next_place - h->first_place == h->cap)
        grow(h);
    uint64_t left_ms = age_ms < h->max_age_ms ? h->max_age_ms - age_ms : 0;
    struct kept *kept = at(h, h->next_place);
    *kept = (struct kept){.cursor = cursor,
                          .expires_ms = clock_ms() + left_ms,
                          .bytes = bytes_of(m),
                          .channel = find_or_add(h, m->p.routing_key),
                          .publisher = publisher,
                          .message = m};
    channel_push(kept->channel, h->next_place);
    h->next_place++;
    h->bytes += kept->bytes;
    drop_what_is_too_much(h);
    return kept;
}

/* A younger one may expire before an older one, by the clock of its publisher; it waits.
 */
uint64_t history_expire(struct history *h, uint64_t now_ms) {
    while (!is_empty(h) && at(h, h->first_place)->expires_ms <= now_ms)
        drop_oldest(h);
    return is_empty(h) ? 0 : at(h, h->first_place)->expires_ms;
}

/* ---- what comes behind a cursor ---- */

const struct kept *history_after(const struct history *h, const struct channel *channel,
                                 uint64_t cursor) {
    size_t low = 0, high = channel->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (at(h, channel_place(channel, middle))->cursor > cursor)
            high = middle;
        else
            low = middle + 1;
    }
    return low < channel->count ? at(h, channel_place(channel, low)) : NULL;
}

uint64_t history_place_after(const struct history *h, uint64_t cursor) {
    uint64_t low = h->first_place, high = h->next_place;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (at(h, middle)->cursor > cursor)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* ---- beginning and end ---- */

void history_init(struct history *h, size_t max_bytes, uint64_t max_age_ms) {
    *h = (struct history){.max_bytes = max_bytes, .max_age_ms = max_age_ms};
}

void history_restart(struct history *h, uint64_t cursor) {
    while (!is_empty(h))
        drop_oldest(h);
    publishers_fini(&h->publishers);
    h->complete_from = cursor;
    h->next_cursor = cursor;
}

void history_fini(struct history *h) {
    history_restart(h, 0);
    assert(h->channels == NULL);
    free(h->ring);
}
