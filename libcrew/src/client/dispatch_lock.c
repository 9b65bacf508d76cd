/* Who may touch a client: any number of threads, one at a time.
 *
 * Design notes. The lock guards all that is behind a client and is held for moments only:
 * it is released around each callback of the program's, so that no lock of its own can
 * meet it in the wrong order. The turn is held by the thread that dispatches; callbacks
 * come from that one alone, so they never overlap. Only crew_client_free waits for the
 * turn.
 *
 * A thread that waits for something leads when nobody else does: it watches the session's
 * descriptor and dispatches for all. The others sleep, each on a condition of its own,
 * until what they wait for is done or they have to lead. The program's own event loop may
 * dispatch at the same time; then the leader is nudged when its own wait is over.
 */
#include "client/client_internal.h"

#include "base/fork.h"
#include "base/wakeup.h"
#include <assert.h>
#include <poll.h>
#include <stddef.h>
#include <unistd.h>
#include <utlist.h>

/* ---- the lock and the turn ---- */

int client_turn_init(struct crew_client *c) {
    c->born_in = fork_generation();
    c->nudge_fd = wakeup_open();
    if (c->nudge_fd < 0)
        return CREW_ESYSTEM;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->turn_over, NULL);
    return 0;
}

void client_turn_fini(struct crew_client *c) {
    pthread_cond_destroy(&c->turn_over);
    pthread_mutex_destroy(&c->lock);
    close(c->nudge_fd);
}

bool client_enter(struct crew_client *c) {
    if (c->born_in != fork_generation())
        return false;
    pthread_mutex_lock(&c->lock);
    return true;
}

void client_leave(struct crew_client *c) {
    pthread_mutex_unlock(&c->lock);
}

bool client_in_callback(const struct crew_client *c) {
    return c->turn_taken && pthread_equal(c->turn_owner, pthread_self());
}

bool client_turn_try(struct crew_client *c) {
    if (c->turn_taken)
        return false;
    c->turn_taken = true;
    c->turn_owner = pthread_self();
    return true;
}

void client_turn_take(struct crew_client *c) {
    assert(!client_in_callback(c));
    while (!client_turn_try(c))
        pthread_cond_wait(&c->turn_over, &c->lock);
}

static void release_ready(struct crew_client *c) {
    struct client_waiter *w;
    DL_FOREACH (c->waiters, w)
        if (w->for_ready)
            client_wait_over(w);
}

void client_turn_give(struct crew_client *c) {
    c->turn_taken = false;
    if (c->ready_waiters > 0 && (c->closing || client_takes_calls(c)))
        release_ready(c);
    if (c->passed_by)
        broker_session_set_readable(&c->session);
    c->passed_by = false;
    pthread_cond_broadcast(&c->turn_over);
}

/* Whoever finds another one dispatching goes on without waiting for its callback, and has
 * peace until that one is done. */
void client_dispatch(struct crew_client *c) {
    if (!client_turn_try(c)) {
        c->passed_by = true;
        broker_session_disarm(&c->session);
        return;
    }
    broker_session_dispatch(&c->session);
    client_turn_give(c);
}

/* ---- waiting ---- */

static void lead(struct crew_client *c, struct client_waiter *w) {
    struct pollfd p[] = {{.fd = broker_session_fd(&c->session), .events = POLLIN},
                         {.fd = c->nudge_fd, .events = POLLIN}};
    c->leader = w;
    client_leave(c);
    int count = poll(p, 2, -1); /* -1: a signal handler has run */
    client_enter(c);
    c->leader = NULL;
    if (count > 0 && p[1].revents != 0)
        wakeup_clear(c->nudge_fd);
    if (count > 0 && p[0].revents != 0)
        client_dispatch(c);
}

/* Somebody has to lead, and the thread that closes the client waits for the last. */
static void pass_on(struct crew_client *c) {
    if (c->waiters == NULL)
        pthread_cond_broadcast(&c->turn_over);
    else if (c->leader == NULL)
        pthread_cond_signal(&c->waiters->changed);
}

static void on_timeout(struct broker_session_timer *timer) {
    struct client_waiter *w =
        (struct client_waiter *)((char *)timer - offsetof(struct client_waiter, timer));
    client_wait_over(w);
}

static void release_turn(struct client_waiter *w) {
    if (!w->has_turn)
        return;
    broker_session_end(&w->client->session);
    client_turn_give(w->client);
    w->has_turn = false;
}

int client_wait_begin(struct crew_client *c, struct client_waiter *w) {
    if (!client_enter(c))
        return CREW_ECLOSED;
    if (c->closing || client_in_callback(c)) {
        int error = c->closing ? CREW_ECLOSED : CREW_EINVAL;
        client_leave(c);
        return error;
    }
    *w = (struct client_waiter){.client = c, .timer.fire = on_timeout};
    pthread_cond_init(&w->changed, NULL);
    w->has_turn = client_turn_try(c);
    if (w->has_turn)
        broker_session_begin(&c->session);
    return 0;
}

void client_wait(struct client_waiter *w) {
    struct crew_client *c = w->client;
    DL_APPEND(c->waiters, w);
    c->ready_waiters += w->for_ready;
    release_turn(w);
    while (!w->over)
        if (c->leader == NULL)
            lead(c, w);
        else
            pthread_cond_wait(&w->changed, &c->lock);
    c->ready_waiters -= w->for_ready;
    DL_DELETE(c->waiters, w);
    pass_on(c);
}

void client_wait_over(struct client_waiter *w) {
    w->over = true;
    if (w->client->leader == w)
        wakeup_signal(w->client->nudge_fd);
    else
        pthread_cond_signal(&w->changed);
}

void client_wait_end(struct client_waiter *w) {
    struct crew_client *c = w->client;
    release_turn(w);
    broker_session_timer_clear(&c->session, &w->timer);
    pthread_cond_destroy(&w->changed);
    client_leave(c);
}

void client_wait_for_leavers(struct crew_client *c) {
    while (c->waiters != NULL)
        pthread_cond_wait(&c->turn_over, &c->lock);
}
