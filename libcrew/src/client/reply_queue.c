#include "client/reply_queue.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/xalloc.h"
#include "session/topology.h"
#include "wire/broker_names.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOPOLOGY_RETRY_MS 2000u
#define WARNINGS_EVERY_MS 1000u

static void retry(struct broker_session_timer *timer) {
    struct reply_queue *r = (void *)((char *)timer - offsetof(struct reply_queue, retry));
    if (!r->consumed && broker_session_epoch(r->session, BROKER_SESSION_CONSUMER) != 0)
        reply_queue_declare(r);
}

void reply_queue_init(struct reply_queue *r, struct broker_session *s) {
    *r = (struct reply_queue){.session = s, .retry.fire = retry};
    reply_queue_note_problem(r, "still connecting");
}

void reply_queue_fini(struct reply_queue *r) {
    free(r->name);
}

void reply_queue_declare(struct reply_queue *r) {
    struct broker_session *s = r->session;
    char name[sizeof NAME_REPLY_QUEUE_PREFIX + UUID_BYTES];
    char uuid[UUID_BYTES];
    random_uuid(uuid);
    snprintf(name, sizeof name, "%s%s", NAME_REPLY_QUEUE_PREFIX, uuid);
    free(r->name);
    r->name = xstrdup(name);
    broker_session_op(s, BROKER_SESSION_CONSUMER, topology_dlx());
    broker_session_op(s, BROKER_SESSION_CONSUMER, topology_control());
    broker_session_op(s, BROKER_SESSION_CONSUMER, topology_exclusive_queue(name));
    broker_session_op(s, BROKER_SESSION_CONSUMER, topology_bind_dead_letters(name));
    broker_session_op(s, BROKER_SESSION_CONSUMER, topology_consume(name, true));
}

void reply_queue_lost(struct reply_queue *r) {
    r->consumed = false;
}

static bool is_about(const struct reply_queue *r, const struct link_op *op) {
    return r->name != NULL && strcmp(op->name, r->name) == 0;
}

static void topology_failed(struct reply_queue *r, const struct link_op *op) {
    char text[480];
    topology_describe(op, text, sizeof text);
    reply_queue_note_problem(r, text);
    broker_session_report(r->session, CREW_EVENT_WARNING, "%s", text);
    broker_session_timer_set(r->session, &r->retry, clock_ms() + TOPOLOGY_RETRY_MS);
}

static void warn_foreign(struct reply_queue *r, const struct link_op *op) {
    if (r->warned_foreign)
        return;
    r->warned_foreign = true;
    char text[256];
    topology_describe(op, text, sizeof text);
    broker_session_report(r->session, CREW_EVENT_WARNING, "%s", text);
}

void reply_queue_op_done(struct reply_queue *r, const struct link_op *op) {
    if (op->ok && op->foreign)
        warn_foreign(r, op);
    if (!op->ok && op->reply_code != 0)
        topology_failed(r, op);
    if (op->ok && op->kind == LINK_CONSUME && is_about(r, op))
        r->consumed = true;
}

const char *reply_queue_name(const struct reply_queue *r) {
    return r->name;
}

bool reply_queue_ready(const struct reply_queue *r) {
    return r->consumed && broker_session_is_open(r->session);
}

bool reply_queue_may_publish(const struct reply_queue *r) {
    return reply_queue_ready(r) && !broker_session_is_blocked(r->session);
}

void reply_queue_note_problem(struct reply_queue *r, const char *text) {
    snprintf(r->problem, sizeof r->problem, "%s", text);
}

const char *reply_queue_problem(const struct reply_queue *r) {
    return r->problem;
}

void reply_queue_warn(struct reply_queue *r, const char *format, ...) {
    uint64_t now_ms = clock_ms();
    if (now_ms - r->warned_ms < WARNINGS_EVERY_MS)
        return;
    r->warned_ms = now_ms;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    broker_session_report(r->session, CREW_EVENT_WARNING, "%s", text);
}
