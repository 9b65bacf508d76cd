/* Groups: several calls that end together.
 *
 * The answers are collected as copies, in the order of the calls. The group ends once,
 * from the callback of the call that decided it. Calls that are still under way then are
 * cancelled, so no other callback of the group follows. */
#ifndef CREW_CLIENT_GROUP_H
#define CREW_CLIENT_GROUP_H

#include "client/call.h"
#include <crew/client.h>

/* With the lock. ANSWERS, each to be freed with crew_answer_free, may be taken out. */
typedef void group_ended_fn(void *arg, int error, struct crew_answer *answers[],
                            size_t count);

/* ENDED with CALLBACK_LOCKED, or FN, the program's, without the lock. */
struct group_receiver {
    group_ended_fn *ended;
    crew_group_fn *fn;
    void *arg;
};

/* Errors as of crew_client_group. */
int group_start(struct calls *c, struct dispatch_lock *lock,
                const struct crew_group *group, const struct group_receiver *receiver,
                struct crew_pending_group **pending);
/* False: too late, the receiver is being called. */
bool group_cancel(struct crew_pending_group *g);

/* The answer in place of a call that was not made, or did not come to its end. */
struct crew_answer *group_answer_of_error(int error);

#endif
