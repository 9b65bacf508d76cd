/* Backend for requests that subscribe (CREW_SUBSCRIBE): they wait for messages, as a long
 * poll or as a stream of server-sent events.
 *
 * The first one creates the bridge's crew_subscriber, which has connections of its own.
 * If there are messages already, they are sent at once; otherwise the request waits, and
 * costs no more than its connection and a crew_subscription. It ends with a message, its
 * timeout, a disconnect or the stop of the bridge. */
#ifndef BRIDGE_SUBSCRIBE_H
#define BRIDGE_SUBSCRIBE_H

#include "fcgi-bridge/http/request.h"
#include <crew/subscriber.h>
#include <uv.h>

struct subscribers; /* all subscribers of a bridge */

struct subscribers_options {
    uv_loop_t *loop;
    const struct crew_broker *broker;
    size_t history_bytes;
    uint32_t history_s;
    unsigned max_waiting;
};

/* subscribe_backend - with a struct subscribers as the argument. */
extern const struct request_backend subscribe_backend;

/* subscribers_new - 0 or a libuv error. */
int subscribers_new(const struct subscribers_options *options,
                    struct subscribers **subscribers);

/* subscribers_free - after the loop has closed all handles; there are no requests. NULL
 * is fine. */
void subscribers_free(struct subscribers *subscribers);

/* subscribers_flush - to be called before the loop waits. */
void subscribers_flush(struct subscribers *subscribers);

/* subscribers_stop - complete all that wait, and let no others wait. */
void subscribers_stop(struct subscribers *subscribers);

#endif
