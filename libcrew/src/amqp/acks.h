/* Deliveries that wait for an ack or a reject, in the order of their tags (AMQP 0-9-1
 * §3.1.9: tags count from 1 on each channel).
 *
 * Acks that are handed over together become one `multiple` ack where nothing below them
 * still waits.
 */
#ifndef CREW_AMQP_ACKS_H
#define CREW_AMQP_ACKS_H

#include "amqp/transport.h"

enum settle_verb { SETTLE_ACK, SETTLE_REJECT, SETTLE_REQUEUE };

/* What is to be done with one delivery. */
struct settle {
    uint64_t epoch;
    uint64_t tag;
    enum settle_verb verb;
};

struct acks {
    uint8_t *ring; /* of enum delivery_state; place of a tag: tag & (cap - 1) */
    size_t cap;
    uint64_t first_tag; /* lowest that is not settled; next_tag: none */
    uint64_t next_tag;
    char **silent; /* consumers that ack nothing */
    size_t silent_count;
};

void acks_init(struct acks *a);
void acks_fini(struct acks *a);

/* From now on CONSUMER acks nothing, or acks. */
void acks_set_consumer(struct acks *a, const char *consumer, bool no_ack);

/* A delivery came. False: not the tag whose turn it is. */
bool acks_delivered(struct acks *a, uint64_t tag, const char *consumer);

/* Settle deliveries; those of other epochs or settled already are left out. */
void acks_settle(struct acks *a, struct transport *t, amqp_channel_t channel,
                 const struct settle *list, size_t count, uint64_t epoch);

#endif
