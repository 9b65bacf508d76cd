/* The inside of a child, shared by handler.c (its life), handler_stream.c (streamed
 * answers), handler_publish.c and handler_end.c (its end). */
#ifndef CREW_WORKER_CHILD_INTERNAL_H
#define CREW_WORKER_CHILD_INTERNAL_H

#include "child.h"
#include "spawn.h"

/* The one place where the state changes. */
void child_move(struct child *child, enum child_state to);

const char *child_task_id(const struct child *child); /* for the log; may be null */

/* The current task. */
void child_answer_with(struct child *child, int error);
bool child_pass_on_answer(struct child *child, const struct wire_item *item);
void child_task_done(struct child *child);

/* The first of those ahead is the current one now. */
void child_next_task(struct child *child);

/* A streamed answer. False: no frame that may come now. */
bool child_pass_on_head(struct child *child, const struct wire_item *item);
bool child_pass_on_chunk(struct child *child, const struct wire_item *item);
void child_end_credit(struct child *child);

/* BUSY or WAITING, and its caller has been answered: STOPPING. */
void child_tell_to_stop(struct child *child, enum ipc_stop_reason why);

void child_send_frames(struct child *child);
void child_refuse_calls(struct child *child, int error);
void child_take_log(struct child *child, const struct wire_item *item);

/* handler_publish.c: what it publishes, and waits for. */
void child_take_publish(struct child *child, const struct wire_item *item);
void child_end_publication(struct child *child);    /* it has been told to stop */
bool child_forget_publication(struct child *child); /* whether there was one */

void child_forget_unsent(struct child *child);

#endif
