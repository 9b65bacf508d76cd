/* Which queues a worker consumes: its task queues (with acks, under one prefetch over
 * all), and a queue of its own for notices. Everything is declared again after a
 * reconnect. */
#include "worker/worker_internal.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/xalloc.h"
#include "session/topology.h"
#include "wire/task_name.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_SOON_MS 100u
#define RETRY_LATEST_MS 5000u

#define QUEUE_NAME_BYTES (sizeof NAME_TASK_QUEUE_PREFIX + LIMIT_TASK_NAME_BYTES)

static void name_queue(char *queue, const char *task) {
    snprintf(queue, QUEUE_NAME_BYTES, "%s%s", NAME_TASK_QUEUE_PREFIX, task);
}

static const char *task_of_queue(const char *queue) {
    return queue + sizeof NAME_TASK_QUEUE_PREFIX - 1;
}

static bool connected(const crew_worker *w) {
    return broker_session_epoch(&w->session, BROKER_SESSION_CONSUMER) != 0;
}

static void step(crew_worker *w, struct link_op *op) {
    broker_session_op(&w->session, BROKER_SESSION_CONSUMER, op);
}

/* ---- notices ---- */

static void notice_step(crew_worker *w, struct link_op *op) {
    op->owner = w; /* marks it as one of these */
    w->notice_steps++;
    broker_session_op(&w->session, BROKER_SESSION_PUBLISHER, op);
}

static void listen_for(crew_worker *w, const struct served *s) {
    if (w->notice_queue != NULL)
        notice_step(w, topology_bind_notices(w->notice_queue, NAME_CONTROL_TASK_PREFIX,
                                             task_of_queue(s->queue)));
}

static void stop_listening_for(crew_worker *w, const struct served *s) {
    if (w->notice_queue != NULL)
        notice_step(w, topology_unbind_notices(w->notice_queue, NAME_CONTROL_TASK_PREFIX,
                                               task_of_queue(s->queue)));
}

void queues_listen(crew_worker *w) {
    char hex[17], name[sizeof NAME_WORKER_QUEUE_PREFIX + 64];
    random_hex(hex, 8);
    snprintf(name, sizeof name, "%s%s.%s", NAME_WORKER_QUEUE_PREFIX, w->uuid, hex);
    free(w->notice_queue);
    w->notice_queue = xstrdup(name);
    notice_step(w, topology_control());
    notice_step(w, topology_exclusive_queue(name));
    notice_step(w, topology_bind_notices(name, NAME_CONTROL_WORKER_PREFIX, w->uuid));
    notice_step(w, topology_consume(name, true));
    const struct served *s;
    for (s = w->served; s != NULL; s = s->hh.next)
        listen_for(w, s);
}

/* ---- one task queue ---- */

static bool is_awaited(const struct served *s) {
    return s->wanted && s->state != SERVED_CONSUMING;
}

/* The one place where either changes. */
static void served_set(crew_worker *w, struct served *s, bool wanted,
                       enum served_state state) {
    w->awaited -= is_awaited(s);
    s->wanted = wanted;
    s->state = state;
    w->awaited += is_awaited(s);
}

static void served_enter(crew_worker *w, struct served *s, enum served_state state) {
    served_set(w, s, s->wanted, state);
}

static void served_declare(crew_worker *w, struct served *s) {
    served_enter(w, s, SERVED_DECLARING);
    s->own_limit = w->own_limit != 0;
    step(w, topology_task_queue(s->queue));
    step(w, topology_consume(s->queue, false));
    listen_for(w, s);
}

static void served_cancel(crew_worker *w, struct served *s) {
    served_enter(w, s, SERVED_CANCELLING);
    stop_listening_for(w, s);
    step(w, link_op_new(LINK_CANCEL, s->queue));
}

static void served_forget(crew_worker *w, struct served *s) {
    HASH_DEL(w->served, s);
    free(s->queue);
    free(s);
}

static void served_stop(crew_worker *w, struct served *s) {
    served_set(w, s, false, s->state);
    if (s->state == SERVED_IDLE)
        served_forget(w, s);
    else if (s->state == SERVED_CONSUMING)
        served_cancel(w, s);
    /* DECLARING: cancelled when its consume is done. CANCELLING: already under way. */
}

static struct served *find_served(const crew_worker *w, const char *task) {
    char queue[QUEUE_NAME_BYTES];
    struct served *s;
    name_queue(queue, task);
    HASH_FIND_STR(w->served, queue, s);
    return s;
}

