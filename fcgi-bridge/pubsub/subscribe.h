/* Subscribers (CREW_SUBSCRIBE): a request that waits for what is published, as a poll or
 * as an event stream.
 *
 * The first one makes the bridge a crew_subscriber, with connections of its own. What
 * there is already is told at once; else the request is parked, and costs no more than
 * its connection and a crew_subscription. It ends by a message, by its time-out, by the
 * web server that hangs up (subscriber_free) or by the bridge's stop.
 */
#ifndef BRIDGE_SUBSCRIBE_H
#define BRIDGE_SUBSCRIBE_H

#include "render_cache.h"
#include "waiters.h"
#include <crew/subscriber.h>
#include <uv.h>

struct bridge;
struct request;
struct subscribe_params;
struct subscriber;

/* All subscribers of a bridge. */
struct subscribers {
    crew_subscriber *source; /* null: nobody has subscribed yet */
    uv_poll_t poll;
    struct render_cache render_cache;
    struct waiters waiters;
};

int subscribers_init(struct bridge *bridge); /* 0 or a libuv error */

/* subscribers_fini - once the loop has closed the handles; there are no requests. */
void subscribers_fini(struct bridge *bridge);

/* subscribers_flush - to be called before the loop waits. */
void subscribers_flush(struct bridge *bridge);

/* subscribers_stop - the bridge is stopping: end all that are parked. */
void subscribers_stop(struct bridge *bridge);

/* subscribe_start - REQUEST, which is JUDGED, subscribes. Afterwards it is PARKED or
 * LISTENING, or has ended. */
void subscribe_start(struct request *request, const struct subscribe_params *params);

/* subscriber_drained - LISTENING: UNSENT_BYTES of the request's output are not sent yet.
 * Whether there is more output now. */
bool subscriber_drained(struct subscriber *subscriber, size_t unsent_bytes);

/* subscriber_free - the request has ended. Null is fine. */
void subscriber_free(struct subscriber *subscriber);

#endif
