/* Publishing: messages to the exchange of pub/sub, and their publish status. */
#ifndef CREW_CLIENT_PUBLISHER_H
#define CREW_CLIENT_PUBLISHER_H

#include "client/dispatch_lock.h"
#include "client/queue_probe.h"
#include "client/reply_queue.h"
#include "session/broker_session.h"
#include <crew/client.h>

struct publication;

/* Each list is in the order of the numbers, all that await a retry before all queued. */
struct publisher {
    struct broker_session *session;
    struct dispatch_lock *lock;
    const struct reply_queue *reply_queue;
    const char *instance; /* the beginning of the ids */
    uint64_t last_number;
    bool has_new;          /* since the last flush */
    bool exchange_ready;   /* declared over the present connection */
    bool exchange_refused; /* the broker does not declare it */
    bool history_ready;    /* crew.history takes messages, or does not exist */
    struct queue_probe history_probe;
    struct broker_session_timer history_retry; /* when it is probed again */
    uint64_t history_until_ms;                 /* how long it is waited for */
    struct publication *queued;
    struct publication *awaiting_retry;
    struct publication *with_link;
};

struct published_receiver {
    crew_published_fn *fn; /* may be null */
    void *arg;
    enum callback_locking locking;
};

void publisher_init(struct publisher *p, struct broker_session *s,
                    struct dispatch_lock *lock, const struct reply_queue *reply_queue,
                    const char *instance);
/* All publications end with CREW_ECLOSED. */
void publisher_close(struct publisher *p);
/* After broker_session_stop. */
void publisher_fini(struct publisher *p);

/* The publishing connection is open: declare the exchange. */
void publisher_connected(struct publisher *p);
/* An op of the client's is done. */
void publisher_op_done(struct publisher *p, const struct link_op *op);

/* Errors as of crew_client_publish; TO is not called from here. ID may be null. */
int publisher_publish(struct publisher *p, const struct crew_publication *publication,
                      const struct published_receiver *to,
                      char id[CREW_PUBLICATION_ID_BYTES]);

/* Send what may be sent, or let it fail. */
void publisher_flush(struct publisher *p);
/* Something was published since the last flush. */
bool publisher_has_new(const struct publisher *p);

#endif
