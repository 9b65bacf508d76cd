/* The newest part of what was published, in the order of cursors and by channel. Bounded
 * by bytes and age; what is above that is dropped, oldest first.
 *
 * Design notes. Messages stand in one ring, whose places are counted up for ever; a
 * channel has a ring of the places of its own. The oldest message of all is the oldest of
 * its channel, too, so dropping costs nothing to look for. What comes behind a cursor is
 * found by bisection. A channel is there as long as it has messages or is held.
 */
#ifndef CREW_PUBSUB_HISTORY_H
#define CREW_PUBSUB_HISTORY_H

#include "amqp/message.h"
#include "pubsub/publishers.h"
#include <stddef.h>

struct listener;

struct channel {
    uint64_t *places; /* a ring: of its messages, oldest first */
    size_t first, count, cap;
    size_t holders;
    struct listener *listeners; /* its owner's */
    UT_hash_handle hh;
    char name[];
};

struct kept {
    uint64_t cursor;
    uint64_t expires_ms;
    size_t bytes;
    struct channel *channel;
    struct publisher *publisher;
    struct message *message;
};

struct history {
    struct kept *ring;
    size_t cap;           /* a power of two, or 0 */
    uint64_t first_place; /* of the oldest that is kept; next_place: none is */
    uint64_t next_place;
    uint64_t complete_from; /* from this cursor on nothing that was read is missing */
    uint64_t next_cursor;   /* behind the last one that was read; 0: nothing was */
    size_t bytes;
    size_t max_bytes;
    uint64_t max_age_ms;
    struct channel *channels;
    struct publishers publishers;
};

void history_init(struct history *h, size_t max_bytes, uint64_t max_age_ms);
void history_fini(struct history *h);

/* Forget what there is, and begin at CURSOR. Channels that are held stay. */
void history_restart(struct history *h, uint64_t cursor);

/* Something was read at CURSOR that is not to be kept. */
void history_pass(struct history *h, uint64_t cursor);

/* Keep M, a message of a channel that was published AGE_MS ago and read at CURSOR, above
 * all before. Returns its place; null: it is a repeat. The history owns M in any case. */
const struct kept *history_add(struct history *h, struct message *m, uint64_t cursor,
                               uint64_t age_ms);

/* Drop what is too old. Returns when there will be more to drop (clock_ms()), 0: never.
 */
uint64_t history_expire(struct history *h, uint64_t now_ms);

struct channel *history_hold(struct history *h, const char *name);
void history_release(struct history *h, struct channel *channel);

/* The oldest message behind CURSOR, of CHANNEL; null: there is none. */
const struct kept *history_after(const struct history *h, const struct channel *channel,
                                 uint64_t cursor);

/* The place of the oldest message behind CURSOR, of any channel; next_place: none. */
uint64_t history_place_after(const struct history *h, uint64_t cursor);

/* What is at PLACE, which is not below first_place and below next_place. */
const struct kept *history_at(const struct history *h, uint64_t place);

#endif
