/* A session: what a client and a worker have in common. Two links, one that publishes and
 * one that consumes (a broker that blocks publishers stops reading the whole connection,
 * acks included); the inbox into which their threads put events; timers; and the one
 * descriptor that a foreign event loop watches.
 *
 * With several addresses the session sees to it that both links are at the same one: the
 * one that opens later has had a reason, so the other is sent where that one is. Until
 * both are there the session counts as closed.
 *
 * With owner_io the links lend their connections: then input and output are part of the
 * dispatch, and the links' threads only connect.
 *
 * The links' threads touch the inbox only, everything else belongs to the owner's thread.
 */
#ifndef CREW_RPC_SESSION_H
#define CREW_RPC_SESSION_H

#include "amqp/link.h"
#include "base/deadlines.h"
#include "base/offload.h"
#include <crew/message.h>
#include <pthread.h>

enum session_side { SESSION_PUBLISHER, SESSION_CONSUMER, SESSION_SIDES };

struct session_timer {
    struct deadline deadline; /* first: a deadline is turned back into its timer */
    void (*fire)(struct session_timer *timer);
};

struct session_handlers {
    /* The owner takes over the event. LINK_PUBLISHED comes only for messages with an
     * owner (message->owner); others are freed by the session. */
    void (*on_event)(void *owner, enum session_side side, struct link_event *event);
    /* After the events and timers of a dispatch, before messages go out. True: there is
     * more to do, dispatch again. */
    bool (*on_flush)(void *owner);
    void *owner;
};

/* A link's events on their way to the owner's thread. A mere confirm wakes nobody where
 * the owner can wait for it (lazy_confirms): it is seen with whatever comes next, unless
 * its message says otherwise (message->awaited). */
struct session_inbox {
    pthread_mutex_t lock;
    struct link_event *first;
    struct link_event **last;
    bool woken; /* the owner knows that there is something */
};

struct session_link {
    struct session *session;
    enum session_side side;
    struct link *link;
    uint64_t epoch; /* of the open connection; 0: not open, or sent elsewhere */
    size_t url;     /* the address it is open at */
    bool lent;      /* its input and output are done here */
    struct session_timer turn; /* when the next turn is due at the latest */
    struct session_inbox inbox;
};

struct session {
    struct session_handlers handlers;
    struct session_link links[SESSION_SIDES];
    size_t url_count;
    char place[300]; /* host:port of the last connection */
    bool lazy_confirms;
    bool blocked; /* the broker takes no messages at present */

    int poll_fd; /* wake_fd and timer_fd behind one descriptor */
    int wake_fd;
    int timer_fd;
    bool dispatching;
    bool closing;
    bool owner_io;     /* the owner's loop never blocks for long, and calls session_flush
                          before it waits */
    bool flush_wanted; /* there is something that on_flush or publishing takes care of */

    struct deadlines deadlines;
    uint64_t armed_ms; /* what timer_fd is set to; 0: not set */
    struct offload *offload;

    struct message *out; /* to be published at the end of this dispatch */
    struct message **out_last;

    crew_event_fn *report;
    void *report_arg;
};

struct session_options {
    const struct crew_broker *broker;
    const char *name;
    struct session_handlers handlers;
    crew_event_fn *report;
    void *report_arg;
    bool owner_io;
    bool lazy_confirms;
};

/* Starts both links. S must stay where it is. On an error nothing is left behind. */
int session_init(struct session *s, const struct session_options *options);

/* The end comes in two steps: session_stop flushes for at most FLUSH_MS and ends the
 * threads; no callback comes any more, and messages that were with a link are freed.
 * session_fini frees the rest, when the owner has put away what has timers. */
void session_stop(struct session *s, unsigned flush_ms);
void session_fini(struct session *s);

int session_fd(const struct session *s);
void session_dispatch(struct session *s);

/* For owners with several threads, one of which is in session_dispatch: the descriptor is
 * not readable any more for what has come until now; readable, whatever there is to do.
 */
void session_hush(struct session *s);
void session_rouse(struct session *s);

/* A dispatch is: begin, what has come, end. What is published between the two goes out
 * with the second, without a wake-up. */
void session_begin(struct session *s);
void session_end(struct session *s);

/* See that session_dispatch (or session_flush) is called soon. */
void session_wake(struct session *s);

/* The last part of a dispatch, when there is something for it: on_flush, then messages go
 * out. No system call when there is nothing. */
void session_flush(struct session *s);

void session_timer_set(struct session *s, struct session_timer *timer, uint64_t at_ms);
void session_timer_clear(struct session *s, struct session_timer *timer);

/* Publish at the end of this dispatch, or of the next one. The session owns M. */
void session_publish(struct session *s, struct message *m);

/* Topology, on the consuming or publishing side's present connection. */
void session_op(struct session *s, enum session_side side, struct link_op *op);

/* Settle a delivery; a rejected one becomes a dead letter. */
void session_ack(struct session *s, const struct message *m);
void session_reject(struct session *s, const struct message *m);

void session_report(struct session *s, enum crew_event_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Both connections are open, at the same address. */
bool session_open(const struct session *s);

/* Report why a link could not connect; said once when both have the same trouble. */
void session_report_failure(struct session *s, enum session_side side, const char *why);

/* Compress the body of a message that is to be published, or inflate one that came in, on
 * the offload thread. DONE runs on the owner's thread, in session_dispatch. */
struct session_squeeze {
    struct offload_job job;
    struct session *session;
    struct buffer in;
    struct buffer out;
    size_t max_bytes; /* inflating: bound */
    int result; /* 0: OUT holds the result; CREW_ECLOSED: not done, the session ends;
                   inflating: gzip_inflate's error; compressing: CREW_ETOOLARGE when
                   it does not help */
    void *arg;
    void (*done)(struct session_squeeze *squeeze); /* frees it: session_squeeze_free */
};
/* Takes IN over. */
struct session_squeeze *session_deflate(struct session *s, struct buffer *in, void *arg,
                                        void (*done)(struct session_squeeze *));
struct session_squeeze *session_inflate(struct session *s, struct buffer *in,
                                        size_t max_bytes, void *arg,
                                        void (*done)(struct session_squeeze *));
void session_squeeze_free(struct session_squeeze *squeeze);

#endif
