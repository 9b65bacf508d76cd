#include "amqp/op_queue.h"

#include "base/xalloc.h"
#include <stdio.h>
#include <string.h>

static const char *const state_names[OP_QUEUE_STATE_COUNT] = {
    [OP_QUEUE_IDLE] = "idle",
    [OP_QUEUE_WAITING] = "waiting",
    [OP_QUEUE_REOPENING] = "reopening",
    [OP_QUEUE_REOPENING_TO_CHECK] = "reopening to check",
    [OP_QUEUE_CHECKING] = "checking",
};

const char *op_queue_state_name(const struct op_queue *q) {
    return state_names[q->state];
}

void op_queue_init(struct op_queue *q, struct transport *transport, struct acks *acks,
                   struct event_list *events) {
    *q = (struct op_queue){.transport = transport, .acks = acks, .events = events};
}

void op_queue_add(struct op_queue *q, struct link_op *op) {
    op->next = NULL;
    if (q->first == NULL)
        q->first = op;
    else
        q->last->next = op;
    q->last = op;
}

bool op_queue_is_idle(const struct op_queue *q) {
    return q->state == OP_QUEUE_IDLE && q->first == NULL;
}

/* The first operation is done: report its result. */
static void finish(struct op_queue *q, bool ok, int reply_code, const char *reply_text) {
    struct link_op *op = q->first;
    q->first = op->next;
    op->next = NULL;
    op->ok = ok;
    op->reply_code = reply_code;
    op->reply_text = xstrdup(reply_text);
    event_list_add_op(q->events, op->epoch, op);
}

/* ---- queues whose declare was refused ---- */

static void remember_refusal(struct op_queue *q, int code, const char *text) {
    if (q->first->kind == LINK_DECLARE_QUEUE) {
        snprintf(q->refused.queue, sizeof q->refused.queue, "%s", q->first->name);
        snprintf(q->refused.text, sizeof q->refused.text, "%s", text);
        q->refused.code = code;
    }
}

static bool queue_is_refused(const struct op_queue *q, const struct link_op *op) {
    return op->kind == LINK_CONSUME && q->refused.queue[0] != '\0' &&
           strcmp(op->name, q->refused.queue) == 0;
}

static void copy_reply_text(const amqp_channel_close_t *close, char text[256]) {
    snprintf(text, 256, "%.*s", (int)close->reply_text.len,
             (const char *)close->reply_text.bytes);
}

static void refuse(struct op_queue *q, const amqp_channel_close_t *close) {
    char text[256];
    copy_reply_text(close, text);
    remember_refusal(q, close->reply_code, text);
    finish(q, false, close->reply_code, text);
}

/* ---- states ---- */

/* The only function that changes the state: enters NEXT and sends its first method. */
static void enter(struct op_queue *q, enum op_queue_state next) {
    amqp_channel_open_t open = {0};
    q->state = next;
    switch (next) {
    case OP_QUEUE_WAITING:
        if (q->first->kind == LINK_CONSUME)
            acks_set_consumer(q->acks, q->first->name, q->first->no_ack);
        op_method_write(q->transport, q->first, false);
        break;
    case OP_QUEUE_CHECKING:
        op_method_write(q->transport, q->first, true);
        break;
    case OP_QUEUE_REOPENING:
    case OP_QUEUE_REOPENING_TO_CHECK:
        transport_method(q->transport, TOPOLOGY_CHANNEL, AMQP_CHANNEL_OPEN_METHOD, &open);
        break;
    case OP_QUEUE_IDLE:
    case OP_QUEUE_STATE_COUNT:
        break;
    }
}

void op_queue_advance(struct op_queue *q) {
    while (q->state == OP_QUEUE_IDLE && q->first != NULL)
        if (!op_method_is_encodable(q->first))
            finish(q, false, AMQP_SYNTAX_ERROR, NULL);
        else if (queue_is_refused(q, q->first))
            finish(q, false, q->refused.code, q->refused.text);
        else
            enter(q, OP_QUEUE_WAITING);
}

