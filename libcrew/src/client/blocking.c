#include "client/blocking.h"

#include "client/group.h"
#include <stdio.h>
#include <string.h>

/* ---- a call ---- */

struct call_wait {
    struct dispatch_waiter waiter;
    int error;
    struct crew_answer *answer;
};

static void on_answer(void *arg, const struct crew_answer *answer) {
    struct call_wait *w = arg;
    w->error = answer->error;
    if (w->error == 0 && (w->answer = crew_answer_copy(answer)) == NULL)
        w->error = CREW_ENOMEM;
    dispatch_lock_wake(&w->waiter);
}

int blocking_call(struct dispatch_lock *lock, struct calls *c,
                  const struct crew_call *call, struct crew_answer **answer) {
    struct call_wait w = {.answer = NULL};
    const struct crew_receiver to = {.ended = on_answer};
    struct crew_pending *pending;
    int error = dispatch_lock_wait_begin(lock, &w.waiter);
    if (error != 0)
        return error;
    error = call_start(c, call, &to, &w, CALLBACK_LOCKED, &pending);
    if (error == 0)
        dispatch_lock_wait(&w.waiter);
    dispatch_lock_wait_end(&w.waiter);
    if (error == 0)
        error = w.error;
    if (error == 0)
        *answer = w.answer;
    return error;
}

/* ---- a group ---- */

struct group_wait {
    struct dispatch_waiter waiter;
    int error;
    struct crew_answer **answers;
};

static void on_group(void *arg, int error, struct crew_answer *answers[], size_t count) {
    struct group_wait *w = arg;
    w->error = error;
    for (size_t i = 0; i < count; i++) {
        w->answers[i] = answers[i];
        answers[i] = NULL;
    }
    dispatch_lock_wake(&w->waiter);
}

/* 0: it was started and has ended. */
static int run_group(struct dispatch_lock *lock, struct calls *c,
                     const struct crew_group *group, struct group_wait *w) {
    const struct group_receiver receiver = {.ended = on_group, .arg = w};
    struct crew_pending_group *pending;
    int error = dispatch_lock_wait_begin(lock, &w->waiter);
    if (error != 0)
        return error;
    error = group_start(c, lock, group, &receiver, &pending);
    if (error == 0)
        dispatch_lock_wait(&w->waiter);
    dispatch_lock_wait_end(&w->waiter);
    return error;
}

int blocking_group(struct dispatch_lock *lock, struct calls *c,
                   const struct crew_group *group, struct crew_answer *answers[]) {
    struct group_wait w = {.answers = answers};
    int error = run_group(lock, c, group, &w);
    if (error == 0)
        return w.error;
    for (size_t i = 0; i < group->count; i++)
        answers[i] = group_answer_of_error(error);
    return error;
}

/* ---- a publication ---- */

struct publish_wait {
    struct dispatch_waiter waiter;
    int error;
};

static void on_published(void *arg, int error, const char *id) {
    struct publish_wait *w = arg;
    (void)id;
    w->error = error;
    dispatch_lock_wake(&w->waiter);
}

int blocking_publish(struct dispatch_lock *lock, struct publisher *p,
                     const struct crew_publication *publication,
                     char id[CREW_PUBLICATION_ID_BYTES]) {
    struct publish_wait w;
    const struct published_receiver to = {
        .fn = on_published, .arg = &w, .locking = CALLBACK_LOCKED};
    int error = dispatch_lock_wait_begin(lock, &w.waiter);
    if (error != CREW_OK)
        return error;
    error = publisher_publish(p, publication, &to, id);
    if (error == CREW_OK)
        dispatch_lock_wait(&w.waiter);
    dispatch_lock_wait_end(&w.waiter);
    return error != CREW_OK ? error : w.error;
}

/* ---- ready ---- */

int blocking_wait_ready(struct dispatch_lock *lock, const struct reply_queue *reply_queue,
                        uint32_t timeout_ms, char *why, size_t why_bytes) {
    struct dispatch_waiter w;
    int error = dispatch_lock_wait_begin(lock, &w);
    if (error != 0)
        return error;
    dispatch_lock_set_timeout(&w, timeout_ms);
    dispatch_lock_wait_ready(&w);
    if (!reply_queue_may_publish(reply_queue))
        error = dispatch_lock_closing(lock) ? CREW_ECLOSED : CREW_EBROKER;
    if (error != 0 && why != NULL)
        snprintf(why, why_bytes, "%s", reply_queue_problem(reply_queue));
    dispatch_lock_wait_end(&w);
    return error;
}
