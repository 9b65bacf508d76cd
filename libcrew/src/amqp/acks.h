/* Deliveries that are not yet acked or rejected, in the order of their tags (AMQP 0-9-1
 * §3.1.9: tags count from 1 on each AMQP channel).
 *
 * Acks that are settled together are sent as one `multiple` ack if no delivery with a
 * lower tag is unsettled.
 */
#ifndef CREW_AMQP_ACKS_H
#define CREW_AMQP_ACKS_H

#include "amqp/transport.h"

enum settlement_kind { SETTLE_ACK, SETTLE_REJECT, SETTLE_REQUEUE };

/* What to do with one delivery. */
struct settlement {
    uint64_t epoch;
    uint64_t tag;
    enum settlement_kind kind;
};

struct acks {
    uint8_t *ring; /* of enum delivery_state; index of a tag: tag & (cap - 1) */
    size_t cap;
    uint64_t first_tag; /* the lowest that is not settled; next_tag: none */
    uint64_t next_tag;
    char **no_ack; /* tags of consumers without acks */
    size_t no_ack_count;
};

void acks_init(struct acks *a);
void acks_fini(struct acks *a);

/* CONSUMER is started, without acks or with them. */
void acks_set_consumer(struct acks *a, const char *consumer, bool no_ack);

/* A delivery arrived. False: its tag is not the next one. */
bool acks_delivered(struct acks *a, uint64_t tag, const char *consumer);

/* Write acks and rejects. Deliveries of other epochs or already settled are skipped. */
void acks_settle(struct acks *a, struct transport *t, amqp_channel_t channel,
                 const struct settlement *list, size_t count, uint64_t epoch);

#endif
