/* Published messages whose publish status is not known yet, in the order of their tags
 * (RabbitMQ publisher confirms: tags count from 1 on each AMQP channel).
 *
 * A ring: the cost of adding and settling does not depend on the number of messages.
 */
#ifndef CREW_AMQP_CONFIRMS_H
#define CREW_AMQP_CONFIRMS_H

#include "amqp/event_list.h"

struct confirm {
    struct message *message; /* null: settled */
    uint64_t start_byte;     /* its position in the stream of bytes */
    uint64_t end_byte;
};

struct confirms {
    struct confirm *ring; /* index of a tag: tag & (cap - 1) */
    size_t cap;
    uint64_t first_tag; /* the lowest that is not settled; next_tag: none */
    uint64_t next_tag;
    uint64_t return_tag; /* the next returned message is not below it */
};

void confirms_init(struct confirms *c);
void confirms_fini(struct confirms *c); /* all must be settled */

/* M was queued for writing: bytes START_BYTE to END_BYTE of the stream. */
void confirms_add(struct confirms *c, struct message *m, uint64_t start_byte,
                  uint64_t end_byte);
bool confirms_empty(const struct confirms *c);

/* basic.ack or basic.nack. False: a protocol error, it names a message that the broker
 * cannot have, because only WRITTEN_BYTES of the stream were sent. */
bool confirms_settle(struct confirms *c, uint64_t tag, bool multiple, bool acked,
                     uint64_t written_bytes, struct event_list *events);

/* basic.return of a message with these properties. Its basic.ack follows. */
void confirms_returned(struct confirms *c, const struct message_properties *p);

/* The connection is lost after WRITTEN_BYTES of the stream: report the status of all. */
void confirms_lose(struct confirms *c, uint64_t written_bytes, struct event_list *events);

#endif
