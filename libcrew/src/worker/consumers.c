#include "worker/consumers.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/xalloc.h"
#include "session/topology.h"
#include "wire/broker_names.h"
#include "wire/limits.h"
#include "wire/task_name.h"
#include <crew/error.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define RETRY_MIN_MS 100u
#define RETRY_MAX_MS 5000u

#define QUEUE_NAME_BYTES (sizeof NAME_TASK_QUEUE_PREFIX + LIMIT_TASK_NAME_BYTES)

/* Each state says what ends it. All but IDLE also end with the connection. */
enum consumer_state {
    CONSUMER_IDLE, /* no connection, or refused: consumers_connected, the retry timer */
    CONSUMER_DECLARING, /* queue and consumer are being declared: LINK_CONSUME is done */
    CONSUMER_CONSUMING, /* until it is cancelled */
    CONSUMER_CANCELLING /* LINK_CANCEL is done; declared again if still wanted */
};

struct consumer {
    char queue[QUEUE_NAME_BYTES];
    UT_hash_handle hh;
    enum consumer_state state;
    bool is_wanted;     /* false: freed when it is idle */
    bool has_own_limit; /* it was started with a per-consumer prefetch */
    bool warned;        /* that the broker refuses it; until it is consumed */
    bool is_being_inspected;
};

static void name_queue(char queue[QUEUE_NAME_BYTES], const char *task) {
    snprintf(queue, QUEUE_NAME_BYTES, "%s%s", NAME_TASK_QUEUE_PREFIX, task);
}

static const char *task_of_queue(const char *queue) {
    return queue + sizeof NAME_TASK_QUEUE_PREFIX - 1;
}

static bool is_connected(const struct consumers *c) {
    return broker_session_epoch(c->session, BROKER_SESSION_CONSUMER) != 0;
}

static void start_op(struct consumers *c, struct link_op *op) {
    broker_session_op(c->session, BROKER_SESSION_CONSUMER, op);
}

/* ---- notices ---- */

static void start_notice_op(struct consumers *c, struct link_op *op) {
    op->owner = c; /* marks it for consumers_op_done */
    c->notice_ops++;
    broker_session_op(c->session, BROKER_SESSION_PUBLISHER, op);
}

static void bind_notices(struct consumers *c, const char *prefix, const char *name) {
    if (c->notice_queue != NULL)
        start_notice_op(c, topology_bind_notices(c->notice_queue, prefix, name));
}

static void unbind_notices(struct consumers *c, const char *prefix, const char *name) {
    if (c->notice_queue != NULL)
        start_notice_op(c, topology_unbind_notices(c->notice_queue, prefix, name));
}

static void bind_task_notices(struct consumers *c, const struct consumer *consumer) {
    bind_notices(c, NAME_CONTROL_TASK_PREFIX, task_of_queue(consumer->queue));
}

void consumers_publisher_connected(struct consumers *c) {
    char hex[17], name[sizeof NAME_WORKER_QUEUE_PREFIX + 64];
    random_hex(hex, 8);
    snprintf(name, sizeof name, "%s%s.%s", NAME_WORKER_QUEUE_PREFIX, c->worker, hex);
    free(c->notice_queue);
    c->notice_queue = xstrdup(name);
    start_notice_op(c, topology_control());
    start_notice_op(c, topology_exclusive_queue(name));
    bind_notices(c, NAME_CONTROL_WORKER_PREFIX, c->worker);
    start_notice_op(c, topology_consume(name, true));
    const struct consumer *consumer;
    for (consumer = c->all; consumer != NULL; consumer = consumer->hh.next)
        bind_task_notices(c, consumer);
}

bool consumers_is_notice_queue(const struct consumers *c, const char *queue) {
    return c->notice_queue != NULL && strcmp(queue, c->notice_queue) == 0;
}

/* ---- one consumer ---- */

static bool is_missing(const struct consumer *consumer) {
    return consumer->is_wanted && consumer->state != CONSUMER_CONSUMING;
}

