/* amqp/link.h and base/clock.h without a broker, threads or time: what a broker does is
 * done by the test, one step at a time. The events of a step reach the owner of the links
 * with its next dispatch. */
#ifndef CREW_TESTS_FAKE_LINK_H
#define CREW_TESTS_FAKE_LINK_H

#include "amqp/link.h"

enum fake_side { FAKE_PUBLISHER, FAKE_CONSUMER, FAKE_SIDES };

#define FAKE_QUEUES 16
#define FAKE_TAGS 16384

/* What the broker knows of the connection that consumes. */
struct fake_consumer {
    char queue[256];    /* "": a free slot */
    unsigned own_limit; /* 0: none */
};

struct fake_broker {
    uint64_t now_ms; /* clock_ms and clock_unix_ms */
    struct link *links[FAKE_SIDES];
    struct fake_consumer consumers[FAKE_QUEUES];
    unsigned per_consumer, global; /* limits, as basic.qos sets them */
    char notice_queue[256];        /* the queue that the publishing side consumes */
    uint64_t last_tag;             /* over all connections */
    unsigned switches;             /* calls of link_switch_address */
    uint8_t acked[FAKE_TAGS];      /* by tag, how often */
    uint8_t rejected[FAKE_TAGS];
};

extern struct fake_broker fake_broker;

void fake_reset(void); /* the links have been freed */

void fake_open(enum fake_side side); /* at the address of the last switch, or the first */
bool fake_is_open(enum fake_side side);

/* The connection is lost: pending operations fail, messages get STATUS. */
void fake_lose(enum fake_side side, enum publish_status status);

/* ---- operations: the oldest one that is pending; null: none ---- */

const struct link_op *fake_next_op(enum fake_side side);
void fake_accept_op(enum fake_side side);
void fake_refuse_op(enum fake_side side); /* with 405 */
void fake_accept_all_ops(void);

/* The consumer of QUEUE, or null. */
const struct fake_consumer *fake_find_consumer(const char *queue);
void fake_cancel_consumer(const char *queue); /* basic.cancel by the broker */

/* ---- messages ---- */

/* The oldest message without a status; null: none. */
const struct message *fake_next_message(void);
void fake_publish_status(enum publish_status status); /* of that one */

/* Deliver M over the present connection, as of QUEUE's consumer. Returns its tag. */
uint64_t fake_deliver(const char *queue, const struct message_properties *p,
                      const struct buffer *body, bool redelivered);

#endif
