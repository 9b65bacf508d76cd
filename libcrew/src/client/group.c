/* Several calls that end together.
 *
 * The answers are collected as copies, each in the place of its call. The end comes once,
 * from the callback of the call that decided it: what is still under way then is
 * cancelled, so no other callback of the group follows.
 */
#include "client/client_internal.h"

#include "base/xalloc.h"
#include <stdlib.h>

struct member {
    struct crew_pending_group *group;
    struct crew_pending *pending; /* null: not under way */
};

struct crew_pending_group {
    crew_client *client;
    enum crew_group_end end;
    group_ended_fn *ended;
    void *arg;
    crew_group_fn *fn; /* the program's, behind ENDED */
    void *fn_arg;
    size_t count;
    size_t open; /* calls under way */
    struct crew_answer **answers;
    struct member members[];
};

/* ---- the end ---- */

struct crew_answer *group_answer_without_call(int error) {
    struct crew_answer *answer = xcalloc(1, sizeof *answer);
    answer->error = error;
    answer->status = crew_error_status(error);
    return answer;
}

static struct crew_answer *kept(const struct crew_answer *answer) {
    struct crew_answer *copy = crew_answer_copy(answer);
    return copy != NULL ? copy : group_answer_without_call(CREW_ENOMEM);
}

/* Those under way are taken back, or just forgotten when the client has none of them yet.
 */
static void cancel_members(struct crew_pending_group *g) {
    for (size_t i = 0; i < g->count && g->open > 0; i++) {
        if (g->members[i].pending == NULL)
            continue;
        client_cancel(g->members[i].pending);
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

/* What the calls that have ended make of the group: see crew_client_group_wait. */
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

static void fill_the_rest(struct crew_pending_group *g) {
    for (size_t i = 0; i < g->count; i++)
        if (g->answers[i] == NULL)
            g->answers[i] = group_answer_without_call(CREW_ECANCELLED);
}

/* With the lock held from the answer to the end: the program may cancel the group on any
 * thread until its own callback is called. */
static void on_member(void *arg, const struct crew_answer *answer) {
    struct member *m = arg;
    struct crew_pending_group *g = m->group;
    struct crew_answer *copy = g->answers[m - g->members] = kept(answer);
    m->pending = NULL;
    g->open--;
    if (!is_over(g, copy->error))
        return;
    cancel_members(g);
    int error = group_error(g);
    fill_the_rest(g);
    g->ended(g->arg, error, g->answers, g->count);
    group_free(g);
}

/* ---- the beginning ---- */

static int check_group(const struct crew_group *group) {
    if (group->count == 0 || group->count > CREW_GROUP_MAX ||
        group->end > CREW_GROUP_FIRST || group->expiration_ms > LIMIT_EXPIRATION_MS)
        return CREW_EINVAL;
    return 0;
}

static struct crew_pending_group *group_new(struct crew_client *c,
                                            const struct crew_group *group) {
    struct crew_pending_group *g =
        xcalloc(1, sizeof *g + group->count * sizeof *g->members);
    g->client = c;
    g->end = group->end;
    g->count = group->count;
    g->answers = xcalloc(1, group->count * sizeof(struct crew_answer *));
    return g;
}

static int start_member(struct crew_pending_group *g, size_t place,
                        const struct crew_group *group) {
    struct crew_call call = group->calls[place];
    if (call.expiration_ms == 0 ||
        (group->expiration_ms != 0 && call.expiration_ms > group->expiration_ms))
        call.expiration_ms = group->expiration_ms;
    struct member *m = &g->members[place];
    m->group = g;
    const struct crew_receiver to = {.ended = on_member};
    int error = client_call(g->client, &call, &to, m, &m->pending);
    g->open += error == 0;
    return error;
}

int client_group(struct crew_client *c, const struct crew_group *group,
                 group_ended_fn *fn, void *arg, struct crew_pending_group **pending) {
    int error = check_group(group);
    if (error != 0)
        return error;
    struct crew_pending_group *g = group_new(c, group);
    g->ended = fn;
    g->arg = arg;
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

/* ---- public ---- */

static void on_ended(void *arg, int error, struct crew_answer *answers[], size_t count) {
    struct crew_pending_group *g = arg;
    client_leave(g->client);
    g->fn(g->fn_arg, error, (const struct crew_answer *const *)answers, count);
    client_enter(g->client);
}

int crew_client_group(crew_client *c, const struct crew_group *group, crew_group_fn *fn,
                      void *arg, crew_pending_group **pending) {
    if (!client_enter(c))
        return CREW_ECLOSED;
    struct crew_pending_group *g;
    int error = client_group(c, group, on_ended, NULL, &g);
    if (error == 0) {
        g->arg = g;
        g->fn = fn;
        g->fn_arg = arg;
        if (pending != NULL)
            *pending = g;
    }
    client_leave(c);
    return error;
}

bool crew_client_group_cancel(crew_client *c, crew_pending_group *g) {
    if (!client_enter(c))
        return false;
    bool in_time = g->open > 0; /* else its end is being told */
    if (in_time) {
        cancel_members(g);
        group_free(g);
    }
    client_leave(c);
    return in_time;
}
