/* Reply: makes the messages that a worker sends to the caller of a task. No I/O. */
#ifndef CREW_WORKER_REPLY_H
#define CREW_WORKER_REPLY_H

#include "amqp/message.h"
#include <crew/message.h>

/* What the replies to one task have in common. The texts belong to the caller. */
struct reply_address {
    enum crew_form form;
    const char *reply_to;
    const char *id;             /* of the task */
    const char *correlation_id; /* plain: of its message, or null */
    const char *worker;         /* UUID of this worker */
};

/* The answer. If memory is out, or ANSWER exceeds a limit of its form, the reply says
 * CREW_EBADRESPONSE instead. */
struct message *reply_from_answer(const struct reply_address *to,
                                  const struct crew_answer *answer);

/* The end of a streamed answer: its number, the error (or 0) and the run time. */
struct message *reply_stream_end(const struct reply_address *to, uint32_t sequence,
                                 int error, uint64_t run_us);

/* The notice that a handler has started the task (wire kind TAKEN). */
struct message *reply_started_notice(const struct reply_address *to);

/* An envelope without items. */
struct message *reply_envelope(const struct reply_address *to);

/* The same reply to another queue. Frees REPLY. */
struct message *reply_readdress(struct message *reply, const char *reply_to);

/* The same reply with a body that was compressed. Frees REPLY, takes BODY over. */
struct message *reply_gzipped(struct message *reply, struct buffer *body);

#endif
