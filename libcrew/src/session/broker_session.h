/* Broker session: what clients, workers and subscribers have in common. It holds two
 * links, one that publishes and one that consumes (a broker that blocks publishers stops
 * reading the whole connection, acks included), timers, a background thread, and one
 * descriptor for a foreign event loop to watch.
 *
 * With several broker addresses the session keeps both links at the same address: the
 * link that connected last determines it, and the other is moved there. Until both are
 * open at one address the session counts as closed.
 *
 * With caller_driven_io the owner's thread does the links' input and output as part of
 * the dispatch, and the links' threads only connect.
 *
 * The links' threads touch the event queues only. Everything else belongs to the thread
 * that dispatches.
 */
#ifndef CREW_SESSION_BROKER_SESSION_H
#define CREW_SESSION_BROKER_SESSION_H

#include "amqp/link_event.h"
#include "base/background_thread.h"
#include "base/deadlines.h"
#include "session/publish_waiter.h"
#include <crew/broker.h>
#include <crew/message.h>

struct broker_session;

enum broker_session_side {
    BROKER_SESSION_PUBLISHER,
    BROKER_SESSION_CONSUMER,
    BROKER_SESSION_SIDES
};

/* A timer is embedded in the struct that it belongs to. Zeroed memory with FIRE set is a
 * timer that is not running. */
struct broker_session_timer {
    struct deadline deadline; /* first: a deadline is turned back into its timer */
    void (*fire)(struct broker_session_timer *timer);
};

struct broker_session_handlers {
    /* The owner takes over the event. LINK_PUBLISHED does not come here: the session
     * passes it to the message's publish_waiter. */
    void (*on_event)(void *owner, enum broker_session_side side,
                     struct link_event *event);
    /* Called after the events and timers of a dispatch, before messages are handed to the
     * link. True: there is more to do; the session has itself dispatched again. */
    bool (*on_flush)(void *owner);
    void *owner;
};

struct broker_session_options {
    const struct crew_broker *broker;
    const char *name;
    struct broker_session_handlers handlers;
    crew_event_fn *report;
    void *report_arg;
    /* The owner's loop never blocks for long, and calls broker_session_flush each time
     * before it waits for events. */
    bool caller_driven_io;
    /* A confirm alone does not make the descriptor readable. It is seen with the next
     * event, unless its message has AWAITED set. */
    bool defer_confirm_wakeup;
};

/* Starts both links. The first callback comes with the first dispatch. CREW_ESYSTEM: no
 * thread or descriptor is available. */
int broker_session_new(const struct broker_session_options *options,
                       struct broker_session **session);

/* A session ends in two steps. broker_session_stop flushes for at most FLUSH_MS and ends
 * the threads: no callback comes afterwards, and messages that were with a link are
 * freed. broker_session_free frees the rest, once the owner has released everything that
 * embeds a timer. */
void broker_session_stop(struct broker_session *s, unsigned flush_ms);
void broker_session_free(struct broker_session *s);

/* ---- state ---- */

/* Both connections are open, at the same address. */
bool broker_session_is_open(const struct broker_session *s);

/* Epoch of one side's open connection; 0 if it is not open. */
uint64_t broker_session_epoch(const struct broker_session *s,
                              enum broker_session_side side);

/* The broker accepts no messages at present (connection.blocked). */
bool broker_session_is_blocked(const struct broker_session *s);

/* host:port of the last connection, without a password. */
const char *broker_session_address(const struct broker_session *s);

bool broker_session_is_closing(const struct broker_session *s);

/* broker_session_flush has something to do. */
bool broker_session_has_pending_flush(const struct broker_session *s);

/* ---- dispatching ---- */

/* Readable when broker_session_dispatch has something to do. */
int broker_session_fd(const struct broker_session *s);
void broker_session_dispatch(struct broker_session *s);

/* For owners with several threads, one of which is in broker_session_dispatch. After
 * disarm, what has come until now does not make the descriptor readable any more;
 * set_readable makes it readable whether there is something to do or not. */
void broker_session_disarm(struct broker_session *s);
void broker_session_set_readable(struct broker_session *s);

/* A dispatch is: begin, handle what has come, end. What is published between begin and
 * end is handed to the link by end, without a wake-up. */
void broker_session_begin(struct broker_session *s);
void broker_session_end(struct broker_session *s);

/* Make sure that broker_session_dispatch (or broker_session_flush) is called soon. */
void broker_session_wake(struct broker_session *s);

/* The last part of a dispatch: on_flush, then messages are handed to the link. No system
 * call if there is nothing to do. */
void broker_session_flush(struct broker_session *s);

static inline bool broker_session_timer_is_set(const struct broker_session_timer *timer) {
    return deadline_is_set(&timer->deadline);
}

void broker_session_timer_set(struct broker_session *s,
                              struct broker_session_timer *timer, uint64_t at_ms);
/* Not if it runs and fires earlier. */
void broker_session_timer_set_earlier(struct broker_session *s,
                                      struct broker_session_timer *timer, uint64_t at_ms);
void broker_session_timer_clear(struct broker_session *s,
                                struct broker_session_timer *timer);

/* Run a job on the background thread; job->done runs in broker_session_dispatch. */
void broker_session_run(struct broker_session *s, struct background_job *job);

/* ---- links ---- */

/* Publish at the end of this dispatch, or of the next one. The session owns M until its
 * publish_waiter is notified. Without a waiter the session frees it. */
void broker_session_publish(struct broker_session *s, struct message *m);

/* Topology, on one side's present connection. */
void broker_session_op(struct broker_session *s, enum broker_session_side side,
                       struct link_op *op);

/* Settle a delivery; a rejected one becomes a dead letter. Ignored for a delivery of an
 * earlier connection: the broker has put it back into its queue. */
void broker_session_ack(struct broker_session *s, const struct message *m);
void broker_session_reject(struct broker_session *s, const struct message *m);

/* ---- reports to the program ---- */

void broker_session_report(struct broker_session *s, enum crew_event_kind kind,
                           const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Report why a link could not connect. Reported once if both links fail. */
void broker_session_report_failure(struct broker_session *s,
                                   enum broker_session_side side, const char *why);

#endif
