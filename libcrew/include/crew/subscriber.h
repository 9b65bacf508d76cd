/* crew/subscriber.h - receive published messages without missing any.
 *
 * A subscriber reads the history of published messages (the queue crew.history, a stream
 * of the broker) and keeps its newest part in memory. A message's cursor is its position
 * in the history. It is the same for every subscriber on every host, and later messages
 * have larger cursors. A subscription that begins with the cursor of the last known
 * message gets all messages since then. If some of them are not in the history any more,
 * it gets a gap (crew_subscribed.gap).
 *
 * A broker without streams has no history. Then a subscriber knows only messages that
 * were published since it has connected, its cursors are valid for this subscriber only,
 * and other cursors lead to a gap.
 *
 * Callbacks run in crew_subscriber_dispatch, on the thread that calls it. A subscriber
 * and its subscriptions may be used by one thread at a time. No function blocks unless
 * stated otherwise.
 *
 *     static void on_messages(void *arg, crew_subscription *subscription) {
 *         struct crew_subscribed message;
 *         while (crew_subscription_next(subscription, &message))
 *             printf("%s: %.*s\n", message.channel, (int)message.body_bytes,
 *                    (const char *)message.body);
 *     }
 *     ...
 *     struct crew_subscriber_options options = {0};
 *     crew_subscriber_new(&broker, &options, &subscriber);
 *     struct crew_subscription_options orders = {
 *         .channel = "orders.#", .pattern = true, .on_messages = on_messages};
 *     crew_subscription_new(subscriber, &orders, &subscription);
 *     while (poll(...crew_subscriber_fd(subscriber)...) > 0)
 *         crew_subscriber_dispatch(subscriber);
 */
#ifndef CREW_SUBSCRIBER_H
#define CREW_SUBSCRIBER_H

#include <crew/broker.h>
#include <crew/message.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crew_subscriber crew_subscriber;
typedef struct crew_subscription crew_subscription;

/* A field that is zero has its default. */
struct crew_subscriber_options {
    const char *name; /* connection name; null: "crew-subscriber" */
    /* The size of the history in memory, and in the broker if this subscriber creates the
     * stream: bytes of messages (0: 64 MiB) and their age in seconds (0: 3600). */
    size_t history_bytes;
    uint32_t history_s;
    crew_event_fn *on_event; /* may be null */
    void *event_arg;
    bool caller_driven_io; /* the program's loop drives the sockets, and calls
                              crew_subscriber_flush before it waits; see
                              crew_client_options in crew/client.h */
};

/* Whether a subscriber is up to date. */
enum crew_subscriber_state {
    CREW_SUBSCRIBER_CONNECTING, /* first attempt to connect */
    CREW_SUBSCRIBER_AWAY,    /* disconnected: an attempt or the connection has failed */
    CREW_SUBSCRIBER_READING, /* connected, and reading the history */
    CREW_SUBSCRIBER_LIVE     /* up to date */
};

/* crew_subscriber_new - make a subscriber. It connects in the background, and again
 * whenever the connection is lost. BROKER and OPTIONS are copied. CREW_ESYSTEM: a thread
 * or descriptor could not be created. */
CREW_API int crew_subscriber_new(const crew_broker *broker,
                                 const struct crew_subscriber_options *options,
                                 crew_subscriber **subscriber);

/* crew_subscriber_fd - the descriptor that is readable when crew_subscriber_dispatch has
 * something to do, including timers. Owned by the subscriber, and constant. */
CREW_API int crew_subscriber_fd(const crew_subscriber *subscriber);

/* crew_subscriber_dispatch - process what is due: read messages, run callbacks, report
 * events. */
CREW_API void crew_subscriber_dispatch(crew_subscriber *subscriber);

/* crew_subscriber_flush - send what was started outside of crew_subscriber_dispatch. Only
 * with caller_driven_io. Costs nothing if there is nothing to send. */
CREW_API void crew_subscriber_flush(crew_subscriber *subscriber);

/* crew_subscriber_state - whether it is connected and up to date. */
CREW_API enum crew_subscriber_state
crew_subscriber_state(const crew_subscriber *subscriber);

/* crew_subscriber_free - close the connections and free all subscriptions. Blocks until
 * the I/O threads have ended, at most about two seconds. SUBSCRIBER may be null. */
CREW_API void crew_subscriber_free(crew_subscriber *subscriber);

/* SUBSCRIPTION has messages: read them with crew_subscription_next. It is called again
 * only after crew_subscription_next has returned false. SUBSCRIPTION may be freed
 * here. */
typedef void crew_subscription_fn(void *arg, crew_subscription *subscription);

/* A field that is zero has its default. channel and on_messages are required. */
struct crew_subscription_options {
    /* The name of a channel; or, with pattern, a comma-separated list of patterns, in
     * which the word `*` matches one word and `#` any number of words. */
    const char *channel;
    bool pattern;
    bool since;      /* begin after cursor; else with messages published from now on */
    uint64_t cursor; /* of the last message that is known */
    crew_subscription_fn *on_messages;
    void *arg;
};

/* crew_subscription_new - subscribe. OPTIONS is copied with all it points to. Messages
 * since the cursor can be read with crew_subscription_next at once; else on_messages is
 * called in the next dispatch. CREW_EINVAL: on_messages is null, or the channel or
 * pattern is not valid (1 to 255 bytes of UTF-8 without control characters; at most
 * CREW_PATTERNS_MAX patterns). */
CREW_API int crew_subscription_new(crew_subscriber *subscriber,
                                   const struct crew_subscription_options *options,
                                   crew_subscription **subscription);

/* The maximum number of patterns in a list. */
#define CREW_PATTERNS_MAX 64

/* A published message. Texts are zero-terminated and never null. */
struct crew_subscribed {
    uint64_t cursor;
    /* Messages between the previous one (or the cursor that the subscription began with)
     * and this one may be missing. */
    bool gap;
    const char *channel;
    const char *id;           /* the publisher's id; "": none */
    const char *content_type; /* default: application/octet-stream */
    const void *body;
    size_t body_bytes;
};

/* crew_subscription_next - get the next message of the subscription, in the order of
 * cursors. Each message is returned once; repetitions by a publisher that had no confirm
 * are dropped. MESSAGE and what it points to are valid until the next dispatch. False:
 * there is none now; on_messages will be called when there is. */
CREW_API bool crew_subscription_next(crew_subscription *subscription,
                                     struct crew_subscribed *message);

/* crew_subscription_cursor - the cursor up to which the subscription has read, for a
 * later subscription that continues there. False: it began without a cursor, and the
 * subscriber has not been LIVE since. */
CREW_API bool crew_subscription_cursor(const crew_subscription *subscription,
                                       uint64_t *cursor);

/* crew_subscription_free - unsubscribe. on_messages is not called any more. SUBSCRIPTION
 * may be null. */
CREW_API void crew_subscription_free(crew_subscription *subscription);

#ifdef __cplusplus
}
#endif

#endif
