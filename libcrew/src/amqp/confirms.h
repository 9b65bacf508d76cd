/* Messages that were handed to the broker and wait for their fate, in the order of their
 * tags (RabbitMQ publisher confirms: tags count from 1 on each channel).
 *
 * A ring: adding and settling cost the same however many wait.
 */
#ifndef CREW_AMQP_CONFIRMS_H
#define CREW_AMQP_CONFIRMS_H

#include "amqp/event.h"

struct confirm {
    struct message *message; /* null: settled */
    uint64_t start_byte;     /* where it stands in the stream of bytes */
    uint64_t end_byte;
};

struct confirms {
    struct confirm *ring; /* place of a tag: tag & (cap - 1) */
    size_t cap;
    uint64_t first_tag; /* lowest that is not settled; next_tag: none */
    uint64_t next_tag;
    uint64_t return_tag; /* where to look for the next returned message */
};

void confirms_init(struct confirms *c);
void confirms_fini(struct confirms *c); /* none must wait any more */

void confirms_add(struct confirms *c, struct message *m, uint64_t start_byte,
                  uint64_t end_byte);
bool confirms_empty(const struct confirms *c);

/* basic.ack or basic.nack. False: about a message that the broker cannot have, of which
 * only WRITTEN_BYTES of the stream were sent. */
bool confirms_settle(struct confirms *c, uint64_t tag, bool multiple, bool acked,
                     uint64_t written_bytes, struct event_list *events);

/* basic.return: this message came back. Its fate follows with its ack. */
void confirms_returned(struct confirms *c, const struct message_properties *p);

/* The connection is lost after WRITTEN_BYTES of the stream: all fates. */
void confirms_lose(struct confirms *c, uint64_t written_bytes, struct event_list *events);

#endif
