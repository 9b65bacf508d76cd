/* What the broker says about task queues: how many consumers they have, cached for calls
 * that fail without workers, and crew_client_queue_wait. */
#ifndef CREW_CLIENT_QUEUE_INFO_H
#define CREW_CLIENT_QUEUE_INFO_H

#include "client/dispatch_lock.h"
#include "session/broker_session.h"
#include <crew/client.h>

/* Inside whatever waits for a number of consumers. Zeroed memory waits for nothing. */
struct consumer_query {
    /* The query is over. KNOWN: the broker said that there are COUNT consumers. */
    void (*done)(struct consumer_query *query, bool known, uint32_t count);
    struct consumer_count *waits_for;
    struct consumer_query *prev, *next;
};

struct queue_info {
    struct broker_session *session;
    struct consumer_count *counts; /* by queue */
    struct queue_lookup *lookups;  /* those under way, also without anybody waiting */
};

void queue_info_init(struct queue_info *info, struct broker_session *s);
/* Threads in queue_info_wait are woken with CREW_ECLOSED. */
void queue_info_close(struct queue_info *info);
/* After broker_session_stop. */
void queue_info_fini(struct queue_info *info);

/* True: *COUNT is how many consumers QUEUE has, or has had within the last second. False:
 * the broker is asked, and QUERY will be done within a dispatch, unless it is
 * cancelled. */
bool queue_info_count_consumers(struct queue_info *info, const char *queue,
                                uint32_t *count, struct consumer_query *query);
static inline bool queue_info_is_asking(const struct consumer_query *query) {
    return query->waits_for != NULL;
}
void queue_info_cancel(struct consumer_query *query); /* one that is not asking is fine */

/* crew_client_queue_wait */
int queue_info_wait(struct queue_info *info, struct dispatch_lock *lock, const char *task,
                    uint32_t timeout_ms, struct crew_queue *queue);

#endif
