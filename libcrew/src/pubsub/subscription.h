/* Subscriptions: who listens to which channels, and how far each has read.
 *
 * Design notes. A subscription is a position in the history, not a queue: it costs the
 * same however far it is behind, and a slow one keeps no message in memory. A message
 * makes those that wait for it DUE; further messages do not change a DUE one. They are
 * called back a limited number at a time, so that a message for ten thousand does not
 * delay everything else.
 *
 * The module knows the history only. Where a subscription without a cursor begins depends
 * on a marker (pubsub/markers.h), whose number the caller gives it.
 */
#ifndef CREW_PUBSUB_SUBSCRIPTION_H
#define CREW_PUBSUB_SUBSCRIPTION_H

#include "pubsub/history.h"
#include "pubsub/pattern_index.h"
#include <crew/subscriber.h>

enum subscription_state {
    SUBSCRIPTION_UNPOSITIONED, /* has no cursor; gets one when its marker is received */
    SUBSCRIPTION_AHEAD,   /* its cursor has not been read yet; until a message after it
                             comes, or its marker is received */
    SUBSCRIPTION_WAITING, /* has read everything; until a message for it comes */
    SUBSCRIPTION_DUE,     /* there is a message; called back at the next flush */
    SUBSCRIPTION_READING, /* was called back; until it has read everything */
    SUBSCRIPTION_STATES
};

struct subscriptions {
    struct history *history;
    struct pattern_index patterns;
    struct crew_subscription *lists[SUBSCRIPTION_STATES];
};

/* HISTORY must outlive the subscriptions. */
void subscriptions_init(struct subscriptions *s, struct history *history);

/* Free all subscriptions. */
void subscriptions_fini(struct subscriptions *s);

/* Make a subscription, which has no position yet. Errors of crew_subscription_new. */
int subscription_new(struct subscriptions *s,
                     const struct crew_subscription_options *options,
                     crew_subscription **subscription);

/* Position a new subscription. IS_LIVE: everything that is published now has been read.
 * False: that takes a marker, see subscription_wait_for_marker. */
bool subscription_begin(crew_subscription *n,
                        const struct crew_subscription_options *options, bool is_live);

/* Position it when marker NUMBER is received. */
void subscription_wait_for_marker(crew_subscription *n,
                                  const struct crew_subscription_options *options,
                                  uint64_t number);

enum subscription_state subscription_state(const crew_subscription *n);

/* ENTRY was added to the history. */
void subscriptions_add_entry(struct subscriptions *s, const struct history_entry *entry);

/* The history starts anew. */
void subscriptions_restart(struct subscriptions *s);

/* Markers up to NUMBER have been received. */
void subscriptions_receive_marker(struct subscriptions *s, uint64_t number);

/* Call back subscriptions that are DUE. True: there are more. */
bool subscriptions_flush(struct subscriptions *s);

#endif
