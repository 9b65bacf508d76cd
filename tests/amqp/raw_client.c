#include "raw_client.h"

#include "amqp/rabbitmq_c.h"
#include "cmocka_all.h"
#include "link_fixture.h"

static void check(amqp_rpc_reply_t reply) {
    assert_int_equal(reply.reply_type, AMQP_RESPONSE_NORMAL);
}

amqp_connection_state_t raw_open(void) {
    struct crew_broker broker;
    link_fixture_broker(&broker);
    const struct crew_broker_url *url = &broker.urls[0];
    amqp_connection_state_t raw = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(raw);
    assert_int_equal(amqp_socket_open(socket, url->host, url->port), 0);
    check(amqp_login(raw, url->vhost, 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, url->username,
                     url->password));
    amqp_channel_open(raw, 1);
    check(amqp_get_rpc_reply(raw));
    crew_broker_fini(&broker);
    return raw;
}

void raw_close(amqp_connection_state_t raw) {
    amqp_connection_close(raw, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(raw);
}

amqp_table_entry_t raw_text(const char *name, const char *text) {
    amqp_table_entry_t entry = {.key = amqp_cstring_bytes(name)};
    entry.value.kind = AMQP_FIELD_KIND_UTF8;
    entry.value.value.bytes = amqp_cstring_bytes(text);
    return entry;
}

void raw_declare_full(amqp_connection_state_t raw, const char *queue, int max_length) {
    amqp_table_entry_t entries[] = {{.key = amqp_cstring_bytes("x-max-length")},
                                    raw_text("x-overflow", "reject-publish")};
    entries[0].value.kind = AMQP_FIELD_KIND_I32;
    entries[0].value.value.i32 = max_length;
    amqp_table_t arguments = {.num_entries = 2, .entries = entries};
    amqp_queue_declare(raw, 1, amqp_cstring_bytes(queue), 0, 1, 0, 0, arguments);
    check(amqp_get_rpc_reply(raw));
}

void raw_delete(amqp_connection_state_t raw, const char *queue) {
    amqp_queue_delete(raw, 1, amqp_cstring_bytes(queue), 0, 0);
    check(amqp_get_rpc_reply(raw));
}

void raw_publish(amqp_connection_state_t raw, const char *queue,
                 amqp_basic_properties_t *properties, const char *body) {
    assert_int_equal(amqp_basic_publish(raw, 1, amqp_empty_bytes,
                                        amqp_cstring_bytes(queue), 0, 0, properties,
                                        amqp_cstring_bytes(body)),
                     0);
}
