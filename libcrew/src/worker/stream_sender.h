/* Stream sender: an answer that is sent in parts (docs/wire.md, "Streamed answers").
 *
 * Parts of one dispatch share a message, which leaves with the flush. The status of each
 * message is awaited. The first one that the broker does not confirm breaks the stream:
 * what is sent over a second connection would not be in order with it. The end is not
 * sent from here. It is the task's reply, and its number tells the caller whether it has
 * all parts.
 */
#ifndef CREW_WORKER_STREAM_SENDER_H
#define CREW_WORKER_STREAM_SENDER_H

#include "session/broker_session.h"
#include "worker/reply.h"

struct stream_sender;

/* All streams of a worker. */
struct stream_senders {
    struct broker_session *session;
    const char *worker; /* its UUID */
    struct stream_sender *all;
};

void stream_senders_init(struct stream_senders *senders, struct broker_session *session,
                         const char *worker);
void stream_senders_flush(struct stream_senders *senders);
void stream_senders_fini(struct stream_senders *senders); /* the session is stopped */

/* Start a stream with its head: status and header fields of ANSWER. ON_STOPPED is called
 * at most once, when the stream cannot go on because it broke or is not read any more; it
 * accepts no parts then. CREW_EBADRESPONSE: ANSWER exceeds a limit of docs/wire.md. */
int stream_sender_new(struct stream_senders *senders, const struct reply_address *to,
                      const struct crew_answer *answer, void (*on_stopped)(void *arg),
                      void *arg, struct stream_sender **sender);

/* No callback comes any more. The stream frees itself when the status of all its messages
 * is known. Null is fine. */
void stream_sender_free(struct stream_sender *s);

/* BYTES more of the body. CREW_EINVAL: more than CREW_CHUNK_BYTES, or more than there is
 * credit for. CREW_ECANCELLED: the stream was stopped. */
int stream_sender_chunk(struct stream_sender *s, const void *data, size_t bytes);

/* The caller allows CREDIT_BYTES of body in all, modulo 2^32. True: that is more than
 * before; *ALLOWED_BYTES is the new total. */
bool stream_sender_credit(struct stream_sender *s, uint32_t credit_bytes,
                          uint32_t *allowed_bytes);

/* The caller cancelled it: it is not read any more. */
void stream_sender_cancel(struct stream_sender *s);

/* The caller sent its request again from REPLY_TO. If that is another queue, it has not
 * seen what was sent, and the stream is broken. */
void stream_sender_repeated(struct stream_sender *s, const char *reply_to);

/* The message that ends the stream with ANSWER's error and run time (CREW_ELOST if it
 * broke); null if it is not read any more. No part follows. */
struct message *stream_sender_end(struct stream_sender *s, const struct reply_address *to,
                                  const struct crew_answer *answer);

#endif
