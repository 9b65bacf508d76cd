/* An outgoing or incoming AMQP message: properties, headers and body. */
#ifndef CREW_AMQP_MESSAGE_H
#define CREW_AMQP_MESSAGE_H

#include "base/buffer.h"
#include <stdbool.h>
#include <stdint.h>

struct message_header {
    const char *name;
    const char *text; /* null: a number */
    int64_t number;
};

/* Absent texts are null. A text with a zero byte makes an incoming message `unreadable`.
 * Texts are short strings (255 bytes) except those of headers, which may be as long as a
 * frame. */
struct message_properties {
    const char *exchange; /* "" is the default exchange */
    const char *routing_key;
    const char *content_type;
    const char *content_encoding;
    const char *correlation_id;
    const char *reply_to;
    const char *message_id;
    const char *type;
    const char *dead_reason; /* in only: reason in the newest x-death entry */
    const struct message_header *headers; /* texts and integers; others are skipped */
    size_t header_count;
    bool has_expiration;
    uint64_t expiration_ms;
    uint64_t timestamp_s; /* 0: none */
    uint8_t priority;
    bool persistent;
    bool mandatory; /* out only: return it if it reaches no queue */
};

enum publish_status {
    PUBLISH_CONFIRMED, /* the broker has taken responsibility for it */
    PUBLISH_RETURNED,  /* mandatory, and it reached no queue */
    PUBLISH_NACKED, /* the broker refused it (queue full); or it cannot be sent: a name is
                          over 255 bytes or the properties are larger than a frame */
    PUBLISH_UNKNOWN, /* at least a part was written, and the connection was lost before
                        the broker confirmed it */
    PUBLISH_UNSENT   /* not one byte of it was written */
};

struct message {
    struct message *next;
    struct message_properties p; /* owned by the message */
    struct buffer body;          /* owned by the message */
    void *owner;                 /* for the publisher's use */
    bool awaited; /* the publisher waits for its status, also if confirmed */

    /* in */
    uint64_t delivery_tag;
    uint64_t epoch;       /* of the connection */
    const char *consumer; /* consumer tag */
    bool redelivered;
    bool unreadable; /* it has invalid properties: reject it */

    /* out */
    enum publish_status status;
};

/* A message with copies of all texts and headers in P. Never null. */
struct message *message_new(const struct message_properties *p);
/* The same for an incoming one, with this consumer tag (null: a returned message). */
struct message *message_new_received(const struct message_properties *p,
                                     const char *consumer);
void message_free(struct message *m); /* null is fine */
/* The header of this name, or null. */
const struct message_header *message_header(const struct message *m, const char *name);

/* Whether the body is not encoded: no content_encoding, or a value that clients use for
 * none. */
bool message_is_unencoded(const struct message *m);

#endif
