#include "client/queue_info.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include "client/queue_probe.h"
#include "wire/broker_names.h"
#include "wire/limits.h"
#include "wire/task_name.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

/* ---- number of consumers, cached ---- */

#define CACHED_MS 1000u
#define MAX_CACHED 1000u

/* How many consumers a queue has, asked for at most once in CACHED_MS. Queries that come
 * meanwhile wait for the same answer. */
struct consumer_count {
    struct queue_probe probe; /* first: a probe is turned back into its count */
    char *queue;
    UT_hash_handle hh;
    uint32_t count;
    uint64_t checked_ms; /* 0: never */
    bool asking;
    struct consumer_query *queries;
};

static void count_free(struct queue_info *info, struct consumer_count *c) {
    HASH_DEL(info->counts, c);
    free(c->queue);
    free(c);
}

/* Queue names may come from variables of a web server's configuration: their number is
 * bounded. The hash keeps the order in which they came. */
static void evict_oldest(struct queue_info *info) {
    while (HASH_COUNT(info->counts) >= MAX_CACHED && !info->counts->asking)
        count_free(info, info->counts);
}

void queue_info_cancel(struct consumer_query *query) {
    if (query->waits_for != NULL)
        DL_DELETE(query->waits_for->queries, query);
    query->waits_for = NULL;
}

static void on_counted(struct queue_probe *probe, const struct link_op *op) {
    struct consumer_count *c = (struct consumer_count *)probe;
    bool known = op->ok || queue_probe_not_found(op);
    c->asking = false;
    c->count = op->ok ? op->consumers : 0;
    c->checked_ms = known ? clock_ms() : 0;
    struct consumer_query *query, *next;
    DL_FOREACH_SAFE (c->queries, query, next) {
        queue_info_cancel(query);
        query->done(query, known, c->count);
    }
}

static struct consumer_count *count_of(struct queue_info *info, const char *queue) {
    struct consumer_count *c;
    HASH_FIND_STR(info->counts, queue, c);
    if (c != NULL)
        return c;
    evict_oldest(info);
    c = xcalloc(1, sizeof *c);
    c->probe.done = on_counted;
    c->queue = xstrdup(queue);
    HASH_ADD_KEYPTR(hh, info->counts, c->queue, strlen(c->queue), c);
    return c;
}

bool queue_info_count_consumers(struct queue_info *info, const char *queue,
                                uint32_t *count, struct consumer_query *query) {
    struct consumer_count *c = count_of(info, queue);
    if (c->checked_ms != 0 && clock_ms() - c->checked_ms < CACHED_MS) {
        *count = c->count;
        return true;
    }
    query->waits_for = c;
    DL_APPEND(c->queries, query);
    if (!c->asking) {
        c->asking = true;
        queue_probe_start(&c->probe, info->session, BROKER_SESSION_CONSUMER, c->queue);
    }
    return false;
}

/* ---- one queue, for a thread that waits ---- */

struct lookup_waiter {
    struct dispatch_waiter waiter;
    struct crew_queue *queue;
    struct queue_lookup *lookup; /* null: answered */
};

/* A question that is under way. It outlives a waiter whose time is over. */
struct queue_lookup {
    struct queue_probe probe; /* first: a probe is turned back into its lookup */
    struct queue_info *info;
    struct lookup_waiter *waiter; /* null: does not wait any more */
    struct queue_lookup *prev, *next;
};

static void lookup_free(struct queue_lookup *l) {
    DL_DELETE(l->info->lookups, l);
    free(l);
}

static void on_answer(struct queue_probe *probe, const struct link_op *op) {
    struct queue_lookup *l = (struct queue_lookup *)probe;
    struct lookup_waiter *w = l->waiter;
    if (w != NULL) {
        int error = queue_probe_not_found(op) ? CREW_ENOWORKERS : CREW_EBROKER;
        *w->queue = (struct crew_queue){.error = op->ok ? 0 : error,
                                        .messages = op->messages,
                                        .consumers = op->consumers};
        w->lookup = NULL;
        dispatch_lock_wake(&w->waiter);
    }
    lookup_free(l);
}

static void start_lookup(struct queue_info *info, const char *task,
                         struct lookup_waiter *w) {
    char name[sizeof NAME_TASK_QUEUE_PREFIX + LIMIT_TASK_NAME_BYTES];
    snprintf(name, sizeof name, "%s%s", NAME_TASK_QUEUE_PREFIX, task);
    struct queue_lookup *l = xcalloc(1, sizeof *l);
    l->probe.done = on_answer;
    l->info = info;
    l->waiter = w;
    w->lookup = l;
    DL_APPEND(info->lookups, l);
    queue_probe_start(&l->probe, info->session, BROKER_SESSION_CONSUMER, name);
}

int queue_info_wait(struct queue_info *info, struct dispatch_lock *lock, const char *task,
                    uint32_t timeout_ms, struct crew_queue *queue) {
    if (task == NULL || !task_name_valid(task, strlen(task)))
        return CREW_EINVAL;
    struct lookup_waiter w = {.queue = queue};
    int error = dispatch_lock_wait_begin(lock, &w.waiter);
    if (error != 0)
        return error;
    *queue = (struct crew_queue){.error = CREW_EBROKER};
    start_lookup(info, task, &w);
    dispatch_lock_set_timeout(&w.waiter, timeout_ms);
    dispatch_lock_wait(&w.waiter);
    if (w.lookup != NULL)
        w.lookup->waiter = NULL;
    dispatch_lock_wait_end(&w.waiter);
    return queue->error;
}

/* ---- beginning and end ---- */

void queue_info_init(struct queue_info *info, struct broker_session *s) {
    *info = (struct queue_info){.session = s};
}

void queue_info_close(struct queue_info *info) {
    struct queue_lookup *l;
    DL_FOREACH (info->lookups, l) {
        if (l->waiter == NULL)
            continue;
        l->waiter->queue->error = CREW_ECLOSED;
        dispatch_lock_wake(&l->waiter->waiter);
    }
}

void queue_info_fini(struct queue_info *info) {
    struct consumer_count *c, *next;
    HASH_ITER (hh, info->counts, c, next)
        count_free(info, c);
    while (info->lookups != NULL)
        lookup_free(info->lookups);
}
