/* An AMQP message on its way out or in: properties, headers, body, in one allocation plus
 * the body. Knows nothing of envelopes and calls. */
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

/* Absent texts are null. In a message that came in, a text that holds a zero byte makes
 * it `unreadable`. Texts are short strings (255 bytes) but for those of headers, which
 * may be as long as a frame. */
struct message_properties {
    const char *exchange; /* "" is the default exchange */
    const char *routing_key;
    const char *content_type;
    const char *content_encoding;
    const char *correlation_id;
    const char *reply_to;
    const char *message_id;
    const char *type;
    const char *dead_reason; /* in only: reason of the newest x-death entry */
    const struct message_header
        *headers; /* texts and whole numbers; others are left out */
    size_t header_count;
    bool has_expiration;
    uint64_t expiration_ms;
    uint64_t timestamp_s; /* 0: none */
    uint8_t priority;
    bool persistent;
    bool mandatory; /* out only: come back when no queue takes it */
};

/* What became of a published message. */
enum publish_status {
    PUBLISH_CONFIRMED, /* the broker has it */
    PUBLISH_RETURNED,  /* mandatory, and no queue took it */
    PUBLISH_NACKED,    /* the broker refused it: queue full; or it cannot be sent at all:
                          a name over 255 bytes, properties larger than a frame */
    PUBLISH_UNKNOWN,   /* written at least partly, and the connection was lost before the
                          broker answered */
    PUBLISH_UNSENT     /* not one byte of it was written */
};

struct message {
    struct message *next;
    struct message_properties p; /* owned by the message */
    struct buffer body;          /* owned by the message */
    void *owner;                 /* the publisher's own */
    bool awaited;                /* which waits for its status, also for a mere confirm */

    /* in */
    uint64_t delivery_tag;
    uint64_t epoch;       /* the connection it came over */
    const char *consumer; /* consumer tag it came to */
    bool redelivered;
    bool unreadable; /* properties that cannot be: reject it */

    /* out, for the link's own use */
    enum publish_status status;
};

/* A message with copies of all texts and headers in P. Never null. */
struct message *message_new(const struct message_properties *p);
/* The same for one that came in, to this consumer tag (null: it came back). */
struct message *message_new_received(const struct message_properties *p,
                                     const char *consumer);
void message_free(struct message *m); /* null is fine */
/* The header of this name, or null. */
const struct message_header *message_header(const struct message *m, const char *name);

/* The body is as it is: no content_encoding, or one of the words that clients write there
 * for none. */
bool message_is_unencoded(const struct message *m);

#endif
