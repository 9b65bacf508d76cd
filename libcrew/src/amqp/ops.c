/* Topology, one step at a time and in order. */
#include "amqp/ops.h"

#include "base/xalloc.h"
#include <stdio.h>
#include <string.h>

static const char *const state_names[OPS_STATE_COUNT] = {
    [OPS_IDLE] = "idle",           [OPS_WAITING] = "waiting",
    [OPS_REOPENING] = "reopening", [OPS_REOPENING_TO_CHECK] = "reopening to check",
    [OPS_CHECKING] = "checking",
};

const char *ops_state_name(enum ops_state state) {
    return state_names[state];
}

void ops_add(struct ops *o, struct link_op *op) {
    op->next = NULL;
    if (o->first == NULL)
        o->first = op;
    else
        o->last->next = op;
    o->last = op;
}

bool ops_idle(const struct ops *o) {
    return o->state == OPS_IDLE && o->first == NULL;
}

/* The first op is done. */
static void report(struct ops *o, bool ok, int reply_code, const char *reply_text) {
    struct link_op *op = o->first;
    o->first = op->next;
    op->next = NULL;
    op->ok = ok;
    op->reply_code = reply_code;
    op->reply_text = xstrdup(reply_text);
    event_op(o->events, op->epoch, op);
}

/* ---- a queue that could not be declared ---- */

static void remember_refusal(struct ops *o, int code, const char *text) {
    if (o->first->kind == LINK_DECLARE_QUEUE) {
        snprintf(o->refused.queue, sizeof o->refused.queue, "%s", o->first->name);
        snprintf(o->refused.text, sizeof o->refused.text, "%s", text);
        o->refused.code = code;
    }
}

static bool is_refused(const struct ops *o, const struct link_op *op) {
    return op->kind == LINK_CONSUME && o->refused.queue[0] != '\0' &&
           strcmp(op->name, o->refused.queue) == 0;
}

static void text_of_close(const amqp_channel_close_t *close, char text[256]) {
    snprintf(text, 256, "%.*s", (int)close->reply_text.len,
             (const char *)close->reply_text.bytes);
}

static void refuse(struct ops *o, const amqp_channel_close_t *close) {
    char text[256];
    text_of_close(close, text);
    remember_refusal(o, close->reply_code, text);
    report(o, false, close->reply_code, text);
}

/* ---- one at a time ---- */

/* The one place where the state changes: enter NEXT and send what it begins with. */
static void enter(struct ops *o, enum ops_state next) {
    amqp_channel_open_t open = {0};
    o->state = next;
    switch (next) {
    case OPS_WAITING:
        if (o->first->kind == LINK_CONSUME)
            acks_set_consumer(o->acks, o->first->name, o->first->no_ack);
        op_write(o->transport, o->first, false);
        break;
    case OPS_CHECKING:
        op_write(o->transport, o->first, true);
        break;
    case OPS_REOPENING:
    case OPS_REOPENING_TO_CHECK:
        transport_method(o->transport, TOPOLOGY_CHANNEL, AMQP_CHANNEL_OPEN_METHOD, &open);
        break;
    case OPS_IDLE:
    case OPS_STATE_COUNT:
        break;
    }
}

void ops_advance(struct ops *o) {
    while (o->state == OPS_IDLE && o->first != NULL)
        if (!op_fits(o->first))
            report(o, false, AMQP_SYNTAX_ERROR, NULL);
        else if (is_refused(o, o->first))
            report(o, false, o->refused.code, o->refused.text);
        else
            enter(o, OPS_WAITING);
}

static bool is_declare(const struct link_op *op) {
    return op->kind == LINK_DECLARE_EXCHANGE || op->kind == LINK_DECLARE_QUEUE;
}

/* The broker refuses an op by closing its channel (AMQP 0-9-1 §3.1.8). */
static bool on_close(struct ops *o, const amqp_channel_close_t *close) {
    amqp_channel_close_ok_t ok = {0};
    bool waiting = o->state == OPS_WAITING || o->state == OPS_CHECKING;
    transport_method(o->transport, TOPOLOGY_CHANNEL, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
    if (!waiting || op_channel(o->first) != TOPOLOGY_CHANNEL)
        return false;
    bool other_arguments = o->state == OPS_WAITING && is_declare(o->first) &&
                           close->reply_code == AMQP_PRECONDITION_FAILED;
    bool missing = o->state == OPS_CHECKING && o->first->kind == LINK_DECLARE_QUEUE &&
                   close->reply_code == AMQP_NOT_FOUND;
    if (other_arguments) {
        char text[256];
        text_of_close(close, text);
        remember_refusal(o, close->reply_code, text);
        enter(o, OPS_REOPENING_TO_CHECK);
        return true;
    }
    if (missing) /* so what was said first is the reason */
        report(o, false, o->refused.code, o->refused.text);
    else
        refuse(o, close);
    enter(o, OPS_REOPENING);
    return true;
}

static bool on_open_ok(struct ops *o) {
    if (o->state == OPS_REOPENING_TO_CHECK)
        enter(o, OPS_CHECKING);
    else if (o->state == OPS_REOPENING)
        enter(o, OPS_IDLE);
    else
        return false;
    return true;
}

static bool on_ok(struct ops *o, amqp_channel_t channel, const amqp_method_t *method) {
    bool waiting = o->state == OPS_WAITING || o->state == OPS_CHECKING;
    if (!waiting || op_channel(o->first) != channel ||
        op_expected_reply(o->first) != method->id)
        return false;
    if (method->id == AMQP_QUEUE_DECLARE_OK_METHOD) {
        const amqp_queue_declare_ok_t *declared = method->decoded;
        o->first->messages = declared->message_count;
        o->first->consumers = declared->consumer_count;
        o->refused.queue[0] = '\0';
    }
    o->first->foreign = o->state == OPS_CHECKING;
    report(o, true, 0, NULL);
    enter(o, OPS_IDLE);
    return true;
}

bool ops_method(struct ops *o, amqp_channel_t channel, const amqp_method_t *method) {
    if (channel == TOPOLOGY_CHANNEL && method->id == AMQP_CHANNEL_CLOSE_METHOD)
        return on_close(o, method->decoded);
    if (channel == TOPOLOGY_CHANNEL && method->id == AMQP_CHANNEL_OPEN_OK_METHOD)
        return on_open_ok(o);
    return on_ok(o, channel, method);
}

void ops_data_channel_closed(struct ops *o, const amqp_channel_close_t *close) {
    bool refused = o->state == OPS_WAITING && op_channel(o->first) == DATA_CHANNEL &&
                   (op_method(o->first) >> 16) == close->class_id &&
                   (op_method(o->first) & 0xffff) == close->method_id;
    if (refused) {
        refuse(o, close);
        enter(o, OPS_IDLE);
    }
}

void ops_lose(struct ops *o) {
    while (o->first != NULL)
        report(o, false, 0, NULL);
    enter(o, OPS_IDLE);
}