/* The only place where state and is_wanted change. */
static void set(struct consumers *c, struct consumer *consumer, bool is_wanted,
                enum consumer_state state) {
    c->missing -= is_missing(consumer);
    consumer->is_wanted = is_wanted;
    consumer->state = state;
    c->missing += is_missing(consumer);
}

static void enter(struct consumers *c, struct consumer *consumer,
                  enum consumer_state state) {
    set(c, consumer, consumer->is_wanted, state);
}

static void declare(struct consumers *c, struct consumer *consumer) {
    enter(c, consumer, CONSUMER_DECLARING);
    consumer->has_own_limit = c->per_consumer != 0;
    start_op(c, topology_task_queue(consumer->queue));
    start_op(c, topology_consume(consumer->queue, false));
    bind_task_notices(c, consumer);
}

static void cancel(struct consumers *c, struct consumer *consumer) {
    enter(c, consumer, CONSUMER_CANCELLING);
    unbind_notices(c, NAME_CONTROL_TASK_PREFIX, task_of_queue(consumer->queue));
    start_op(c, link_op_new(LINK_CANCEL, consumer->queue));
}

static void destroy(struct consumers *c, struct consumer *consumer) {
    HASH_DEL(c->all, consumer);
    free(consumer);
}

static void stop(struct consumers *c, struct consumer *consumer) {
    set(c, consumer, false, consumer->state);
    if (consumer->state == CONSUMER_IDLE)
        destroy(c, consumer);
    else if (consumer->state == CONSUMER_CONSUMING)
        cancel(c, consumer);
    /* DECLARING: cancelled when its consume is done. CANCELLING: freed when done. */
}

static struct consumer *find_queue(const struct consumers *c, const char *queue) {
    struct consumer *consumer = NULL;
    if (queue != NULL)
        HASH_FIND_STR(c->all, queue, consumer);
    return consumer;
}

static struct consumer *find_task(const struct consumers *c, const char *task) {
    char queue[QUEUE_NAME_BYTES];
    name_queue(queue, task);
    return find_queue(c, queue);
}

static void start(struct consumers *c, const char *task) {
    struct consumer *consumer = find_task(c, task);
    if (consumer == NULL) {
        consumer = xcalloc(1, sizeof *consumer);
        name_queue(consumer->queue, task);
        HASH_ADD_STR(c->all, queue, consumer);
    }
    set(c, consumer, true, consumer->state);
    if (consumer->state == CONSUMER_IDLE && is_connected(c))
        declare(c, consumer);
}

static void declare_idle(struct consumers *c) {
    struct consumer *consumer, *next;
    HASH_ITER (hh, c->all, consumer, next)
        if (consumer->is_wanted && consumer->state == CONSUMER_IDLE)
            declare(c, consumer);
}

/* ---- prefetch ---- */

/* RabbitMQ lifts the global limit with this, too. */
static void set_per_consumer(struct consumers *c, unsigned limit) {
    c->per_consumer = limit;
    c->global = 0;
    start_op(c, topology_prefetch(limit, true));
}

static void set_global(struct consumers *c, unsigned limit) {
    if (limit == c->global)
        return;
    c->global = limit;
    start_op(c, topology_prefetch(limit, false));
}

/* Consumers that have a limit of their own are started again without it. */
static void lift_per_consumer(struct consumers *c) {
    set_per_consumer(c, 0);
    struct consumer *consumer, *next;
    HASH_ITER (hh, c->all, consumer, next)
        if (consumer->state == CONSUMER_CONSUMING && consumer->has_own_limit)
            cancel(c, consumer);
}

static void apply_prefetch(struct consumers *c) {
    if (c->per_consumer != 0 && (c->has_several || c->prefetch > c->per_consumer))
        lift_per_consumer(c);
    set_global(c, c->prefetch == c->per_consumer ? 0 : c->prefetch);
}

