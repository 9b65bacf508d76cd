/* crew/subscriber.h - hear what is published, and miss nothing.
 *
 * A subscriber reads the history of all that is published (the queue crew.history, a
 * stream that the broker keeps) and holds the newest part of it in memory. A message's
 * cursor is its place there: the same for every subscriber on every host, and the larger,
 * the later. Who comes back with the cursor of the last message that he had gets whatever
 * came since, and is told when that can no longer be known (crew_subscribed.gap).
 *
 * A broker without streams gives no history: then a subscriber knows only what was
 * published since it connected, cursors are good for this subscriber alone, and those of
 * others are answered with a gap.
 *
 * All callbacks run inside crew_subscriber_dispatch, on the thread that calls it. One
 * thread at a time may use a subscriber and its subscriptions. No function blocks unless
 * it says so.
 *
 *     static void on_messages(void *arg, crew_subscription *subscription) {
 *         struct crew_subscribed message;
 *         while (crew_subscription_next(subscription, &message))
 *             printf("%s: %.*s\n", message.channel, (int)message.body_bytes,
 *                    (const char *)message.body);
 *     }
 *     ...
 *     struct crew_subscriber_options how = {0};
 *     crew_subscriber_new(&broker, &how, &subscriber);
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

/* What is left zero has its default. */
struct crew_subscriber_options {
    const char *name; /* connection name; null: "crew-subscriber" */
    /* How much history is kept in memory, and asked of the broker by whoever creates the
     * stream: bytes of messages (0: 64 MiB) and their age (0: 3600 s). */
    size_t history_bytes;
    uint32_t history_s;
    crew_event_fn *on_event; /* may be null */
    void *event_arg;
    bool caller_driven_io; /* input and output are done in the owner's loop, which calls
                      crew_subscriber_flush each time before it waits for events; see
                      crew_client_options in crew/client.h */
};

/* How much a subscriber knows of what is published at this moment. */
enum crew_subscriber_state {
    CREW_SUBSCRIBER_CONNECTING, /* the first attempt to connect is under way */
    CREW_SUBSCRIBER_AWAY, /* not connected: an attempt failed, or the connection was lost
                           */
    CREW_SUBSCRIBER_READING, /* connected, and behind */
    CREW_SUBSCRIBER_LIVE     /* up to date */
};

/* crew_subscriber_new - start to connect, in the background, again and again for ever.
 * BROKER and OPTIONS are copied. CREW_ESYSTEM: no thread or descriptor was to be had. */
CREW_API int crew_subscriber_new(const crew_broker *broker,
                                 const struct crew_subscriber_options *options,
                                 crew_subscriber **subscriber);

/* crew_subscriber_fd - the descriptor that is readable when crew_subscriber_dispatch has
 * something to do, timers included. Owned by the subscriber, the same for its whole life.
 */
CREW_API int crew_subscriber_fd(const crew_subscriber *subscriber);

/* crew_subscriber_dispatch - do what is due: take in messages, call back, report events.
 */
CREW_API void crew_subscriber_dispatch(crew_subscriber *subscriber);

/* crew_subscriber_flush - send what was begun outside of crew_subscriber_dispatch. Only
 * for owners that said caller_driven_io. Costs nothing when there is nothing to send. */
CREW_API void crew_subscriber_flush(crew_subscriber *subscriber);

/* crew_subscriber_state - how much it knows. */
CREW_API enum crew_subscriber_state
crew_subscriber_state(const crew_subscriber *subscriber);

/* crew_subscriber_free - close the connections. Blocks until the I/O threads have ended,
 * at most about two seconds. All subscriptions are freed, too. Null is fine. */
CREW_API void crew_subscriber_free(crew_subscriber *subscriber);

/* There is something for SUBSCRIPTION: take it with crew_subscription_next. Called again
 * only after that has said that there is nothing more. It may be freed here. */
typedef void crew_subscription_fn(void *arg, crew_subscription *subscription);

/* What is left zero has its default. channel and on_messages must be there. */
struct crew_subscription_options {
    /* The name of a channel as it is; or, with pattern, patterns with commas between
     * them, in whose words `*` stands for one word and `#` for any number of words. */
    const char *channel;
    bool pattern;
    bool since;      /* begin behind cursor; else with what comes from now on */
    uint64_t cursor; /* of the last message that is known already */
    crew_subscription_fn *on_messages;
    void *arg;
};

/* crew_subscription_new - subscribe. OPTIONS and all it points to are copied. What there
 * is already since the cursor can be had with crew_subscription_next at once, or else
 * on_messages is called at the next dispatch.
 * CREW_EINVAL: no on_messages, not a channel's name, or not a pattern (1 to 255 bytes of
 * UTF-8 without control characters; of a list at most CREW_PATTERNS_MAX). */
CREW_API int crew_subscription_new(crew_subscriber *subscriber,
                                   const struct crew_subscription_options *options,
                                   crew_subscription **subscription);

/* The most patterns in a list. */
#define CREW_PATTERNS_MAX 64

/* A message that was published. Texts end with a zero byte and are never null. */
struct crew_subscribed {
    uint64_t cursor;
    bool gap; /* something between the message before, or the cursor that the subscription
                 began with, and this one may be missing: it is not in the history */
    const char *channel;
    const char *id;           /* the publisher's; "" when it gave none */
    const char *content_type; /* application/octet-stream when nothing is said */
    const void *body;
    size_t body_bytes;
};

/* crew_subscription_next - the oldest message that the subscription has not had yet, in
 * the order of cursors, each once: what a publisher has repeated because it was not
 * confirmed is left out. MESSAGE and what it points to are valid until the next dispatch.
 * False: there is none at present, and on_messages will be called when there is. */
CREW_API bool crew_subscription_next(crew_subscription *subscription,
                                     struct crew_subscribed *message);

/* crew_subscription_cursor - how far the subscription has come: to be given to a later
 * one that shall go on from here. False: it began without one, and the subscriber has not
 * been LIVE since. */
CREW_API bool crew_subscription_cursor(const crew_subscription *subscription,
                                       uint64_t *cursor);

/* crew_subscription_free - unsubscribe. on_messages is not called any more. Null is fine.
 */
CREW_API void crew_subscription_free(crew_subscription *subscription);

#ifdef __cplusplus
}
#endif

#endif
