#include "amqp/connection.h"

#include "amqp/publish.h"
#include "base/clock.h"
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Frames read before events are passed on and pending output is written. */
#define FRAMES_PER_DRIVE 1024
#define MISSED_HEARTBEATS 2 /* heartbeat intervals without input: the peer is dead */

static void lose(struct connection *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void lose(struct connection *c, const char *format, ...) {
    if (c->state == CONNECTION_LOST)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(c->error, sizeof c->error, format, args);
    va_end(args);
    c->state = CONNECTION_LOST;
}

bool connection_open(struct connection *c, const struct login *login, uint64_t epoch,
                     struct event_list *events) {
    unsigned heartbeat_s = 0;
    memset(c, 0, sizeof *c);
    if (!login_open(login, &c->transport, &heartbeat_s, c->error))
        return false;
    c->state = CONNECTION_OPEN;
    c->epoch = epoch;
    c->heartbeat_ms = (uint64_t)heartbeat_s * 1000;
    c->events = events;
    confirms_init(&c->confirms);
    acks_init(&c->acks);
    op_queue_init(&c->ops, &c->transport, &c->acks, events);
    return true;
}

static struct message *take_pending(struct connection *c) {
    struct message *m = c->pending;
    c->pending = m->next;
    m->next = NULL;
    return m;
}

void connection_fini(struct connection *c) {
    confirms_lose(&c->confirms, transport_written_bytes(&c->transport), c->events);
    while (c->pending != NULL)
        event_list_add_status(c->events, take_pending(c), PUBLISH_UNSENT);
    op_queue_fail_all(&c->ops);
    confirms_fini(&c->confirms);
    acks_fini(&c->acks);
    assembly_fini(&c->assembly);
    transport_fini(&c->transport);
}

/* ---- commands ---- */

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
    op_queue_add(&c->ops, op);
}

void connection_settle(struct connection *c, const struct settlement *list,
                       size_t count) {
    if (c->state == CONNECTION_OPEN)
        acks_settle(&c->acks, &c->transport, DATA_CHANNEL, list, count, c->epoch);
}

static void publish(struct connection *c, struct message *m) {
    size_t bound = publish_properties_bound(m, transport_frame_max(&c->transport));
    if (bound == 0) {
        event_list_add_status(c->events, m, PUBLISH_NACKED);
        return;
    }
    uint64_t start = transport_queued_bytes(&c->transport);
    publish_write(&c->transport, DATA_CHANNEL, m, bound);
    confirms_add(&c->confirms, m, start, transport_queued_bytes(&c->transport));
}

static void publish_pending(struct connection *c) {
    while (c->pending != NULL && transport_error(&c->transport) == NULL &&
           transport_ready(&c->transport))
        publish(c, take_pending(c));
}

/* ---- incoming frames ---- */

static void on_confirm(struct connection *c, uint64_t tag, bool multiple, bool acked) {
    if (!confirms_settle(&c->confirms, tag, multiple, acked,
                         transport_written_bytes(&c->transport), c->events))
        lose(c, "the broker confirmed a message that it does not have");
}

static void on_channel_close(struct connection *c, const amqp_channel_close_t *close) {
    char text[LOGIN_ERROR_BYTES];
    snprintf(text, sizeof text, "the broker closed the channel: %u %.*s",
             close->reply_code, (int)close->reply_text.len,
             (const char *)close->reply_text.bytes);
    op_queue_on_data_channel_closed(&c->ops, close);
    event_list_add_text(c->events, LINK_CHANNEL_CLOSED, c->epoch, text);
    lose(c, "%s", text);
}

static void on_consumer_cancelled(struct connection *c,
                                  const amqp_basic_cancel_t *cancel) {
    char queue[256];
    snprintf(queue, sizeof queue, "%.*s", (int)cancel->consumer_tag.len,
             (const char *)cancel->consumer_tag.bytes);
    event_list_add_text(c->events, LINK_CONSUMER_CANCELLED, c->epoch, queue);
}

static void on_delivery(struct connection *c) {
    struct message *m = assembly_take(&c->assembly);
    m->epoch = c->epoch;
    event_list_add_delivery(c->events, c->epoch, m);
}

static void on_return(struct connection *c) {
    struct message *m = assembly_take(&c->assembly);
    confirms_returned(&c->confirms, &m->p);
    message_free(m);
}

