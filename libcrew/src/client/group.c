#include "client/group.h"

#include "base/xalloc.h"
#include <stdlib.h>

struct member {
    struct crew_pending_group *group;
    struct crew_pending *pending; /* null: not under way */
};

struct crew_pending_group {
    struct calls *calls;
    struct dispatch_lock *lock;
    enum crew_group_end end;
    struct group_receiver receiver;
    size_t count;
    size_t open; /* calls under way; 0: the receiver is being called */
    struct crew_answer **answers;
    struct member members[];
};

/* ---- the end ---- */

struct crew_answer *group_answer_of_error(int error) {
    struct crew_answer *answer = xcalloc(1, sizeof *answer);
    answer->error = error;
    answer->status = crew_error_status(error);
    return answer;
}

static struct crew_answer *copy_of(const struct crew_answer *answer) {
    struct crew_answer *copy = crew_answer_copy(answer);
    return copy != NULL ? copy : group_answer_of_error(CREW_ENOMEM);
}

static void cancel_members(struct crew_pending_group *g) {
    for (size_t i = 0; i < g->count && g->open > 0; i++) {
        if (g->members[i].pending == NULL)
            continue;
        call_cancel(g->members[i].pending);
        g->members[i].pending = NULL;
        g->open--;
    }
}

static void group_free(struct crew_pending_group *g) {
    for (size_t i = 0; i < g->count; i++)
        crew_answer_free(g->answers[i]);
    free(g->answers);
    free(g);
}

static bool is_over(const struct crew_pending_group *g, int latest_error) {
    return g->open == 0 || g->end == CREW_GROUP_FIRST ||
           (g->end == CREW_GROUP_ANY && latest_error == 0);
}

/* The error of the group, from those of the calls that have ended: see
 * crew_client_group_wait. */
static int group_error(const struct crew_pending_group *g) {
    int first_error = 0;
    for (size_t i = 0; i < g->count; i++) {
        if (g->answers[i] == NULL)
            continue;
        int error = g->answers[i]->error;
        if (error == 0 && g->end != CREW_GROUP_ALL)
            return 0;
        if (first_error == 0)
            first_error = error;
    }
    return first_error;
}

static void fill_missing(struct crew_pending_group *g) {
    for (size_t i = 0; i < g->count; i++)
        if (g->answers[i] == NULL)
            g->answers[i] = group_answer_of_error(CREW_ECANCELLED);
}

static void call_receiver(struct crew_pending_group *g, int error) {
    struct dispatch_lock *lock = g->lock;
    if (g->receiver.fn == NULL) {
        g->receiver.ended(g->receiver.arg, error, g->answers, g->count);
        return;
    }
    dispatch_lock_leave(lock);
    g->receiver.fn(g->receiver.arg, error, (const struct crew_answer *const *)g->answers,
                   g->count);
    dispatch_lock_enter(lock);
}

/* The lock is held from the answer to the end: the program may cancel the group on any
 * thread until its own callback is called. */
static void on_member(void *arg, const struct crew_answer *answer) {
    struct member *m = arg;
    struct crew_pending_group *g = m->group;
    struct crew_answer *copy = g->answers[m - g->members] = copy_of(answer);
    m->pending = NULL;
    g->open--;
    if (!is_over(g, copy->error))
        return;
    cancel_members(g);
    int error = group_error(g);
    fill_missing(g);
    call_receiver(g, error);
    group_free(g);
}

/* ---- the beginning ---- */

static int check_group(const struct crew_group *group) {
    if (group->count == 0 || group->count > CREW_GROUP_MAX ||
        group->end > CREW_GROUP_FIRST || group->expiration_ms > LIMIT_EXPIRATION_MS)
        return CREW_EINVAL;
    return 0;
}

static struct crew_pending_group *group_new(struct calls *c,
                                            const struct crew_group *group) {
    struct crew_pending_group *g =
        xcalloc(1, sizeof *g + group->count * sizeof *g->members);
    g->calls = c;
    g->end = group->end;
    g->count = group->count;
    g->answers = xcalloc(1, group->count * sizeof(struct crew_answer *));
    return g;
}

static int start_member(struct crew_pending_group *g, size_t index,
                        const struct crew_group *group) {
    struct crew_call call = group->calls[index];
    if (call.expiration_ms == 0 ||
        (group->expiration_ms != 0 && call.expiration_ms > group->expiration_ms))
        call.expiration_ms = group->expiration_ms;
    struct member *m = &g->members[index];
    m->group = g;
    const struct crew_receiver to = {.ended = on_member};
    int error = call_start(g->calls, &call, &to, m, CALLBACK_LOCKED, &m->pending);
    g->open += error == 0;
    return error;
}

int group_start(struct calls *c, struct dispatch_lock *lock,
                const struct crew_group *group, const struct group_receiver *receiver,
                struct crew_pending_group **pending) {
    int error = check_group(group);
    if (error != 0)
        return error;
    struct crew_pending_group *g = group_new(c, group);
    g->lock = lock;
    g->receiver = *receiver;
    for (size_t i = 0; i < group->count && error == 0; i++)
        error = start_member(g, i, group);
    if (error != 0) {
        cancel_members(g);
        group_free(g);
        return error;
    }
    *pending = g;
    return 0;
}

bool group_cancel(struct crew_pending_group *g) {
    if (g->open == 0)
        return false;
    cancel_members(g);
    group_free(g);
    return true;
}
