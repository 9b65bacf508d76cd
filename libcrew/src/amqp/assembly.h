/* Assembles incoming messages from their frames: method, header, body frames (AMQP 0-9-1
 * §4.2.6). rabbitmq-c's own reader loses frames of other AMQP channels. */
#ifndef CREW_AMQP_ASSEMBLY_H
#define CREW_AMQP_ASSEMBLY_H

#include "amqp/properties.h"

enum assembly_state {
    ASSEMBLY_IDLE,     /* waits for basic.deliver or basic.return */
    ASSEMBLY_STARTED,  /* waits for the header */
    ASSEMBLY_BODY,     /* waits for body frames */
    ASSEMBLY_SKIPPING, /* waits for body frames and drops them: the message is too large,
                          or it is a returned one */
    ASSEMBLY_STATE_COUNT
};

enum assembly_result {
    ASSEMBLY_MORE,      /* the message is incomplete */
    ASSEMBLY_DELIVERY,  /* complete: assembly_take */
    ASSEMBLY_RETURN,    /* complete, without its body: assembly_take */
    ASSEMBLY_TOO_LARGE, /* a delivery over LIMIT_MESSAGE_BYTES, or out of memory;
                           dropped */
    ASSEMBLY_ERROR      /* a protocol error: this frame is not valid in this state */
};

struct assembly {
    enum assembly_state state;
    bool returned;
    bool redelivered;
    uint64_t delivery_tag;
    struct origin origin;
    struct message *message;
    uint64_t left_bytes; /* of the body, still to come */
    struct buffer scratch;
};

/* A zeroed struct is idle. */
void assembly_fini(struct assembly *a);
const char *assembly_state_name(const struct assembly *a);

enum assembly_result assembly_deliver(struct assembly *a, const amqp_basic_deliver_t *d);
enum assembly_result assembly_return(struct assembly *a, const amqp_basic_return_t *r);
/* A header or body frame. */
enum assembly_result assembly_content(struct assembly *a, const amqp_frame_t *frame);

/* Of the last basic.deliver. The text lives until the next one. */
uint64_t assembly_delivery_tag(const struct assembly *a);
const char *assembly_consumer(const struct assembly *a);

/* The completed message; the caller owns it. */
struct message *assembly_take(struct assembly *a);

#endif
