/* What handlers call and publish: one client for all of them, made when the first comes.
 */
#ifndef CREW_WORKER_SUBCALLS_H
#define CREW_WORKER_SUBCALLS_H

#include "app-worker/ipc/ipc_protocol.h"
#include <crew/broker.h>
#include <uv.h>

struct subcalls;
struct subcall_group;
struct subcall_publication;

/* Called once, from the loop. ERROR is the group's; ANSWERS are valid during the call,
 * and there are none (COUNT is 0) when it was not made. */
typedef void subcalls_done_fn(void *arg, int error,
                              const struct crew_answer *const answers[], size_t count);

/* BROKER must outlive the calls. */
struct subcalls *subcalls_new(uv_loop_t *loop, const struct crew_broker *broker);

/* Make the calls of the frame WANTED; BYTES holds what it points to. Both are taken over.
 * On an error nothing is under way. */
int subcalls_start(struct subcalls *calls, struct ipc_call *wanted, struct buffer *bytes,
                   subcalls_done_fn *fn, void *arg, struct subcall_group **group);

/* Called once, from the loop: 0, or an error of crew_client_publish. */
typedef void subcalls_published_fn(void *arg, int error);

/* Publish what the frame WANTED says; BYTES holds what it points to. Both are taken over.
 * On an error nothing is under way. */
int subcalls_publish(struct subcalls *calls, struct ipc_publish *wanted,
                     struct buffer *bytes, subcalls_published_fn *fn, void *arg,
                     struct subcall_publication **publication);

/* Nobody waits for it any more. What is with the client is published all the same. Null
 * is fine. */
void subcalls_forget_publication(struct subcall_publication *publication);

/* Have all calls been handed to the client? */
bool subcalls_are_sent(const struct subcalls *calls);

/* Is a call with this id under way? Then some handler of this worker waits for it. */
bool subcalls_have(const struct subcalls *calls, const char *id);

/* Forget calls. Null is fine. */
void subcalls_cancel(struct subcall_group *group);

/* All calls must have ended or been cancelled, all publications have ended or been
 * forgotten. Blocks as crew_client_free does. The loop has to run once more. Null is
 * fine.
 */
void subcalls_free(struct subcalls *calls);

#endif