static void on_assembly(struct connection *c, enum assembly_result result) {
    struct settlement too_large = {c->epoch, assembly_delivery_tag(&c->assembly),
                                   SETTLE_REJECT};
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
    case ASSEMBLY_ERROR:
        lose(c, "the broker sent an unexpected frame (%s)",
             assembly_state_name(&c->assembly));
        break;
    }
}

static void on_deliver(struct connection *c, const amqp_basic_deliver_t *deliver) {
    enum assembly_result result = assembly_deliver(&c->assembly, deliver);
    on_assembly(c, result);
    if (result == ASSEMBLY_MORE &&
        !acks_delivered(&c->acks, deliver->delivery_tag, assembly_consumer(&c->assembly)))
        lose(c, "the broker skipped a delivery tag");
}

static void on_topology_method(struct connection *c, amqp_channel_t channel,
                               const amqp_method_t *method) {
    if (!op_queue_on_method(&c->ops, channel, method)) {
        const char *name = amqp_method_name(method->id);
        lose(c, "the broker sent an unexpected method (%s, %s)",
             name != NULL ? name : "unknown", op_queue_state_name(&c->ops));
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
        on_consumer_cancelled(c, method->decoded);
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
        event_list_add_text(c->events, LINK_BLOCKED, c->epoch, text);
        break;
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
        event_list_add(c->events, LINK_UNBLOCKED, c->epoch);
        break;
    default:
        lose(c, "the broker sent an unexpected method (connection)");
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

/* The socket is read once per call: a second read would mostly find nothing, and poll
 * reports what is left. */
static void read_frames(struct connection *c, bool readable) {
    amqp_frame_t frame;
    for (int i = 0; i < FRAMES_PER_DRIVE && c->state != CONNECTION_LOST; i++) {
        bool available = (i == 0 && readable) || transport_has_frames(&c->transport);
        if (!available || !transport_read(&c->transport, &frame))
            break;
        on_frame(c, &frame);
        transport_release(&c->transport, &frame);
    }
}

/* ---- heartbeats ---- */

static uint64_t dead_at_ms(const struct connection *c) {
    return transport_read_at_ms(&c->transport) + c->heartbeat_ms * MISSED_HEARTBEATS;
}

static uint64_t heartbeat_at_ms(const struct connection *c) {
    return transport_written_at_ms(&c->transport) + c->heartbeat_ms / 2;
}

static void check_heartbeats(struct connection *c, uint64_t now_ms) {
    if (c->heartbeat_ms == 0)
        return;
    if (now_ms >= dead_at_ms(c)) {
        lose(c, "no data from the broker for %llu s",
             (unsigned long long)(c->heartbeat_ms * MISSED_HEARTBEATS / 1000));
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
    /* While output is pending, a heartbeat behind it would be useless. */
    if (transport_unsent(&c->transport) == 0 && heartbeat_at_ms(c) < at_ms)
        at_ms = heartbeat_at_ms(c);
    return at_ms > now_ms ? (int)(at_ms - now_ms) : 0;
}

short connection_poll_events(const struct connection *c) {
    bool writing = transport_unsent(&c->transport) > 0 || c->pending != NULL;
    return (short)(writing ? POLLIN | POLLOUT : POLLIN);
}

/* ---- interface ---- */

bool connection_is_lost(const struct connection *c) {
    return c->state == CONNECTION_LOST;
}

const char *connection_error(const struct connection *c) {
    return c->error;
}

int connection_fd(const struct connection *c) {
    return transport_fd(&c->transport);
}

bool connection_may_block(const struct connection *c) {
    return transport_is_tls(&c->transport);
}

void connection_drive(struct connection *c, bool readable) {
    uint64_t now_ms = clock_ms();
    if (readable)
        transport_note_read(&c->transport, now_ms);
    read_frames(c, readable);
    if (c->state == CONNECTION_OPEN) {
        op_queue_advance(&c->ops);
        publish_pending(c);
    }
    check_heartbeats(c, now_ms);
    if (c->state != CONNECTION_LOST)
        transport_flush(&c->transport);
    if (transport_error(&c->transport) != NULL)
        lose(c, "%s", transport_error(&c->transport));
}

bool connection_is_idle(const struct connection *c) {
    return c->pending == NULL && confirms_empty(&c->confirms) &&
           op_queue_is_idle(&c->ops) && transport_unsent(&c->transport) == 0;
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

void connection_leave(struct connection *c, const char *reason) {
    connection_close(c);
    lose(c, "%s", reason);
}
