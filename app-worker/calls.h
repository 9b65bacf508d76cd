/* The calls that handlers make: one client for all of them, made when the first comes. */
#ifndef CREW_WORKER_CALLS_H
#define CREW_WORKER_CALLS_H

#include "wire/item.h"
#include <crew/broker.h>
#include <uv.h>

struct calls;
struct calls_call;

/* Called once, from the loop. ANSWER is valid during the call. */
typedef void calls_done_fn(void *arg, const struct crew_answer *answer);

/* BROKER must outlive the calls. */
struct calls *calls_new(uv_loop_t *loop, const struct crew_broker *broker);

/* Make the call that the frame ITEM says; FRAME holds its bytes and is taken over. On an
 * error nothing is under way. */
int calls_start(struct calls *calls, const struct wire_item *item, struct buffer *frame,
                calls_done_fn *fn, void *arg, struct calls_call **call);

/* Have all calls been handed to the client? */
bool calls_are_sent(const struct calls *calls);

/* Forget a call. Null is fine. */
void calls_cancel(struct calls_call *call);

/* All calls must have ended or been cancelled. Blocks as crew_client_free does. The loop
 * has to run once more. Null is fine. */
void calls_free(struct calls *calls);

#endif
