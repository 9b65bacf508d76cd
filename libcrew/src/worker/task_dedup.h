/* Duplicate suppression: which tasks a worker has in hand, which answers it has given
 * lately, and which tasks were cancelled before they came.
 *
 * A task that comes again while it is in hand, or while its answer is cached, is not run
 * again. An answer is cached until the task's deadline. The cache is bounded in answers
 * and bytes; the oldest answers are dropped first. An id that was cancelled is remembered
 * until its deadline, at most LIMIT_CANCELLED_IDS of them; further ones are ignored.
 *
 * No I/O and no clock: times come in as arguments (clock_ms).
 */
#ifndef CREW_WORKER_TASK_DEDUP_H
#define CREW_WORKER_TASK_DEDUP_H

#include "base/deadlines.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#define TASK_DEDUP_CACHE_BYTES ((size_t)64 * 1024 * 1024)

/* Embedded in the task. Zeroed memory is an entry that is not in the table. */
struct task_dedup_entry {
    struct deadline expiry; /* first: a deadline is turned back into its entry */
    UT_hash_handle hh;
    const char *key;     /* null: not in the table */
    size_t cached_bytes; /* size of the cached answer */
    bool is_cached;
    struct task_dedup_entry *prev, *next; /* in the cache, the oldest first */
};

struct task_dedup {
    struct task_dedup_entry *entries; /* by key, the cached ones too */
    struct task_dedup_entry *cached;
    size_t cached_count;
    size_t cached_bytes;
    size_t max_cached;
    struct cancelled_id *cancelled; /* by id */
    struct deadlines cached_expiries;
    struct deadlines cancelled_expiries;
};

/* The cache holds at most MAX_CACHED answers. */
void task_dedup_init(struct task_dedup *d, size_t max_cached);
void task_dedup_fini(struct task_dedup *d); /* all entries have been removed */
void task_dedup_set_max_cached(struct task_dedup *d, size_t max_cached);

/* ---- tasks in hand ---- */

/* KEY must outlive the entry's time in the table. */
void task_dedup_add(struct task_dedup *d, struct task_dedup_entry *entry,
                    const char *key);
void task_dedup_remove(struct task_dedup *d,
                       struct task_dedup_entry *entry); /* cached or not */
struct task_dedup_entry *task_dedup_find(const struct task_dedup *d, const void *key,
                                         size_t bytes);
struct task_dedup_entry *
task_dedup_first(const struct task_dedup *d); /* any; null: the table is empty */

/* Entries in the table that are not cached. */
size_t task_dedup_count_in_hand(const struct task_dedup *d);

/* ---- answer cache ---- */

/* ENTRY, which is in the table, has an answer of so many bytes. False: it is not worth to
 * be cached, because it expires now or is larger than the cache. */
bool task_dedup_cache(struct task_dedup *d, struct task_dedup_entry *entry, size_t bytes,
                      uint64_t expires_ms, uint64_t now_ms);

/* ENTRY's task is in hand again. */
void task_dedup_uncache(struct task_dedup *d, struct task_dedup_entry *entry);

/* The next cached entry that has expired or exceeds the bounds, or null. It is no longer
 * cached; the caller removes it. */
struct task_dedup_entry *task_dedup_take_expired(struct task_dedup *d, uint64_t now_ms);

/* ---- cancelled ids ---- */

void task_dedup_remember_cancelled(struct task_dedup *d, const void *id, size_t bytes,
                                   uint64_t expires_ms);
bool task_dedup_is_cancelled(const struct task_dedup *d, const void *id, size_t bytes);
void task_dedup_forget_cancelled(struct task_dedup *d,
                                 uint64_t now_ms); /* those that expired */

/* When task_dedup_take_expired or task_dedup_forget_cancelled will have something to do;
 * 0: never. */
uint64_t task_dedup_next_expiry_ms(const struct task_dedup *d);

#endif
