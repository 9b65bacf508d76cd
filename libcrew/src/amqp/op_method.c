#include "amqp/op_method.h"

#include <string.h>

#define SHORT_STRING_BYTES 255

static const struct {
    amqp_channel_t channel;
    amqp_method_number_t method;
    amqp_method_number_t reply;
} methods[] = {
    [LINK_DECLARE_EXCHANGE] = {TOPOLOGY_CHANNEL, AMQP_EXCHANGE_DECLARE_METHOD,
                               AMQP_EXCHANGE_DECLARE_OK_METHOD},
    [LINK_DECLARE_QUEUE] = {TOPOLOGY_CHANNEL, AMQP_QUEUE_DECLARE_METHOD,
                            AMQP_QUEUE_DECLARE_OK_METHOD},
    [LINK_PROBE_QUEUE] = {TOPOLOGY_CHANNEL, AMQP_QUEUE_DECLARE_METHOD,
                          AMQP_QUEUE_DECLARE_OK_METHOD},
    [LINK_BIND] = {TOPOLOGY_CHANNEL, AMQP_QUEUE_BIND_METHOD, AMQP_QUEUE_BIND_OK_METHOD},
    [LINK_UNBIND] = {TOPOLOGY_CHANNEL, AMQP_QUEUE_UNBIND_METHOD,
                     AMQP_QUEUE_UNBIND_OK_METHOD},
    [LINK_QOS] = {DATA_CHANNEL, AMQP_BASIC_QOS_METHOD, AMQP_BASIC_QOS_OK_METHOD},
    [LINK_CONSUME] = {DATA_CHANNEL, AMQP_BASIC_CONSUME_METHOD,
                      AMQP_BASIC_CONSUME_OK_METHOD},
    [LINK_CANCEL] = {DATA_CHANNEL, AMQP_BASIC_CANCEL_METHOD, AMQP_BASIC_CANCEL_OK_METHOD},
};

static bool is_short_string(const char *text) {
    return text == NULL || strlen(text) <= SHORT_STRING_BYTES;
}

bool op_method_is_encodable(const struct link_op *op) {
    return is_short_string(op->name) && is_short_string(op->type) &&
           is_short_string(op->exchange) && is_short_string(op->key);
}

amqp_channel_t op_method_channel(const struct link_op *op) {
    return methods[op->kind].channel;
}

amqp_method_number_t op_method_id(const struct link_op *op) {
    return methods[op->kind].method;
}

amqp_method_number_t op_method_reply_id(const struct link_op *op) {
    return methods[op->kind].reply;
}

static amqp_bytes_t bytes_of(const char *text) {
    return text == NULL ? amqp_empty_bytes : amqp_cstring_bytes(text);
}

static void write_argument(amqp_table_entry_t *entry, const struct link_argument *from) {
    entry->key = amqp_cstring_bytes(from->name);
    if (from->text != NULL) {
        entry->value.kind = AMQP_FIELD_KIND_UTF8;
        entry->value.value.bytes = amqp_cstring_bytes(from->text);
    } else {
        entry->value.kind = AMQP_FIELD_KIND_I64;
        entry->value.value.i64 = from->number;
    }
}

/* ENTRIES has LINK_ARGUMENTS_MAX elements and must live as long as the table. */
static amqp_table_t table_of(const struct link_op *op, amqp_table_entry_t *entries) {
    for (size_t i = 0; i < op->argument_count; i++)
        write_argument(&entries[i], &op->arguments[i]);
    return (amqp_table_t){.num_entries = (int)op->argument_count, .entries = entries};
}

static void write_exchange(struct transport *t, const struct link_op *op, bool passive) {
    amqp_exchange_declare_t declare = {.exchange = bytes_of(op->name),
                                       .type = bytes_of(op->type),
                                       .passive = passive,
                                       .durable = op->durable,
                                       .auto_delete = op->auto_delete};
    transport_method(t, op_method_channel(op), op_method_id(op), &declare);
}

static void write_queue(struct transport *t, const struct link_op *op, bool passive) {
    amqp_table_entry_t entries[LINK_ARGUMENTS_MAX];
    amqp_queue_declare_t declare = {.queue = bytes_of(op->name),
                                    .passive = passive,
                                    .durable = op->durable,
                                    .exclusive = op->exclusive,
                                    .auto_delete = op->auto_delete,
                                    .arguments = table_of(op, entries)};
    transport_method(t, op_method_channel(op), op_method_id(op), &declare);
}

static void write_bind(struct transport *t, const struct link_op *op) {
    amqp_table_entry_t entries[LINK_ARGUMENTS_MAX];
    amqp_table_t arguments = table_of(op, entries);
    amqp_queue_bind_t bind = {.queue = bytes_of(op->name),
                              .exchange = bytes_of(op->exchange),
                              .routing_key = bytes_of(op->key),
                              .arguments = arguments};
    amqp_queue_unbind_t unbind = {.queue = bind.queue,
                                  .exchange = bind.exchange,
                                  .routing_key = bind.routing_key,
                                  .arguments = arguments};
    transport_method(t, op_method_channel(op), op_method_id(op),
                     op->kind == LINK_BIND ? (void *)&bind : (void *)&unbind);
}

static void write_consume(struct transport *t, const struct link_op *op) {
    amqp_table_entry_t entries[LINK_ARGUMENTS_MAX];
    amqp_basic_consume_t consume = {.queue = bytes_of(op->name),
                                    .consumer_tag = bytes_of(op->name),
                                    .no_ack = op->no_ack,
                                    .exclusive = op->exclusive,
                                    .arguments = table_of(op, entries)};
    transport_method(t, op_method_channel(op), op_method_id(op), &consume);
}

static void write_qos(struct transport *t, const struct link_op *op) {
    unsigned limit = op->prefetch < UINT16_MAX ? op->prefetch : UINT16_MAX;
    amqp_basic_qos_t qos = {.prefetch_count = (uint16_t)limit,
                            .global = !op->per_consumer};
    transport_method(t, op_method_channel(op), op_method_id(op), &qos);
}

void op_method_write(struct transport *t, const struct link_op *op, bool passive) {
    amqp_basic_cancel_t cancel = {.consumer_tag = bytes_of(op->name)};
    switch (op->kind) {
    case LINK_DECLARE_EXCHANGE:
        write_exchange(t, op, passive);
        break;
    case LINK_DECLARE_QUEUE:
        write_queue(t, op, passive);
        break;
    case LINK_PROBE_QUEUE:
        write_queue(t, op, true);
        break;
    case LINK_BIND:
    case LINK_UNBIND:
        write_bind(t, op);
        break;
    case LINK_QOS:
        write_qos(t, op);
        break;
    case LINK_CONSUME:
        write_consume(t, op);
        break;
    case LINK_CANCEL:
        transport_method(t, op_method_channel(op), op_method_id(op), &cancel);
        break;
    }
}