void consumers_set_prefetch(struct consumers *c, unsigned prefetch) {
    prefetch = prefetch == 0 ? 1 : prefetch;
    if (prefetch == c->prefetch)
        return;
    c->prefetch = prefetch;
    if (prefetch > c->highest_prefetch)
        c->highest_prefetch = prefetch;
    if (is_connected(c))
        apply_prefetch(c);
}

unsigned consumers_highest_prefetch(const struct consumers *c) {
    return c->highest_prefetch;
}

/* ---- connection ---- */

void consumers_connected(struct consumers *c) {
    start_op(c, topology_dlx());
    set_per_consumer(c, c->has_several ? 0 : c->highest_prefetch);
    apply_prefetch(c);
    declare_idle(c);
}

void consumers_disconnected(struct consumers *c) {
    struct consumer *consumer, *next;
    HASH_ITER (hh, c->all, consumer, next) {
        enter(c, consumer, CONSUMER_IDLE);
        if (!consumer->is_wanted)
            destroy(c, consumer);
    }
}

static void retry_is_due(struct broker_session_timer *timer) {
    struct consumers *c = (void *)((char *)timer - offsetof(struct consumers, retry));
    if (is_connected(c))
        declare_idle(c);
}

static void retry_in(struct consumers *c, uint64_t ms) {
    broker_session_timer_set(c->session, &c->retry, clock_ms() + ms);
}

/* In a cluster a queue is unavailable as long as its node is down. */
static void retry_later(struct consumers *c) {
    uint64_t ms = RETRY_MIN_MS;
    for (unsigned i = 0; i < c->refusals && ms < RETRY_MAX_MS; i++)
        ms *= 2;
    c->refusals++;
    retry_in(c, ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS);
}

bool consumers_cancelled_by_broker(struct consumers *c, const char *queue) {
    struct consumer *consumer = find_queue(c, queue);
    if (consumer == NULL) {
        consumers_publisher_connected(c);
        return false;
    }
    if (consumer->state != CONSUMER_CONSUMING)
        return true; /* it is being cancelled anyway, which ends with LINK_OP_DONE */
    broker_session_report(c->session, CREW_EVENT_WARNING,
                          "the broker cancelled the consumer of %s; declaring it again",
                          queue);
    enter(c, consumer, CONSUMER_IDLE);
    retry_in(c, RETRY_MIN_MS);
    return true;
}

/* ---- operations that are done ---- */

static void warn(struct consumers *c, const struct link_op *op, const char *comment) {
    char text[480];
    topology_describe(op, text, sizeof text);
    broker_session_report(c->session, CREW_EVENT_WARNING, "%s%s", text, comment);
}

static void warn_foreign(struct consumers *c, const struct link_op *op) {
    if (!c->warned_foreign)
        warn(c, op, "");
    c->warned_foreign = true;
}

/* Once for a queue, however often it is retried. */
static void warn_refused(struct consumers *c, struct consumer *consumer,
                         const struct link_op *op) {
    if (consumer == NULL)
        warn(c, op, "");
    else if (!consumer->warned)
        warn(c, op, "; trying again until it works");
    if (consumer != NULL)
        consumer->warned = true;
}

static void consume_done(struct consumers *c, struct consumer *consumer, bool ok) {
    enter(c, consumer, ok ? CONSUMER_CONSUMING : CONSUMER_IDLE);
    if (ok) {
        consumer->warned = false;
        c->refusals = 0;
    }
    if (!consumer->is_wanted)
        stop(c, consumer);
    else if (!ok)
        retry_later(c);
    else if (consumer->has_own_limit && c->per_consumer == 0)
        cancel(c, consumer); /* the limit was lifted meanwhile */
}

static void cancel_done(struct consumers *c, struct consumer *consumer) {
    enter(c, consumer, CONSUMER_IDLE);
    if (!consumer->is_wanted)
        destroy(c, consumer);
    else if (is_connected(c))
        declare(c, consumer);
}

static void inspect_done(struct consumers *c, struct consumer *consumer,
                         const struct link_op *op) {
    consumer->is_being_inspected = false;
    if (op->ok && c->on_info != NULL)
        c->on_info(c->info_arg, task_of_queue(consumer->queue), op->messages,
                   op->consumers);
}

