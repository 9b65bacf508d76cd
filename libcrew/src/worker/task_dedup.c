#include "worker/task_dedup.h"

#include "base/xalloc.h"
#include "wire/limits.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct cancelled_id {
    struct deadline expiry; /* first: a deadline is turned back into this */
    char id[LIMIT_ITEM_ID_BYTES];
    size_t id_bytes;
    UT_hash_handle hh;
};

void task_dedup_init(struct task_dedup *d, size_t max_cached) {
    *d = (struct task_dedup){.max_cached = max_cached};
}

static void forget(struct task_dedup *d, struct cancelled_id *cancelled) {
    deadlines_clear(&d->cancelled_expiries, &cancelled->expiry);
    HASH_DEL(d->cancelled, cancelled);
    free(cancelled);
}

void task_dedup_fini(struct task_dedup *d) {
    struct cancelled_id *cancelled, *next;
    HASH_ITER (hh, d->cancelled, cancelled, next)
        forget(d, cancelled);
    deadlines_fini(&d->cached_expiries);
    deadlines_fini(&d->cancelled_expiries);
}

void task_dedup_set_max_cached(struct task_dedup *d, size_t max_cached) {
    d->max_cached = max_cached;
}

/* ---- tasks in hand ---- */

void task_dedup_add(struct task_dedup *d, struct task_dedup_entry *entry,
                    const char *key) {
    entry->key = key;
    HASH_ADD_KEYPTR(hh, d->entries, entry->key, strlen(entry->key), entry);
}

void task_dedup_remove(struct task_dedup *d, struct task_dedup_entry *entry) {
    if (entry->is_cached)
        task_dedup_uncache(d, entry);
    if (entry->key != NULL)
        HASH_DEL(d->entries, entry);
    entry->key = NULL;
}

struct task_dedup_entry *task_dedup_find(const struct task_dedup *d, const void *key,
                                         size_t bytes) {
    struct task_dedup_entry *entry = NULL;
    HASH_FIND(hh, d->entries, key, bytes, entry);
    return entry;
}

struct task_dedup_entry *task_dedup_first(const struct task_dedup *d) {
    return d->entries;
}

size_t task_dedup_count_in_hand(const struct task_dedup *d) {
    return HASH_COUNT(d->entries) - d->cached_count;
}

/* ---- answer cache ---- */

bool task_dedup_cache(struct task_dedup *d, struct task_dedup_entry *entry, size_t bytes,
                      uint64_t expires_ms, uint64_t now_ms) {
    if (expires_ms <= now_ms || bytes > TASK_DEDUP_CACHE_BYTES)
        return false;
    entry->is_cached = true;
    entry->cached_bytes = bytes;
    DL_APPEND(d->cached, entry);
    d->cached_count++;
    d->cached_bytes += bytes;
    deadlines_set(&d->cached_expiries, &entry->expiry, expires_ms);
    return true;
}

void task_dedup_uncache(struct task_dedup *d, struct task_dedup_entry *entry) {
    entry->is_cached = false;
    DL_DELETE(d->cached, entry);
    d->cached_count--;
    d->cached_bytes -= entry->cached_bytes;
    deadlines_clear(&d->cached_expiries, &entry->expiry);
}

struct task_dedup_entry *task_dedup_take_expired(struct task_dedup *d, uint64_t now_ms) {
    bool exceeds =
        d->cached_count > d->max_cached || d->cached_bytes > TASK_DEDUP_CACHE_BYTES;
    struct task_dedup_entry *entry = d->cached;
    if (!exceeds) {
        const struct deadline *first = deadlines_first(&d->cached_expiries);
        bool expired = first != NULL && first->at_ms <= now_ms;
        entry = expired ? (struct task_dedup_entry *)first : NULL;
    }
    if (entry != NULL)
        task_dedup_uncache(d, entry);
    return entry;
}

/* ---- cancelled ids ---- */

bool task_dedup_is_cancelled(const struct task_dedup *d, const void *id, size_t bytes) {
    struct cancelled_id *cancelled = NULL;
    if (d->cancelled != NULL)
        HASH_FIND(hh, d->cancelled, id, bytes, cancelled);
    return cancelled != NULL;
}

void task_dedup_remember_cancelled(struct task_dedup *d, const void *id, size_t bytes,
                                   uint64_t expires_ms) {
    if (bytes > LIMIT_ITEM_ID_BYTES || HASH_COUNT(d->cancelled) >= LIMIT_CANCELLED_IDS ||
        task_dedup_is_cancelled(d, id, bytes))
        return;
    struct cancelled_id *cancelled = xcalloc(1, sizeof *cancelled);
    cancelled->id_bytes = bytes;
    memcpy(cancelled->id, id, bytes);
    HASH_ADD_KEYPTR(hh, d->cancelled, cancelled->id, cancelled->id_bytes, cancelled);
    deadlines_set(&d->cancelled_expiries, &cancelled->expiry, expires_ms);
}

void task_dedup_forget_cancelled(struct task_dedup *d, uint64_t now_ms) {
    struct deadline *due;
    while ((due = deadlines_take_due(&d->cancelled_expiries, now_ms)) != NULL)
        forget(d, (struct cancelled_id *)due);
}

uint64_t task_dedup_next_expiry_ms(const struct task_dedup *d) {
    const struct deadline *cached = deadlines_first(&d->cached_expiries);
    const struct deadline *cancelled = deadlines_first(&d->cancelled_expiries);
    if (cached == NULL || (cancelled != NULL && cancelled->at_ms < cached->at_ms))
        cached = cancelled;
    return cached != NULL ? cached->at_ms : 0;
}
