/* The inside of a handler, shared by handler.c (its life), handler_stream.c (streamed
 * answers) and handler_end.c (its end). */
#ifndef CREW_WORKER_HANDLER_ROOM_H
#define CREW_WORKER_HANDLER_ROOM_H

#include "handler.h"
#include "spawn.h"

/* The one place where the state changes. */
void handler_move(struct handler *handler, enum handler_state to);

const char *handler_task_id(const struct handler *handler); /* for the log; may be null */

/* The current task. */
void handler_answer_with(struct handler *handler, int error);
bool handler_pass_on_answer(struct handler *handler, const struct wire_item *item);
void handler_task_done(struct handler *handler);

/* The first of those ahead is the current one now. */
void handler_next_task(struct handler *handler);

/* A streamed answer. False: no frame that may come now. */
bool handler_pass_on_head(struct handler *handler, const struct wire_item *item);
bool handler_pass_on_chunk(struct handler *handler, const struct wire_item *item);
void handler_end_credit(struct handler *handler);

/* BUSY or WAITING, and its caller has been answered: STOPPING. */
void handler_tell_to_stop(struct handler *handler, enum spawn_stop why);

void handler_send_frames(struct handler *handler);
void handler_refuse_calls(struct handler *handler, int error);
void handler_take_log(struct handler *handler, const struct wire_item *item);
void handler_forget_unsent(struct handler *handler);

#endif
