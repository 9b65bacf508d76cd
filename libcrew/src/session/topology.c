#include "session/topology.h"

#include "base/xalloc.h"
#include "wire/broker_names.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define AMQP_NOT_FOUND 404

static struct link_op *exchange(const char *name, const char *type) {
    struct link_op *op = link_op_new(LINK_DECLARE_EXCHANGE, name);
    op->type = xstrdup(type);
    op->durable = true;
    return op;
}

struct link_op *topology_dlx(void) {
    return exchange(NAME_DLX, "headers");
}

struct link_op *topology_control(void) {
    return exchange(NAME_CONTROL, "topic");
}

struct link_op *topology_pubsub(void) {
    return exchange(NAME_PUBSUB, "topic");
}

struct link_op *topology_task_queue(const char *queue) {
    struct link_op *op = link_op_new(LINK_DECLARE_QUEUE, queue);
    op->durable = true;
    link_op_text(op, "x-dead-letter-exchange", NAME_DLX);
    link_op_number(op, "x-max-priority", TASK_QUEUE_LEVELS);
    return op;
}

struct link_op *topology_exclusive_queue(const char *queue) {
    struct link_op *op = link_op_new(LINK_DECLARE_QUEUE, queue);
    op->exclusive = true;
    op->auto_delete = true;
    return op;
}

static struct link_op *binding(enum link_op_kind kind, const char *queue,
                               const char *from, const char *key) {
    struct link_op *op = link_op_new(kind, queue);
    op->exchange = xstrdup(from);
    op->key = xstrdup(key);
    return op;
}

struct link_op *topology_bind_dead_letters(const char *queue) {
    struct link_op *op = binding(LINK_BIND, queue, NAME_DLX, "");
    /* Plain `all` leaves out headers that begin with x- (RabbitMQ 3.10). */
    link_op_text(op, "x-match", "all-with-x");
    link_op_text(op, NAME_ORIGINAL_SENDER, queue);
    return op;
}

static struct link_op *notices(enum link_op_kind kind, const char *queue,
                               const char *prefix, const char *name) {
    char key[256];
    snprintf(key, sizeof key, "%s%s", prefix, name);
    return binding(kind, queue, NAME_CONTROL, key);
}

struct link_op *topology_bind_notices(const char *queue, const char *prefix,
                                      const char *name) {
    return notices(LINK_BIND, queue, prefix, name);
}

struct link_op *topology_unbind_notices(const char *queue, const char *prefix,
                                        const char *name) {
    return notices(LINK_UNBIND, queue, prefix, name);
}

struct link_op *topology_history(size_t max_bytes, uint64_t max_age_s) {
    char age[32];
    snprintf(age, sizeof age, "%" PRIu64 "s", max_age_s);
    struct link_op *op = link_op_new(LINK_DECLARE_QUEUE, NAME_HISTORY);
    op->durable = true;
    link_op_text(op, "x-queue-type", "stream");
    link_op_text(op, "x-max-age", age);
    link_op_number(op, "x-max-length-bytes", (int64_t)max_bytes);
    /* The broker drops whole segments. */
    link_op_number(op, "x-stream-max-segment-size-bytes", (int64_t)(max_bytes / 8 + 1));
    return op;
}

struct link_op *topology_bind_all_publications(const char *queue) {
    return binding(LINK_BIND, queue, NAME_PUBSUB, "#");
}

struct link_op *topology_consume(const char *queue, bool no_ack) {
    struct link_op *op = link_op_new(LINK_CONSUME, queue);
    op->no_ack = no_ack;
    return op;
}

struct link_op *topology_prefetch(unsigned prefetch, bool per_consumer) {
    struct link_op *op = link_op_new(LINK_QOS, "");
    op->prefetch = prefetch;
    op->per_consumer = per_consumer;
    return op;
}

/* The reply code alone is the same for a queue that does not exist (RabbitMQ,
 * rabbit_amqqueue). */
bool topology_is_down(const struct link_op *op) {
    return !op->ok && op->reply_code == AMQP_NOT_FOUND && op->reply_text != NULL &&
           strstr(op->reply_text, "is down or inaccessible") != NULL;
}

static const char *verb(enum link_op_kind kind) {
    switch (kind) {
    case LINK_DECLARE_EXCHANGE:
        return "declare exchange";
    case LINK_DECLARE_QUEUE:
        return "declare queue";
    case LINK_PROBE_QUEUE:
        return "inspect queue";
    case LINK_BIND:
        return "bind queue";
    case LINK_UNBIND:
        return "unbind queue";
    case LINK_QOS:
        return "set prefetch";
    case LINK_CONSUME:
        return "consume queue";
    case LINK_CANCEL:
        return "stop consuming queue";
    }
    return "?";
}

void topology_describe(const struct link_op *op, char *text, size_t text_bytes) {
    const char *name = op->name == NULL ? "" : op->name;
    if (op->foreign)
        snprintf(text, text_bytes,
                 "%s exists with other arguments than crew's; it is used as it is", name);
    else
        snprintf(text, text_bytes, "cannot %s %s: broker says %d%s%s", verb(op->kind),
                 name, op->reply_code, op->reply_text != NULL ? " " : "",
                 op->reply_text != NULL ? op->reply_text : "");
}
