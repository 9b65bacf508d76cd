/* What handlers call and publish: one client for all of them, made when the first comes.
 */
#ifndef CREW_WORKER_CALLS_H
#define CREW_WORKER_CALLS_H

#include "group_frames.h"
#include "publish_frames.h"
#include <crew/broker.h>
#include <uv.h>

struct calls;
struct calls_group;
struct calls_publication;

/* Called once, from the loop. ERROR is the group's; ANSWERS are valid during the call,
 * and there are none (COUNT is 0) when it was not made. */
typedef void calls_done_fn(void *arg, int error,
                           const struct crew_answer *const answers[], size_t count);

/* BROKER must outlive the calls. */
struct calls *calls_new(uv_loop_t *loop, const struct crew_broker *broker);

/* Make the calls of the frame WANTED; BYTES holds what it points to. Both are taken over.
 * On an error nothing is under way. */
int calls_start(struct calls *calls, struct calls_frame *wanted, struct buffer *bytes,
                calls_done_fn *fn, void *arg, struct calls_group **group);

/* Called once, from the loop: 0, or an error of crew_client_publish. */
typedef void calls_published_fn(void *arg, int error);

/* Publish what the frame WANTED says; BYTES holds what it points to. Both are taken over.
 * On an error nothing is under way. */
int calls_publish(struct calls *calls, struct publish_frame *wanted, struct buffer *bytes,
                  calls_published_fn *fn, void *arg,
                  struct calls_publication **publication);

/* Nobody waits for it any more. What is with the client is published all the same. Null
 * is fine. */
void calls_forget_publication(struct calls_publication *publication);

/* Have all calls been handed to the client? */
bool calls_are_sent(const struct calls *calls);

/* Is a call with this id under way? Then some handler of this worker waits for it. */
bool calls_have(const struct calls *calls, const char *id);

/* Forget calls. Null is fine. */
void calls_cancel(struct calls_group *group);

/* All calls must have ended or been cancelled, all publications have ended or been
 * forgotten. Blocks as crew_client_free does. The loop has to run once more. Null is
 * fine.
 */
void calls_free(struct calls *calls);

#endif
