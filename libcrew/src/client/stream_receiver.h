/* A streamed answer as it comes in (docs/wire.md, "Streamed answers"): items in, events
 * out. Does no I/O, and knows nothing of calls.
 *
 * The pieces are numbered. One that does not follow on the one before breaks the stream.
 * The worker may send as many bytes as it has credit for. Credit is a total, and grows
 * with what has been consumed. So whatever a worker does, no more than CREW_WINDOW_BYTES
 * wait for a caller that takes the pieces as they come, and no more than max_bytes are
 * collected for one that wants the whole answer. */
#ifndef CREW_CLIENT_STREAM_RECEIVER_H
#define CREW_CLIENT_STREAM_RECEIVER_H

#include "base/buffer.h"
#include "wire/envelope.h"
#include "wire/limits.h"
#include <crew/message.h>

struct stream_receiver {
    char worker[LIMIT_ITEM_ID_BYTES + 1];
    bool collects;
    size_t max_bytes;         /* of the collected body */
    uint32_t next;            /* the number of the piece that follows */
    uint64_t received;        /* bytes of body */
    uint64_t consumed;        /* of these, those that the caller is done with */
    uint64_t granted;         /* what the worker may send in all */
    struct crew_answer *head; /* a copy, where the pieces are collected */
    struct buffer body;       /* the same */
};

enum stream_event_kind {
    STREAM_BEGUN,            /* the head is valid */
    STREAM_CHUNK,            /* a piece for the caller */
    STREAM_COLLECTED,        /* a piece was stored */
    STREAM_CREDIT_REQUESTED, /* the worker asks for credit */
    STREAM_ENDED,            /* complete */
    STREAM_BROKEN            /* takes no more items */
};

struct stream_event {
    enum stream_event_kind kind;
    struct wire_bytes chunk;   /* CHUNK: points into the item */
    struct crew_answer answer; /* BEGUN: the head. ENDED: the collected answer, or an end
                                  without a body; valid as long as the receiver */
    int error;                 /* BROKEN */
    const char *reason;        /* BROKEN */
};

/* R is zeroed. COLLECTS: store the pieces; a body of more than MAX_BYTES breaks the
 * stream. HEAD is the item, ANSWER its status and fields, or null where these could not
 * be read. */
void stream_receiver_begin(struct stream_receiver *r, bool collects, size_t max_bytes,
                           const struct wire_item *head, const struct crew_answer *answer,
                           struct stream_event *event);
void stream_receiver_fini(struct stream_receiver *r);

/* An item of kind WIRE_HEAD (a second one), WIRE_CHUNK or WIRE_END (without an error). */
void stream_receiver_receive(struct stream_receiver *r, const struct wire_item *item,
                             struct stream_event *event);

/* The caller is done with so many bytes of chunks. */
void stream_receiver_consume(struct stream_receiver *r, size_t bytes);
/* Enough has been consumed for a credit notice. */
bool stream_receiver_credit_due(const struct stream_receiver *r);
/* Grant credit for what has been consumed; the total, for a credit notice to the
 * worker. */
uint32_t stream_receiver_grant(struct stream_receiver *r);

#endif
