/* A call as an AMQP message (docs/wire.md, "Requests"). The body is encoded once, when
 * the call is made; the properties each time it is sent, because the reply queue and the
 * time that is left change. */
#ifndef CREW_CLIENT_ENCODE_H
#define CREW_CLIENT_ENCODE_H

#include "amqp/message.h"
#include "wire/envelope.h"
#include "wire/limits.h"
#include <crew/message.h>

/* What is sent of a call. */
struct encoded_call {
    char id[LIMIT_ITEM_ID_BYTES + 1];
    enum crew_form form;
    bool may_repeat;
    bool gzipped;
    bool written; /* over an earlier connection: it may have reached a worker */
    uint32_t budget_ms;
    uint64_t deadline_ms; /* clock_ms */
    uint64_t deadline_unix_ms;
    char *content_type;             /* plain */
    struct message_header *headers; /* plain: the caller's own */
    size_t header_count;
    struct buffer body; /* empty while it is in a message of its own */
};

/* Where a message goes, and where its answers come to. */
struct encode_target {
    const char *queue;
    const char *reply_queue;
    uint8_t level; /* of priority */
    bool persistent;
};

/* Whether the fields of FROM are in range: 0, CREW_EINVAL, CREW_ETOOLARGE. */
int encode_check(const struct crew_call *from);
/* FROM, which is in range, into a zeroed CALL with id and deadlines. 0, CREW_EINVAL,
 * CREW_ETOOLARGE, CREW_ENOMEM. */
int encode_call(struct encoded_call *call, const struct crew_call *from);
void encode_fini(struct encoded_call *call);

/* The priority of a message, from that of a call. */
uint8_t encode_level(uint8_t priority);
/* At least 1. */
uint64_t encode_left_ms(const struct encoded_call *call, uint64_t now_ms);

/* A message without a body, with the properties of CALL, the first in it. */
struct message *encode_message(const struct encoded_call *call,
                               const struct encode_target *target,
                               uint64_t expiration_ms);
/* CALL is alone in M, which takes its body over; a message that was not delivered gives
 * it back if CALL may be sent again. */
void encode_move_body(struct encoded_call *call, struct message *m);
void encode_return_body(struct encoded_call *call, struct message *m);
/* CALL is one of several in M, whose body has been begun (encode_begin). The call keeps
 * its body if it may be sent again. */
void encode_begin(struct message *m, size_t body_bytes);
void encode_append(struct encoded_call *call, struct message *m);

/* A notice to workers: routing key PREFIX NAME at crew.control. */
struct message *encode_notice(const char *prefix, const char *name,
                              const struct wire_item *item);

#endif
