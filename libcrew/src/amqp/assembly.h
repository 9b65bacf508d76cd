/* Messages that come in over a channel are put together from their frames: method,
 * header, bodies (AMQP 0-9-1 §4.2.6). rabbitmq-c's own reader forgets frames of other
 * channels. */
#ifndef CREW_AMQP_ASSEMBLY_H
#define CREW_AMQP_ASSEMBLY_H

#include "amqp/properties.h"

/* The life of a message that comes in. */
enum assembly_state {
    ASSEMBLY_IDLE,     /* a method awaited */
    ASSEMBLY_BEGUN,    /* basic.deliver or basic.return came, the header awaited */
    ASSEMBLY_BODY,     /* body frames awaited */
    ASSEMBLY_SKIPPING, /* body frames of one that is too large awaited, and dropped */
    ASSEMBLY_STATE_COUNT
};

enum assembly_result {
    ASSEMBLY_MORE,      /* frames are missing */
    ASSEMBLY_DELIVERY,  /* take it with assembly_take */
    ASSEMBLY_RETURN,    /* take it; it has no body */
    ASSEMBLY_TOO_LARGE, /* a delivery over LIMIT_MESSAGE_BYTES (or out of memory): gone */
    ASSEMBLY_BROKEN     /* no such frame may come now */
};

struct assembly {
    enum assembly_state state;
    bool returned;
    bool redelivered;
    uint64_t delivery_tag;
    struct origin origin;
    struct message *message;
    uint64_t left_bytes; /* of the body */
    struct buffer scratch;
};

void assembly_fini(struct assembly *a); /* zeroed memory is an idle one */
const char *assembly_state_name(enum assembly_state state);

enum assembly_result assembly_deliver(struct assembly *a, const amqp_basic_deliver_t *d);
enum assembly_result assembly_return(struct assembly *a, const amqp_basic_return_t *r);
/* A header or body frame. */
enum assembly_result assembly_content(struct assembly *a, const amqp_frame_t *frame);

struct message *assembly_take(struct assembly *a);

#endif
