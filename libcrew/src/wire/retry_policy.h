/* Retry policy: whether a task may be sent or run again after a loss of a connection, a
 * worker or a message, and which error its call ends with where it may not. The client,
 * the worker and the bridge decide by these functions alone (docs/wire.md, "Obligations
 * of a worker").
 *
 * Invariant: a task with CREW_REPEAT_NEVER never runs twice. Only a task that has
 * certainly not run, or that its caller declared repeatable, runs again. */
#ifndef CREW_WIRE_RETRY_POLICY_H
#define CREW_WIRE_RETRY_POLICY_H

#include <crew/message.h>
#include <stdbool.h>
#include <stddef.h>

/* How far the task has certainly or possibly come, over all attempts so far. */
enum retry_progress {
    RETRY_NEVER_SENT,   /* client: not a byte of it was written to a connection */
    RETRY_NOT_STARTED,  /* worker: in hand, and no other worker can have it */
    RETRY_MAY_HAVE_RUN, /* it was written or delivered before: the outcome is unknown */
    RETRY_ANSWER_BEGUN  /* the caller has the head of its streamed answer */
};

/* The last attempt was lost. 0: send or run the task again. Else the error that it ends
 * with: CREW_EBROKER for one that was never sent (the caller may try elsewhere at once),
 * CREW_ELOST. */
int retry_after_loss(enum retry_progress progress, bool may_repeat);

/* The error of a task whose deadline passes while it waits for a connection. */
int retry_error_without_connection(enum retry_progress progress);

/* CREW_REPEAT safe: CREW_REPEAT_ALWAYS for methods that are idempotent (RFC 9110
 * §9.2.2). */
enum crew_repeat retry_repeat_of_method(const char *method, size_t method_bytes);

/* The progress of a task that came from its queue, in a message that the broker has
 * REDELIVERED or that its caller has REPEATED (the header crew-repeated), or neither. */
static inline enum retry_progress retry_progress_of_delivery(bool redelivered,
                                                             bool repeated) {
    return redelivered || repeated ? RETRY_MAY_HAVE_RUN : RETRY_NOT_STARTED;
}

#endif
