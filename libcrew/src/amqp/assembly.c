/* rabbitmq-c's frames are copied at once: the body directly into the message, whose
 * buffer is reserved when the header arrives. */
#include "amqp/assembly.h"

#include "wire/limits.h"

static const char *const state_names[ASSEMBLY_STATE_COUNT] = {
    [ASSEMBLY_IDLE] = "idle",
    [ASSEMBLY_STARTED] = "started",
    [ASSEMBLY_BODY] = "body",
    [ASSEMBLY_SKIPPING] = "skipping",
};

const char *assembly_state_name(const struct assembly *a) {
    return state_names[a->state];
}

uint64_t assembly_delivery_tag(const struct assembly *a) {
    return a->delivery_tag;
}

const char *assembly_consumer(const struct assembly *a) {
    return a->origin.consumer;
}

void assembly_fini(struct assembly *a) {
    message_free(a->message);
    buffer_fini(&a->scratch);
    *a = (struct assembly){0};
}

enum assembly_result assembly_deliver(struct assembly *a, const amqp_basic_deliver_t *d) {
    if (a->state != ASSEMBLY_IDLE)
        return ASSEMBLY_ERROR;
    a->state = ASSEMBLY_STARTED;
    a->returned = false;
    a->redelivered = d->redelivered != 0;
    a->delivery_tag = d->delivery_tag;
    a->origin.has_zero = false;
    origin_set(&a->origin, a->origin.exchange, d->exchange);
    origin_set(&a->origin, a->origin.routing_key, d->routing_key);
    origin_set(&a->origin, a->origin.consumer, d->consumer_tag);
    return ASSEMBLY_MORE;
}

enum assembly_result assembly_return(struct assembly *a, const amqp_basic_return_t *r) {
    if (a->state != ASSEMBLY_IDLE)
        return ASSEMBLY_ERROR;
    a->state = ASSEMBLY_STARTED;
    a->returned = true;
    a->origin.has_zero = false;
    origin_set(&a->origin, a->origin.exchange, r->exchange);
    origin_set(&a->origin, a->origin.routing_key, r->routing_key);
    return ASSEMBLY_MORE;
}

static enum assembly_result finish(struct assembly *a) {
    bool skipped = a->state == ASSEMBLY_SKIPPING;
    a->state = ASSEMBLY_IDLE;
    if (a->returned)
        return a->message != NULL ? ASSEMBLY_RETURN : ASSEMBLY_ERROR;
    return skipped ? ASSEMBLY_TOO_LARGE : ASSEMBLY_DELIVERY;
}

static struct message *read_header(struct assembly *a, const amqp_frame_t *frame) {
    struct message *m = properties_read(
        frame->payload.properties.decoded, frame->payload.properties.raw.len, &a->origin,
        a->returned ? NULL : a->origin.consumer, &a->scratch);
    if (m != NULL) {
        m->delivery_tag = a->delivery_tag;
        m->redelivered = a->redelivered;
    }
    return m;
}

static bool reserve_body(const struct assembly *a) {
    return a->left_bytes <= LIMIT_MESSAGE_BYTES &&
           (a->left_bytes == 0 ||
            buffer_reserve(&a->message->body, (size_t)a->left_bytes) != NULL);
}

static enum assembly_result on_header(struct assembly *a, const amqp_frame_t *frame) {
    if (frame->payload.properties.class_id != AMQP_BASIC_CLASS)
        return ASSEMBLY_ERROR;
    a->left_bytes = frame->payload.properties.body_size;
    a->message = read_header(a, frame);
    a->state = ASSEMBLY_BODY;
    if (a->returned || a->message == NULL) { /* the publisher has a returned body */
        a->state = ASSEMBLY_SKIPPING;
    } else if (!reserve_body(a)) {
        message_free(a->message);
        a->message = NULL;
        a->state = ASSEMBLY_SKIPPING;
    }
    return a->left_bytes == 0 ? finish(a) : ASSEMBLY_MORE;
}

static enum assembly_result on_body(struct assembly *a, amqp_bytes_t part) {
    if (part.len > a->left_bytes)
        return ASSEMBLY_ERROR;
    if (a->state == ASSEMBLY_BODY)
        buffer_append(&a->message->body, part.bytes, part.len);
    a->left_bytes -= part.len;
    return a->left_bytes == 0 ? finish(a) : ASSEMBLY_MORE;
}

enum assembly_result assembly_content(struct assembly *a, const amqp_frame_t *frame) {
    bool body = a->state == ASSEMBLY_BODY || a->state == ASSEMBLY_SKIPPING;
    if (a->state == ASSEMBLY_STARTED && frame->frame_type == AMQP_FRAME_HEADER)
        return on_header(a, frame);
    if (body && frame->frame_type == AMQP_FRAME_BODY)
        return on_body(a, frame->payload.body_fragment);
    return ASSEMBLY_ERROR;
}

struct message *assembly_take(struct assembly *a) {
    struct message *m = a->message;
    a->message = NULL;
    return m;
}
