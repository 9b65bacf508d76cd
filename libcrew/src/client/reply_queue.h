/* The reply queue of a client, anew for each connection.
 *
 * No request is published before the reply queue of the present connection is declared,
 * bound to the dead-letter exchange and consumed, so that no answer and no dead letter is
 * missed. */
#ifndef CREW_CLIENT_REPLY_QUEUE_H
#define CREW_CLIENT_REPLY_QUEUE_H

#include "session/broker_session.h"

struct reply_queue {
    struct broker_session *session;
    char *name; /* of the present connection, or of the last one; null: none yet */
    bool consumed;
    bool warned_foreign;
    struct broker_session_timer retry; /* declare it again */
    uint64_t warned_ms;
    char problem[512]; /* the last reason why the client was not connected */
};

void reply_queue_init(struct reply_queue *r, struct broker_session *s);
void reply_queue_fini(struct reply_queue *r);

/* The consuming connection is open, or the broker has deleted the queue. */
void reply_queue_declare(struct reply_queue *r);
/* No answer comes to the queue any more. */
void reply_queue_lost(struct reply_queue *r);
/* An op of the client's is done: topology that is not as expected is reported. */
void reply_queue_op_done(struct reply_queue *r, const struct link_op *op);

const char *reply_queue_name(const struct reply_queue *r);
/* Both connections are open, and answers come in. */
bool reply_queue_ready(const struct reply_queue *r);
/* And the broker takes messages. */
bool reply_queue_may_publish(const struct reply_queue *r);

void reply_queue_note_problem(struct reply_queue *r, const char *text);
const char *reply_queue_problem(const struct reply_queue *r);

/* Report a warning about a message that came to the queue. At most one a second: a peer
 * can cause them as often as it likes. */
void reply_queue_warn(struct reply_queue *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