static void served_start(crew_worker *w, const char *task) {
    struct served *s = find_served(w, task);
    if (s == NULL) {
        s = xcalloc(1, sizeof *s);
        s->queue = xcalloc(1, QUEUE_NAME_BYTES);
        name_queue(s->queue, task);
        HASH_ADD_KEYPTR(hh, w->served, s->queue, strlen(s->queue), s);
    }
    served_set(w, s, true, s->state);
    if (s->state == SERVED_IDLE && connected(w))
        served_declare(w, s);
}

/* ---- all of them ---- */

static void declare_idle(crew_worker *w) {
    struct served *s, *next;
    HASH_ITER (hh, w->served, s, next)
        if (s->wanted && s->state == SERVED_IDLE)
            served_declare(w, s);
}

/* ---- prefetch ---- */

/* Lifts the shared limit, too (RabbitMQ). */
static void set_own_limit(crew_worker *w, unsigned limit) {
    w->own_limit = limit;
    w->shared_limit = 0;
    step(w, topology_prefetch(limit, true));
}

static void set_shared_limit(crew_worker *w, unsigned limit) {
    if (limit == w->shared_limit)
        return;
    w->shared_limit = limit;
    step(w, topology_prefetch(limit, false));
}

static bool may_have_own_limit(const crew_worker *w) {
    return !w->several && w->prefetch <= w->prefetch_most;
}

static void lift_own_limits(crew_worker *w) {
    set_own_limit(w, 0);
    struct served *s, *next;
    HASH_ITER (hh, w->served, s, next)
        if (s->state == SERVED_CONSUMING && s->own_limit)
            served_cancel(w, s); /* and consumed again when that is done */
}

/* A limit over all consumers can be changed at any time, and costs the broker a question
 * to its limiter for every message. A consumer's own limit costs nothing, and is what it
 * began with. So the consumer of a worker of one queue begins with the highest limit, and
 * the shared one is in force while it is to be less; while it is to be more, or there are
 * several queues, only that one is. */
static void set_limits(crew_worker *w) {
    if (w->own_limit != 0 && !may_have_own_limit(w))
        lift_own_limits(w);
    set_shared_limit(w, w->prefetch == w->own_limit ? 0 : w->prefetch);
}

void queues_connected(crew_worker *w) {
    step(w, topology_dlx());
    set_own_limit(w, may_have_own_limit(w) ? w->prefetch_most : 0);
    set_limits(w);
    declare_idle(w);
}

void queues_disconnected(crew_worker *w) {
    struct served *s, *next;
    HASH_ITER (hh, w->served, s, next) {
        served_enter(w, s, SERVED_IDLE);
        if (!s->wanted)
            served_forget(w, s);
    }
}

void queues_retry(struct broker_session_timer *timer) {
    crew_worker *w = (crew_worker *)((char *)timer - offsetof(struct crew_worker, retry));
    if (connected(w))
        declare_idle(w);
}

static void retry_in(crew_worker *w, uint64_t ms) {
    broker_session_timer_set(&w->session, &w->retry, clock_ms() + ms);
}

/* In a cluster a queue is away as long as its node is. */
static void retry_later(crew_worker *w) {
    uint64_t ms = RETRY_SOON_MS;
    for (unsigned i = 0; i < w->refusals && ms < RETRY_LATEST_MS; i++)
        ms *= 2;
    w->refusals++;
    retry_in(w, ms < RETRY_LATEST_MS ? ms : RETRY_LATEST_MS);
}

void queues_consumer_gone(crew_worker *w, const char *queue) {
    struct served *s = NULL;
    if (queue != NULL)
        HASH_FIND_STR(w->served, queue, s);
    if (s == NULL) {
        queues_listen(w);
        return;
    }
    broker_session_report(&w->session, CREW_EVENT_WARNING,
                          "the broker ended our consumer of %s; declaring it again",
                          queue);
    served_enter(w, s, SERVED_IDLE);
    w->said_ready = false;
    if (s->wanted)
        retry_in(w, RETRY_SOON_MS);
    else
        served_forget(w, s);
}

/* ---- the broker's answers ---- */

static void describe(crew_worker *w, const struct link_op *op, const char *comment) {
    char text[480];
    topology_describe(op, text, sizeof text);
    broker_session_report(&w->session, CREW_EVENT_WARNING, "%s%s", text, comment);
}

