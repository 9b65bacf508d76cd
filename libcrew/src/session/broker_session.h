/* A session: what a client and a worker have in common. Two links, one that publishes and
 * one that consumes (a broker that blocks publishers stops reading the whole connection,
 * acks included); the inbox into which their threads put events; timers; and the one
 * descriptor that a foreign event loop watches.
 *
 * With several addresses the session sees to it that both links are at the same one: the
 * one that opens later has had a reason, so the other is sent where that one is. Until
 * both are there the session counts as closed.
 *
 * With caller_driven_io the links lend their connections: then input and output are part of the
 * dispatch, and the links' threads only connect.
 *
 * The links' threads touch the inbox only, everything else belongs to the owner's thread.
 */
#ifndef CREW_SESSION_BROKER_SESSION_H
#define CREW_SESSION_BROKER_SESSION_H

#include "amqp/link.h"
#include "base/background_thread.h"
#include "base/deadlines.h"
#include "session/publish_waiter.h"
#include <crew/message.h>
#include <pthread.h>

enum broker_session_side {
    BROKER_SESSION_PUBLISHER,
    BROKER_SESSION_CONSUMER,
    BROKER_SESSION_SIDES
};

struct broker_session_timer {
    struct deadline deadline; /* first: a deadline is turned back into its timer */
    void (*fire)(struct broker_session_timer *timer);
};

struct broker_session_handlers {
    /* The owner takes over the event. LINK_PUBLISHED never comes: the session notifies the
     * message's publish_waiter. */
    void (*on_event)(void *owner, enum broker_session_side side,
                     struct link_event *event);
    /* After the events and timers of a dispatch, before messages go out. True: there is
     * more to do, dispatch again. */
    bool (*on_flush)(void *owner);
    void *owner;
};

/* A link's events on their way to the owner's thread. A mere confirm wakes nobody where
 * the owner can wait for it (defer_confirm_wakeup): it is seen with whatever comes next, unless
 * its message says otherwise (message->awaited). */
struct broker_session_inbox {
    pthread_mutex_t lock;
    struct link_event *first;
    struct link_event **last;
    bool woken; /* the owner knows that there is something */
};

struct broker_session_link {
    struct broker_session *session;
    enum broker_session_side side;
    struct link *link;
    uint64_t epoch;     /* of the open connection; 0: not open, or sent elsewhere */
    size_t url;         /* the address it is open at */
    bool caller_driven; /* its input and output are done here */
    struct broker_session_timer turn; /* when the next turn is due at the latest */
    struct broker_session_inbox inbox;
};

struct broker_session {
    struct broker_session_handlers handlers;
    struct broker_session_link links[BROKER_SESSION_SIDES];
    size_t url_count;
    char place[300]; /* host:port of the last connection */
    bool defer_confirm_wakeup;
    bool blocked; /* the broker takes no messages at present */

    int poll_fd; /* wakeup_fd and timer_fd behind one descriptor */
    int wakeup_fd;
    int timer_fd;
    bool dispatching;
    bool closing;
    bool
        caller_driven_io; /* the owner's loop never blocks for long, and calls broker_session_flush
                          before it waits */
    bool flush_wanted; /* there is something that on_flush or publishing takes care of */

    struct deadlines deadlines;
    uint64_t armed_ms; /* what timer_fd is set to; 0: not set */
    struct background_thread *background;

    struct message *out; /* to be published at the end of this dispatch */
    struct message **out_last;

    crew_event_fn *report;
    void *report_arg;
};

struct broker_session_options {
    const struct crew_broker *broker;
    const char *name;
    struct broker_session_handlers handlers;
    crew_event_fn *report;
    void *report_arg;
    bool caller_driven_io;
    bool defer_confirm_wakeup;
};

/* Starts both links. S must stay where it is. On an error nothing is left behind. */
int broker_session_init(struct broker_session *s,
                        const struct broker_session_options *options);

/* The end comes in two steps: broker_session_stop flushes for at most FLUSH_MS and ends the
 * threads; no callback comes any more, and messages that were with a link are freed.
 * broker_session_fini frees the rest, when the owner has put away what has timers. */
void broker_session_stop(struct broker_session *s, unsigned flush_ms);
void broker_session_fini(struct broker_session *s);

int broker_session_fd(const struct broker_session *s);
void broker_session_dispatch(struct broker_session *s);

/* For owners with several threads, one of which is in broker_session_dispatch: the descriptor is
 * not readable any more for what has come until now; readable, whatever there is to do.
 */
void broker_session_disarm(struct broker_session *s);
void broker_session_set_readable(struct broker_session *s);

/* A dispatch is: begin, what has come, end. What is published between the two goes out
 * with the second, without a wake-up. */
void broker_session_begin(struct broker_session *s);
void broker_session_end(struct broker_session *s);

/* See that broker_session_dispatch (or broker_session_flush) is called soon. */
void broker_session_wake(struct broker_session *s);

/* The last part of a dispatch, when there is something for it: on_flush, then messages go
 * out. No system call when there is nothing. */
void broker_session_flush(struct broker_session *s);

void broker_session_timer_set(struct broker_session *s,
                              struct broker_session_timer *timer, uint64_t at_ms);
void broker_session_timer_clear(struct broker_session *s,
                                struct broker_session_timer *timer);

/* Publish at the end of this dispatch, or of the next one. The session owns M. */
void broker_session_publish(struct broker_session *s, struct message *m);

/* Topology, on the consuming or publishing side's present connection. */
void broker_session_op(struct broker_session *s, enum broker_session_side side,
                       struct link_op *op);

/* Settle a delivery; a rejected one becomes a dead letter. */
void broker_session_ack(struct broker_session *s, const struct message *m);
void broker_session_reject(struct broker_session *s, const struct message *m);

void broker_session_report(struct broker_session *s, enum crew_event_kind kind,
                           const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Both connections are open, at the same address. */
bool broker_session_open(const struct broker_session *s);

/* Report why a link could not connect; said once when both have the same trouble. */
void broker_session_report_failure(struct broker_session *s,
                                   enum broker_session_side side, const char *why);

/* Compress the body of a message that is to be published, or inflate one that came in, on
 * the background thread. DONE runs on the owner's thread, in broker_session_dispatch. */
struct compress_job {
    struct background_job job;
    struct broker_session *session;
    struct buffer in;
    struct buffer out;
    size_t max_bytes; /* inflating: bound */
    int result; /* 0: OUT holds the result; CREW_ECLOSED: not done, the session ends;
                   inflating: gzip_inflate's error; compressing: CREW_ETOOLARGE when
                   it does not help */
    void *arg;
    void (*done)(struct compress_job *compress_job); /* frees it: compress_job_free */
};
/* Takes IN over. */
struct compress_job *compress_start(struct broker_session *s, struct buffer *in,
                                    void *arg, void (*done)(struct compress_job *));
struct compress_job *decompress_start(struct broker_session *s, struct buffer *in,
                                      size_t max_bytes, void *arg,
                                      void (*done)(struct compress_job *));
void compress_job_free(struct compress_job *compress_job);

#endif
