/* What the files of a subscriber share. */
#ifndef CREW_PUBSUB_SUBSCRIBER_INTERNAL_H
#define CREW_PUBSUB_SUBSCRIBER_INTERNAL_H

#include "pubsub/history.h"
#include "pubsub/pattern_index.h"
#include "session/broker_session.h"
#include <crew/subscriber.h>

/* ---- reader.c: the history of the broker, from the queue into memory ---- */

enum reader_state {
    READER_AWAY, /* the links connect, or one is lost; ended by broker_session_is_open */
    READER_DECLARING, /* exchange, queue, binding, consumer; ended by the last step, or
                         begun again by the retry timer */
    READER_RESUMING,  /* the message that was read last is awaited once more; the silence
                         timer takes another history for it when it does not come */
    READER_READING,   /* what has come up meanwhile is read; ended by our own marker */
    READER_LIVE
};

/* Where the history comes from. */
enum reader_source {
    READER_STREAM, /* crew.history; cursors are its offsets */
    READER_OWN     /* a queue of this connection's own: the broker has no streams */
};

struct reader {
    enum reader_state state;
    enum reader_source source;
    unsigned refusals;   /* of the stream, by the end of the connection */
    bool tried;          /* to connect, at least once */
    bool warned_foreign; /* the queue is there with other arguments */
    char id[17];         /* in our markers */
    char own_queue[64];
    char last_id[64];       /* (the first bytes of) the id of the message read last */
    uint64_t down_since_ms; /* the stream is there, and not to be had; 0: it is not so */
    uint64_t marker_sent;   /* number of the last marker */
    uint64_t marker_live;   /* the first one of this connection */
    uint64_t marker_seen;   /* of the last one that came back */
    uint64_t marker_asked;  /* the one that somebody waits for, or less */
    struct broker_session_timer
        marker; /* when the next one is sent, if there is reason */
    struct broker_session_timer silence;
    struct broker_session_timer retry;
    struct broker_session_timer expiry; /* of the oldest message in the history */
};

void reader_init(struct crew_subscriber *s);
void reader_event(struct crew_subscriber *s, enum broker_session_side side,
                  struct link_event *event);

/* See to it that a marker is sent from now on, and return its number: when it comes back,
 * all that was confirmed until now has been read. */
uint64_t reader_ask(struct crew_subscriber *s);

/* ---- subscription.c ---- */

enum subscription_state {
    SUBSCRIPTION_UNPLACED, /* without a cursor: until the marker it waits for is seen */
    SUBSCRIPTION_AHEAD,    /* behind a cursor that was not read here yet: until a message
                              behind it comes, or the marker */
    SUBSCRIPTION_WAITING,  /* has had everything, until something comes */
    SUBSCRIPTION_DUE,      /* there is something: called at the next flush */
    SUBSCRIPTION_TAKING,   /* its owner knows, until next finds nothing more */
    SUBSCRIPTION_STATES
};

/* A subscription in the list of a channel, or of a pattern. */
struct listener {
    struct crew_subscription *subscription;
    struct pattern_place *place; /* of the pattern; null: it is the channel's */
    struct listener *prev, *next;
};

struct crew_subscription {
    struct crew_subscriber *subscriber;
    enum subscription_state state;
    bool gap;            /* the next message comes behind one */
    uint64_t cursor;     /* of the last message that it had, or that was not for it */
    uint64_t marker;     /* UNPLACED, AHEAD: the one that decides */
    uint64_t next_place; /* with patterns: what is below is not for it, or it had it */
    crew_subscription_fn *on_messages;
    void *arg;
    struct channel *channel; /* null: patterns */
    char *patterns;          /* one behind the other, each with its zero */
    size_t listener_count;
    struct listener *listeners;
    struct listener only;                  /* where one is enough */
    struct crew_subscription *prev, *next; /* in the list of its state */
};

struct crew_subscriber {
    struct broker_session session;
    struct reader reader;
    struct history history;
    struct pattern_index patterns;
    struct crew_subscription *lists[SUBSCRIPTION_STATES];
};

/* A message was kept. */
void subscriptions_tell(struct crew_subscriber *s, const struct kept *kept);
/* The history begins anew. */
void subscriptions_restart(struct crew_subscriber *s);
/* A marker came back, or nothing has to be waited for. */
void subscriptions_place(struct crew_subscriber *s);
/* Call back. True: there are more. */
bool subscriptions_flush(struct crew_subscriber *s);
void subscriptions_fini(struct crew_subscriber *s);

#endif