/* Once for a queue, however often it is tried again. */
static void warn_refused(crew_worker *w, struct served *s, const struct link_op *op) {
    if (s == NULL)
        describe(w, op, "");
    else if (!s->warned)
        describe(w, op, "; trying again until it works");
    if (s != NULL)
        s->warned = true;
}

static void consume_done(crew_worker *w, struct served *s, bool ok) {
    served_enter(w, s, ok ? SERVED_CONSUMING : SERVED_IDLE);
    if (ok) {
        s->warned = false;
        w->refusals = 0;
    }
    if (!s->wanted)
        served_stop(w, s);
    else if (!ok)
        retry_later(w);
    else if (s->own_limit && w->own_limit == 0)
        served_cancel(w, s);
}

static void cancel_done(crew_worker *w, struct served *s) {
    served_enter(w, s, SERVED_IDLE);
    if (!s->wanted)
        served_forget(w, s);
    else if (connected(w))
        served_declare(w, s);
}

static void look_done(crew_worker *w, struct served *s, const struct link_op *op) {
    if (s == NULL)
        return;
    s->looking = false;
    if (op->ok && w->on_queue != NULL)
        w->on_queue(w->task_arg, task_of_queue(s->queue), op->messages, op->consumers);
}

void queues_op_done(crew_worker *w, struct link_op *op) {
    bool connection_lost = !op->ok && op->reply_code == 0;
    if (op->owner == w)
        w->notice_steps--;
    struct served *s = NULL;
    HASH_FIND_STR(w->served, op->name, s);
    if (op->foreign && op->ok && !w->warned_foreign) {
        w->warned_foreign = true;
        describe(w, op, "");
    }
    if (op->kind == LINK_PROBE_QUEUE)
        look_done(w, s, op);
    else if (!op->ok && !connection_lost)
        warn_refused(w, s, op);
    /* After a lost connection queues_disconnected puts everything right. */
    if (s != NULL && !connection_lost && op->kind == LINK_CONSUME)
        consume_done(w, s, op->ok);
    if (s != NULL && !connection_lost && op->kind == LINK_CANCEL)
        cancel_done(w, s);
    link_op_free(op);
}

/* A worker that cannot hear that a task was cancelled yet is not ready. */
bool queues_ready(const crew_worker *w) {
    return w->notice_steps == 0 && w->awaited == 0 && w->served != NULL;
}

bool queues_serves(const crew_worker *w, const char *task) {
    const struct served *s = find_served(w, task);
    return s != NULL && s->wanted;
}

/* Consumers that may still be sent something although they are not wanted. */
size_t queues_cancelling(const crew_worker *w) {
    size_t count = 0;
    const struct served *s;
    for (s = w->served; s != NULL; s = s->hh.next)
        count += !s->wanted && s->state != SERVED_IDLE;
    return count;
}

void queues_fini(crew_worker *w) {
    struct served *s, *next;
    HASH_ITER (hh, w->served, s, next)
        served_forget(w, s);
    free(w->notice_queue);
}

/* ---- public ---- */

static int check_names(const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!task_name_valid(names[i], strlen(names[i])))
            return CREW_EINVAL;
        for (size_t j = 0; j < i; j++)
            if (strcmp(names[i], names[j]) == 0)
                return CREW_EEXIST;
    }
    return 0;
}

static bool is_named(const char *task, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(task, names[i]) == 0)
            return true;
    return false;
}

int crew_worker_serve(crew_worker *w, const char *const *names, size_t count) {
    int error = check_names(names, count);
    if (error != 0)
        return error;
    struct served *s, *next;
    HASH_ITER (hh, w->served, s, next)
        if (!is_named(task_of_queue(s->queue), names, count))
            served_stop(w, s);
    w->several = count > 1;
    if (connected(w))
        set_limits(w);
    for (size_t i = 0; i < count; i++)
        served_start(w, names[i]);
    return 0;
}

void crew_worker_set_prefetch(crew_worker *w, unsigned prefetch) {
    prefetch = prefetch == 0 ? 1 : prefetch;
    if (prefetch == w->prefetch)
        return;
    w->prefetch = prefetch;
    if (connected(w))
        set_limits(w);
}

void crew_worker_look(crew_worker *w, const char *task) {
    struct served *s = find_served(w, task);
    if (s == NULL || s->looking || !connected(w))
        return;
    s->looking = true;
    step(w, link_op_new(LINK_PROBE_QUEUE, s->queue));
}
