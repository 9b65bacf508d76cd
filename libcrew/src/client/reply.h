/* What comes to the reply queue: answers, notices that a task was started, dead letters.
 *
 * All of it was sent by others: nothing is used before it is checked, and what is
 * malformed costs one warning, not the connection. An answer to a call that has ended is
 * normal, and ignored. */
#ifndef CREW_CLIENT_REPLY_H
#define CREW_CLIENT_REPLY_H

#include "client/call.h"
#include "client/reply_queue.h"
#include "session/broker_session.h"

struct reply_reader {
    struct broker_session *session;
    struct reply_queue *reply_queue;
    struct calls *calls;
    size_t max_inflated_bytes;
    struct buffer pairs; /* scratch: the header fields of one answer */
};

void reply_init(struct reply_reader *r, struct broker_session *s,
                struct reply_queue *reply_queue, struct calls *calls,
                size_t max_inflated_bytes);
void reply_fini(struct reply_reader *r);

/* M has come; frees it. */
void reply_receive(struct reply_reader *r, struct message *m);

#endif