static void update(struct consumers *c, struct consumer *consumer,
                   const struct link_op *op) {
    bool connection_lost = !op->ok && op->reply_code == 0;
    if (op->kind == LINK_PROBE_QUEUE)
        inspect_done(c, consumer, op);
    /* After a lost connection consumers_disconnected has set the state. */
    else if (op->kind == LINK_CONSUME && !connection_lost)
        consume_done(c, consumer, op->ok);
    else if (op->kind == LINK_CANCEL && !connection_lost)
        cancel_done(c, consumer);
}

void consumers_op_done(struct consumers *c, struct link_op *op) {
    struct consumer *consumer = find_queue(c, op->name);
    if (op->owner == c)
        c->notice_ops--;
    if (op->ok && op->foreign)
        warn_foreign(c, op);
    if (!op->ok && op->reply_code != 0 && op->kind != LINK_PROBE_QUEUE)
        warn_refused(c, consumer, op);
    if (consumer != NULL)
        update(c, consumer, op);
    link_op_free(op);
}

/* ---- what to consume ---- */

static int check_names(const char *const *tasks, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!task_name_valid(tasks[i], strlen(tasks[i])))
            return CREW_EINVAL;
        for (size_t j = 0; j < i; j++)
            if (strcmp(tasks[i], tasks[j]) == 0)
                return CREW_EEXIST;
    }
    return 0;
}

static bool is_among(const char *task, const char *const *tasks, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(task, tasks[i]) == 0)
            return true;
    return false;
}

int consumers_serve(struct consumers *c, const char *const *tasks, size_t count) {
    int error = check_names(tasks, count);
    if (error != 0)
        return error;
    struct consumer *consumer, *next;
    HASH_ITER (hh, c->all, consumer, next)
        if (!is_among(task_of_queue(consumer->queue), tasks, count))
            stop(c, consumer);
    c->has_several = count > 1;
    if (is_connected(c))
        apply_prefetch(c);
    for (size_t i = 0; i < count; i++)
        start(c, tasks[i]);
    return 0;
}

void consumers_inspect(struct consumers *c, const char *task) {
    struct consumer *consumer = find_task(c, task);
    if (consumer == NULL || consumer->is_being_inspected || !is_connected(c))
        return;
    consumer->is_being_inspected = true;
    start_op(c, link_op_new(LINK_PROBE_QUEUE, consumer->queue));
}

/* ---- state ---- */

/* Without its notices a worker would not learn that a task was cancelled. */
bool consumers_are_ready(const struct consumers *c) {
    return c->notice_ops == 0 && c->missing == 0 && c->all != NULL;
}

bool consumers_serves(const struct consumers *c, const char *task) {
    const struct consumer *consumer = find_task(c, task);
    return consumer != NULL && consumer->is_wanted;
}

size_t consumers_count(const struct consumers *c) {
    return HASH_COUNT(c->all);
}

size_t consumers_count_stopping(const struct consumers *c) {
    size_t count = 0;
    const struct consumer *consumer;
    for (consumer = c->all; consumer != NULL; consumer = consumer->hh.next)
        count += !consumer->is_wanted && consumer->state != CONSUMER_IDLE;
    return count;
}

void consumers_init(struct consumers *c, struct broker_session *session,
                    const char *worker, unsigned prefetch, consumers_info_fn *on_info,
                    void *info_arg) {
    *c = (struct consumers){.session = session,
                            .worker = worker,
                            .on_info = on_info,
                            .info_arg = info_arg,
                            .retry.fire = retry_is_due};
    c->prefetch = prefetch == 0 ? 1 : prefetch;
    c->highest_prefetch = c->prefetch;
}

void consumers_fini(struct consumers *c) {
    struct consumer *consumer, *next;
    HASH_ITER (hh, c->all, consumer, next)
        destroy(c, consumer);
    free(c->notice_queue);
}
