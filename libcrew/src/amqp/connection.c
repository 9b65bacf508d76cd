/* One connection to the broker, from login to loss. */
#include "amqp/connection.h"

#include "amqp/publish.h"
#include "base/clock.h"
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* So many frames are taken in before the owner hears of them and what waits is written.
 */
#define FRAMES_PER_TURN 1024
#define SILENT_HEARTBEATS 2 /* without a sign of life: the peer is dead */

static void lose(struct connection *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void lose(struct connection *c, const char *format, ...) {
    if (c->state == CONNECTION_LOST)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(c->why, sizeof c->why, format, args);
    va_end(args);
    c->state = CONNECTION_LOST;
}

bool connection_open(struct connection *c, const struct login *login, uint64_t epoch,
                     struct event_list *events) {
    unsigned heartbeat_s = 0;
    memset(c, 0, sizeof *c);
    if (!login_open(login, &c->transport, &heartbeat_s, c->why))
        return false;
    c->state = CONNECTION_OPEN;
    c->epoch = epoch;
    c->heartbeat_ms = (uint64_t)heartbeat_s * 1000;
    c->events = events;
    confirms_init(&c->confirms);
    acks_init(&c->acks);
    c->ops.transport = &c->transport;
    c->ops.acks = &c->acks;
    c->ops.events = events;
    return true;
}

static struct message *take_pending(struct connection *c) {
    struct message *m = c->pending;
    c->pending = m->next;
    m->next = NULL;
    return m;
}

void connection_fini(struct connection *c) {
    confirms_lose(&c->confirms, c->transport.written_bytes, c->events);
    while (c->pending != NULL)
        event_publish_status(c->events, take_pending(c), PUBLISH_UNSENT);
    ops_lose(&c->ops);
    confirms_fini(&c->confirms);
    acks_fini(&c->acks);
    assembly_fini(&c->assembly);
    transport_fini(&c->transport);
}

/* ---- what the owner hands over ---- */

void connection_publish(struct connection *c, struct message *list) {
    if (list == NULL)
        return;
    if (c->pending == NULL)
        c->pending = list;
    else
        c->pending_last->next = list;
    while (list->next != NULL)
        list = list->next;
    c->pending_last = list;
}

void connection_op(struct connection *c, struct link_op *op) {
    ops_add(&c->ops, op);
}

void connection_settle(struct connection *c, const struct settle *list, size_t count) {
    if (c->state == CONNECTION_OPEN)
        acks_settle(&c->acks, &c->transport, DATA_CHANNEL, list, count, c->epoch);
}

static void publish(struct connection *c, struct message *m) {
    size_t room = publish_room(m, c->transport.frame_max);
    if (room == 0) {
        event_publish_status(c->events, m, PUBLISH_NACKED);
        return;
    }
    uint64_t start = c->transport.queued_bytes;
    publish_write(&c->transport, DATA_CHANNEL, m, room);
    confirms_add(&c->confirms, m, start, c->transport.queued_bytes);
}

static void publish_pending(struct connection *c) {
    while (c->pending != NULL && transport_error(&c->transport) == NULL &&
           transport_ready(&c->transport))
        publish(c, take_pending(c));
}

/* ---- what the broker says ---- */

static void on_confirm(struct connection *c, uint64_t tag, bool multiple, bool acked) {
    if (!confirms_settle(&c->confirms, tag, multiple, acked, c->transport.written_bytes,
                         c->events))
        lose(c, "the broker confirmed a message that it does not have");
}

static void on_channel_close(struct connection *c, const amqp_channel_close_t *close) {
    char text[LOGIN_WHY_BYTES];
    snprintf(text, sizeof text, "the broker closed the channel: %u %.*s",
             close->reply_code, (int)close->reply_text.len,
             (const char *)close->reply_text.bytes);
    ops_data_channel_closed(&c->ops, close);
    event_text(c->events, LINK_CHANNEL_LOST, c->epoch, text);
    lose(c, "%s", text);
}

static void on_consumer_gone(struct connection *c, const amqp_basic_cancel_t *cancel) {
    char queue[256];
    snprintf(queue, sizeof queue, "%.*s", (int)cancel->consumer_tag.len,
             (const char *)cancel->consumer_tag.bytes);
    event_text(c->events, LINK_CONSUMER_GONE, c->epoch, queue);
}

static void on_delivery(struct connection *c) {
    struct message *m = assembly_take(&c->assembly);
    m->epoch = c->epoch;
    event_message(c->events, LINK_DELIVERY, c->epoch, m);
}

static void on_return(struct connection *c) {
    struct message *m = assembly_take(&c->assembly);
    confirms_returned(&c->confirms, &m->p);
    message_free(m);
}

static void on_assembly(struct connection *c, enum assembly_result result) {
    struct settle too_large = {c->epoch, c->assembly.delivery_tag, SETTLE_REJECT};
    switch (result) {
    case ASSEMBLY_MORE:
        break;
    case ASSEMBLY_DELIVERY:
        on_delivery(c);
        break;
    case ASSEMBLY_RETURN:
        on_return(c);
        break;
    case ASSEMBLY_TOO_LARGE:
        connection_settle(c, &too_large, 1);
        break;
    case ASSEMBLY_BROKEN:
        lose(c, "the broker sent a frame that may not come now (%s)",
             assembly_state_name(c->assembly.state));
        break;
    }
}

static void on_deliver(struct connection *c, const amqp_basic_deliver_t *deliver) {
    enum assembly_result result = assembly_deliver(&c->assembly, deliver);
    on_assembly(c, result);
    if (result == ASSEMBLY_MORE &&
        !acks_delivered(&c->acks, deliver->delivery_tag, c->assembly.origin.consumer))
        lose(c, "the broker skipped a delivery tag");
}

static void on_topology_method(struct connection *c, amqp_channel_t channel,
                               const amqp_method_t *method) {
    enum ops_state before = c->ops.state;
    if (!ops_method(&c->ops, channel, method)) {
        const char *name = amqp_method_name(method->id);
        lose(c, "the broker sent a method that may not come now (%s, %s)",
             name != NULL ? name : "unknown", ops_state_name(before));
    }
}

static void on_data_method(struct connection *c, const amqp_method_t *method) {
    amqp_channel_flow_t *flow = method->decoded;
    amqp_basic_ack_t *ack = method->decoded;
    amqp_basic_nack_t *nack = method->decoded;
    switch (method->id) {
    case AMQP_BASIC_DELIVER_METHOD:
        on_deliver(c, method->decoded);
        break;
    case AMQP_BASIC_RETURN_METHOD:
        on_assembly(c, assembly_return(&c->assembly, method->decoded));
        break;
    case AMQP_BASIC_ACK_METHOD:
        on_confirm(c, ack->delivery_tag, ack->multiple, true);
        break;
    case AMQP_BASIC_NACK_METHOD:
        on_confirm(c, nack->delivery_tag, nack->multiple, false);
        break;
    case AMQP_BASIC_CANCEL_METHOD:
        on_consumer_gone(c, method->decoded);
        break;
    case AMQP_CHANNEL_FLOW_METHOD: {
        amqp_channel_flow_ok_t ok = {.active = flow->active};
        transport_method(&c->transport, DATA_CHANNEL, AMQP_CHANNEL_FLOW_OK_METHOD, &ok);
        break;
    }
    case AMQP_CHANNEL_CLOSE_METHOD:
        on_channel_close(c, method->decoded);
        break;
    default:
        on_topology_method(c, DATA_CHANNEL, method);
    }
}

static void on_connection_close(struct connection *c,
                                const amqp_connection_close_t *close) {
    amqp_connection_close_ok_t ok = {0};
    transport_method(&c->transport, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
    transport_flush(&c->transport);
    lose(c, "the broker closed the connection: %u %.*s", close->reply_code,
         (int)close->reply_text.len, (const char *)close->reply_text.bytes);
}

static void on_control_method(struct connection *c, const amqp_method_t *method) {
    const amqp_connection_blocked_t *blocked = method->decoded;
    char text[256];
    switch (method->id) {
    case AMQP_CONNECTION_CLOSE_METHOD:
        on_connection_close(c, method->decoded);
        break;
    case AMQP_CONNECTION_CLOSE_OK_METHOD:
        lose(c, "closed");
        break;
    case AMQP_CONNECTION_BLOCKED_METHOD:
        snprintf(text, sizeof text, "%.*s", (int)blocked->reason.len,
                 (const char *)blocked->reason.bytes);
        event_text(c->events, LINK_BLOCKED, c->epoch, text);
        break;
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
        event_plain(c->events, LINK_UNBLOCKED, c->epoch);
        break;
    default:
        lose(c, "the broker sent a method that may not come now (connection)");
    }
}

static void on_frame(struct connection *c, const amqp_frame_t *frame) {
    bool method = frame->frame_type == AMQP_FRAME_METHOD;
    if (method && frame->channel == 0)
        on_control_method(c, &frame->payload.method);
    else if (c->state == CONNECTION_CLOSING)
        return;
    else if (method && frame->channel == DATA_CHANNEL)
        on_data_method(c, &frame->payload.method);
    else if (method && frame->channel == TOPOLOGY_CHANNEL)
        on_topology_method(c, TOPOLOGY_CHANNEL, &frame->payload.method);
    else if (frame->channel == DATA_CHANNEL)
        on_assembly(c, assembly_content(&c->assembly, frame));
    else
        lose(c, "the broker sent a frame for channel %u", frame->channel);
}

/* The socket is read once, and what came is taken apart: a second read would mostly find
 * nothing, and poll tells. */
static void take_in(struct connection *c, bool readable) {
    amqp_frame_t frame;
    for (int i = 0; i < FRAMES_PER_TURN && c->state != CONNECTION_LOST; i++) {
        bool some = (i == 0 && readable) || transport_has_frames(&c->transport);
        if (!some || !transport_read(&c->transport, &frame))
            break;
        on_frame(c, &frame);
        transport_release(&c->transport, &frame);
    }
}

/* ---- time ---- */

static uint64_t dead_at_ms(const struct connection *c) {
    return c->transport.read_at_ms + c->heartbeat_ms * SILENT_HEARTBEATS;
}

static uint64_t heartbeat_at_ms(const struct connection *c) {
    return c->transport.written_at_ms + c->heartbeat_ms / 2;
}

static void look_after_heartbeats(struct connection *c, uint64_t now_ms) {
    if (c->heartbeat_ms == 0)
        return;
    if (now_ms >= dead_at_ms(c)) {
        lose(c, "no sign of life from the broker for %llu s",
             (unsigned long long)(c->heartbeat_ms * SILENT_HEARTBEATS / 1000));
    } else if (now_ms >= heartbeat_at_ms(c) && transport_unsent(&c->transport) == 0) {
        transport_heartbeat(&c->transport);
    }
}

int connection_timeout_ms(const struct connection *c, uint64_t now_ms) {
    if (transport_has_frames(&c->transport))
        return 0;
    if (c->heartbeat_ms == 0)
        return -1;
    uint64_t at_ms = dead_at_ms(c);
    /* While bytes wait for the socket, a heartbeat behind them would say nothing. */
    if (transport_unsent(&c->transport) == 0 && heartbeat_at_ms(c) < at_ms)
        at_ms = heartbeat_at_ms(c);
    return at_ms > now_ms ? (int)(at_ms - now_ms) : 0;
}

short connection_poll_events(struct connection *c) {
    bool writing = transport_unsent(&c->transport) > 0 || c->pending != NULL;
    return (short)(writing ? POLLIN | POLLOUT : POLLIN);
}

/* ---- the turn ---- */

void connection_turn(struct connection *c, bool readable) {
    uint64_t now_ms = clock_ms();
    if (readable)
        c->transport.read_at_ms = now_ms;
    take_in(c, readable);
    if (c->state == CONNECTION_OPEN) {
        ops_advance(&c->ops);
        publish_pending(c);
    }
    look_after_heartbeats(c, now_ms);
    if (c->state != CONNECTION_LOST)
        transport_flush(&c->transport);
    if (transport_error(&c->transport) != NULL)
        lose(c, "%s", transport_error(&c->transport));
}

bool connection_idle(const struct connection *c) {
    return c->pending == NULL && confirms_empty(&c->confirms) && ops_idle(&c->ops) &&
           transport_unsent(&c->transport) == 0;
}

void connection_close(struct connection *c) {
    amqp_connection_close_t close = {.reply_code = AMQP_REPLY_SUCCESS,
                                     .reply_text = amqp_cstring_bytes("closed")};
    if (c->state == CONNECTION_OPEN) {
        c->state = CONNECTION_CLOSING;
        transport_method(&c->transport, 0, AMQP_CONNECTION_CLOSE_METHOD, &close);
        transport_flush(&c->transport);
    }
}

void connection_leave(struct connection *c, const char *why) {
    connection_close(c);
    lose(c, "%s", why);
}
