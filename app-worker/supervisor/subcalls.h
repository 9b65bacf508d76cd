/* Calls and publications of handlers: one client for all of them, created by the first
 * one. */
#ifndef CREW_WORKER_SUBCALLS_H
#define CREW_WORKER_SUBCALLS_H

#include "app-worker/ipc/ipc_protocol.h"
#include <crew/broker.h>
#include <uv.h>

struct subcalls;
struct subcall_group;
struct subcall_publication;

/* Called once, from the loop. ERROR is the group's; ANSWERS are valid during the call.
 * COUNT is 0 when the group was not sent. */
typedef void subcalls_done_fn(void *arg, int error,
                              const struct crew_answer *const answers[], size_t count);

/* BROKER must outlive the calls. */
struct subcalls *subcalls_new(uv_loop_t *loop, const struct crew_broker *broker);

/* Make the calls of a CALL frame; BYTES holds what it points to. Both are taken over,
 * also on an error; FN is not called then. */
int subcalls_start(struct subcalls *subcalls, struct ipc_call *call, struct buffer *bytes,
                   subcalls_done_fn *fn, void *arg, struct subcall_group **group);

/* Called once, from the loop: 0, or an error of crew_client_publish. */
typedef void subcalls_published_fn(void *arg, int error);

/* The same for a PUBLISH frame. */
int subcalls_publish(struct subcalls *subcalls, struct ipc_publish *publish,
                     struct buffer *bytes, subcalls_published_fn *fn, void *arg,
                     struct subcall_publication **publication);

/* FN is not called any more; what the client has is published nevertheless. Null is
 * fine. */
void subcalls_forget_publication(struct subcall_publication *publication);

/* Has the client got all calls? */
bool subcalls_are_sent(const struct subcalls *subcalls);

/* Does a handler of this worker wait for a call with this id? */
bool subcalls_have(const struct subcalls *subcalls, const char *id);

/* Cancel the calls of a group; FN is not called. Null is fine. */
void subcalls_cancel(struct subcall_group *group);

/* No call or publication is left that was not cancelled or forgotten. Blocks as
 * crew_client_free does. The loop has to run once more. Null is fine. */
void subcalls_free(struct subcalls *subcalls);

#endif