static bool is_declare(const struct link_op *op) {
    return op->kind == LINK_DECLARE_EXCHANGE || op->kind == LINK_DECLARE_QUEUE;
}

/* The broker refuses an operation by closing its AMQP channel (AMQP 0-9-1 §3.1.8). */
static bool on_close(struct op_queue *q, const amqp_channel_close_t *close) {
    amqp_channel_close_ok_t ok = {0};
    bool waiting = q->state == OP_QUEUE_WAITING || q->state == OP_QUEUE_CHECKING;
    transport_method(q->transport, TOPOLOGY_CHANNEL, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
    if (!waiting || op_method_channel(q->first) != TOPOLOGY_CHANNEL)
        return false;
    bool other_arguments = q->state == OP_QUEUE_WAITING && is_declare(q->first) &&
                           close->reply_code == AMQP_PRECONDITION_FAILED;
    bool missing = q->state == OP_QUEUE_CHECKING &&
                   q->first->kind == LINK_DECLARE_QUEUE &&
                   close->reply_code == AMQP_NOT_FOUND;
    if (other_arguments) {
        char text[256];
        copy_reply_text(close, text);
        remember_refusal(q, close->reply_code, text);
        enter(q, OP_QUEUE_REOPENING_TO_CHECK);
        return true;
    }
    if (missing) /* the reason is the refusal of the declare before */
        finish(q, false, q->refused.code, q->refused.text);
    else
        refuse(q, close);
    enter(q, OP_QUEUE_REOPENING);
    return true;
}

static bool on_open_ok(struct op_queue *q) {
    if (q->state == OP_QUEUE_REOPENING_TO_CHECK)
        enter(q, OP_QUEUE_CHECKING);
    else if (q->state == OP_QUEUE_REOPENING)
        enter(q, OP_QUEUE_IDLE);
    else
        return false;
    return true;
}

static bool on_ok(struct op_queue *q, amqp_channel_t channel,
                  const amqp_method_t *method) {
    bool waiting = q->state == OP_QUEUE_WAITING || q->state == OP_QUEUE_CHECKING;
    if (!waiting || op_method_channel(q->first) != channel ||
        op_method_reply_id(q->first) != method->id)
        return false;
    if (method->id == AMQP_QUEUE_DECLARE_OK_METHOD) {
        const amqp_queue_declare_ok_t *declared = method->decoded;
        q->first->messages = declared->message_count;
        q->first->consumers = declared->consumer_count;
        q->refused.queue[0] = '\0';
    }
    q->first->foreign = q->state == OP_QUEUE_CHECKING;
    finish(q, true, 0, NULL);
    enter(q, OP_QUEUE_IDLE);
    return true;
}

bool op_queue_on_method(struct op_queue *q, amqp_channel_t channel,
                        const amqp_method_t *method) {
    if (channel == TOPOLOGY_CHANNEL && method->id == AMQP_CHANNEL_CLOSE_METHOD)
        return on_close(q, method->decoded);
    if (channel == TOPOLOGY_CHANNEL && method->id == AMQP_CHANNEL_OPEN_OK_METHOD)
        return on_open_ok(q);
    return on_ok(q, channel, method);
}

void op_queue_on_data_channel_closed(struct op_queue *q,
                                     const amqp_channel_close_t *close) {
    bool refused = q->state == OP_QUEUE_WAITING &&
                   op_method_channel(q->first) == DATA_CHANNEL &&
                   (op_method_id(q->first) >> 16) == close->class_id &&
                   (op_method_id(q->first) & 0xffff) == close->method_id;
    if (refused) {
        refuse(q, close);
        enter(q, OP_QUEUE_IDLE);
    }
}

void op_queue_fail_all(struct op_queue *q) {
    while (q->first != NULL)
        finish(q, false, 0, NULL);
    enter(q, OP_QUEUE_IDLE);
}
