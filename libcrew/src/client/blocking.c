/* Blocking calls: start, wait, take the answer along. */
#include "client/client_internal.h"

#include "base/clock.h"
#include <stdio.h>

struct call_wait {
    struct client_waiter waiter;
    int error;
    struct crew_answer *answer;
};

static void on_answer(void *arg, const struct crew_answer *answer) {
    struct call_wait *w = arg;
    w->error = answer->error;
    if (w->error == 0 && (w->answer = crew_answer_copy(answer)) == NULL)
        w->error = CREW_ENOMEM;
    client_wait_over(&w->waiter);
}

int crew_client_call_wait(crew_client *c, const struct crew_call *call,
                          struct crew_answer **answer) {
    struct call_wait w = {.answer = NULL};
    const struct crew_receiver to = {.ended = on_answer};
    struct crew_pending *pending;
    int error = client_wait_begin(c, &w.waiter);
    if (error != 0)
        return error;
    error = client_call(c, call, &to, &w, &pending);
    if (error == 0)
        client_wait(&w.waiter);
    client_wait_end(&w.waiter);
    if (error == 0)
        error = w.error;
    if (error == 0)
        *answer = w.answer;
    return error;
}

struct group_wait {
    struct client_waiter waiter;
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
    client_wait_over(&w->waiter);
}

/* 0: it was made and has ended. */
static int make_group(struct crew_client *c, const struct crew_group *group,
                      struct group_wait *w) {
    struct crew_pending_group *pending;
    int error = client_wait_begin(c, &w->waiter);
    if (error != 0)
        return error;
    error = client_group(c, group, on_group, w, &pending);
    if (error == 0)
        client_wait(&w->waiter);
    client_wait_end(&w->waiter);
    return error;
}

int crew_client_group_wait(crew_client *c, const struct crew_group *group,
                           struct crew_answer *answers[]) {
    struct group_wait w = {.answers = answers};
    int error = make_group(c, group, &w);
    if (error == 0)
        return w.error;
    for (size_t i = 0; i < group->count; i++)
        answers[i] = group_answer_without_call(error);
    return error;
}

int crew_client_wait_ready(crew_client *c, uint32_t timeout_ms, char *why,
                           size_t why_bytes) {
    struct client_waiter w;
    int error = client_wait_begin(c, &w);
    if (error != 0)
        return error;
    w.for_ready = true;
    broker_session_timer_set(&c->session, &w.timer, clock_ms() + timeout_ms);
    client_wait(&w);
    if (!client_takes_calls(c))
        error = c->closing ? CREW_ECLOSED : CREW_EBROKER;
    if (error != 0 && why != NULL)
        snprintf(why, why_bytes, "%s", c->trouble);
    client_wait_end(&w);
    return error;
}
