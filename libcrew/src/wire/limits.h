/* Limits for input from peers (docs/wire.md). */
#ifndef CREW_WIRE_LIMITS_H
#define CREW_WIRE_LIMITS_H

#define LIMIT_ITEM_ID_BYTES 64       /* id of an item, correlation id of a call */
#define LIMIT_TASK_NAME_BYTES 200    /* "crew.tasks." + name fits AMQP's 255 */
#define LIMIT_CHANNEL_NAME_BYTES 255 /* a routing key of AMQP */
#define LIMIT_PAIRS_BYTES (1u << 20) /* name/value block of an item */
#define LIMIT_PAIR_COUNT 4096u       /* pairs in a block */
#define LIMIT_ITEMS_PER_MESSAGE 256u /* items of an envelope */
/* 1500 s: RabbitMQ closes the AMQP channel of a message unacked for 30 minutes. */
#define LIMIT_EXPIRATION_MS 1500000u
#define LIMIT_EXPIRATION_DEFAULT_MS 30000u
#define LIMIT_MESSAGE_BYTES (128u << 20) /* body of an incoming AMQP message */
#define LIMIT_INFLATED_DEFAULT_BYTES (64u << 20)
#define LIMIT_CANCELLED_IDS 10000u /* ids of cancelled requests that a worker remembers */
/* of a streamed answer: CREW_CHUNK_BYTES and CREW_WINDOW_BYTES in crew/message.h */

/* For parsing request bodies (crew/request.h); all but the first are defaults. */
#define LIMIT_PART_HEAD_BYTES 8192u /* header of a part of a multipart form */
#define LIMIT_FORM_FIELDS 1000u
#define LIMIT_JSON_BYTES (1u << 20)
#define LIMIT_JSON_DEPTH 64u

#endif
