/* The newest part of what was published, in memory, in the order of cursors and by
 * channel. Bounded by bytes and age; the oldest messages are dropped first.
 *
 * Design notes. Entries are in one ring. Each has a sequence number that counts up and
 * never repeats; its low bits are the index in the ring. A channel has a ring of the
 * sequence numbers of its entries. The oldest entry of all is also the oldest of its
 * channel, so dropping needs no search. The first entry after a cursor is found by binary
 * search. A channel exists as long as it has entries or a reference.
 */
#ifndef CREW_PUBSUB_HISTORY_H
#define CREW_PUBSUB_HISTORY_H

#include "amqp/message.h"
#include "pubsub/dedup.h"
#include <stddef.h>

struct history_channel;

/* Read-only for others. Valid until the history changes. */
struct history_entry {
    uint64_t cursor;
    uint64_t expires_ms; /* clock_ms() */
    size_t bytes;
    struct history_channel *channel;
    struct dedup_publisher *publisher;
    struct message *message;
};

struct history {
    struct history_entry *ring;
    size_t cap;         /* a power of two, or 0 */
    uint64_t first_seq; /* of the oldest entry; equal to next_seq: there is none */
    uint64_t next_seq;
    uint64_t
        complete_from; /* no message that was read at or after this cursor is missing */
    uint64_t next_cursor; /* the last cursor that was read, plus 1; 0: nothing was read */
    size_t bytes;
    size_t max_bytes;
    uint64_t max_age_ms;
    struct history_channel *channels; /* hash by name */
    struct dedup dedup;
};

void history_init(struct history *h, size_t max_bytes, uint64_t max_age_ms);

/* All channels must have been released. */
void history_fini(struct history *h);

/* ---- writing ---- */

/* Drop all entries, and continue at CURSOR. Channels with a reference stay. */
void history_restart(struct history *h, uint64_t cursor);

/* Something was read at CURSOR that is not a publication. */
void history_skip(struct history *h, uint64_t cursor);

/* Add M, which was published to a channel AGE_MS ago and read at CURSOR; cursors
 * increase. Returns its entry; null: it is a repeated publication. The history owns M in
 * any case. */
const struct history_entry *history_add(struct history *h, struct message *m,
                                        uint64_t cursor, uint64_t age_ms);

/* Drop entries that are too old. Returns when the next one expires (clock_ms()); 0: the
 * history is empty. */
uint64_t history_expire(struct history *h, uint64_t now_ms);

/* ---- positions ---- */

/* The cursor after the last one that was read; 0: nothing was read. */
uint64_t history_next_cursor(const struct history *h);

/* From this cursor on, no message that was read is missing. */
uint64_t history_complete_from(const struct history *h);

size_t history_max_bytes(const struct history *h);
uint64_t history_max_age_ms(const struct history *h);

/* Sequence numbers of entries: first <= n < next. */
uint64_t history_first_seq(const struct history *h);
uint64_t history_next_seq(const struct history *h);

/* The sequence number of the oldest entry after CURSOR; next_seq: there is none. */
uint64_t history_seq_after(const struct history *h, uint64_t cursor);
const struct history_entry *history_at(const struct history *h, uint64_t seq);

/* ---- channels ---- */

/* Get a reference to a channel, to be given back with history_release. */
struct history_channel *history_hold(struct history *h, const char *name);
void history_release(struct history *h, struct history_channel *channel);

const char *history_channel_name(const struct history_channel *channel);

/* A pointer for the owner of the history, null at first. It is kept while the channel is
 * held. */
void **history_channel_data(struct history_channel *channel);

/* The oldest entry of CHANNEL after CURSOR; null: there is none. */
const struct history_entry *history_after(const struct history *h,
                                          const struct history_channel *channel,
                                          uint64_t cursor);

#endif
