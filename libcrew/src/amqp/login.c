/* With rabbitmq-c's blocking calls. */
#include "amqp/login.h"

#include "amqp/dial.h"
#include "amqp/rabbitmq_c.h"
#include "amqp/tls.h"
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#define CONNECT_TIMEOUT_S 4
#define LOGIN_TIMEOUT_S 8
#define RPC_TIMEOUT_S 4
#define FRAME_MAX_BYTES 131072
#define CHANNEL_MAX 8

/* ---- errors ---- */

static bool fail(char *error, const char *what, const char *reason) {
    snprintf(error, LOGIN_ERROR_BYTES, "%s: %s", what, reason);
    return false;
}

/* With TLS 1.3 a broker checks the client certificate after the client's handshake is
 * done: the next step fails, with the broker's alert if it is read before the next
 * write. */
static const char *library_error(const struct login *l, int status) {
    if (!l->url->tls)
        return amqp_error_string2(status);
    const char *reason = tls_error();
    if (reason == NULL && status != AMQP_STATUS_TIMEOUT) {
        reason =
            "the broker closed the connection, as it does if it requires another client "
            "certificate";
    }
    return reason != NULL ? reason : amqp_error_string2(status);
}

/* True if REPLY is a success; else ERROR is the broker's reply text or the library's. */
static bool check_reply(const struct login *l, char *error, const char *what,
                        amqp_rpc_reply_t reply) {
    if (reply.reply_type == AMQP_RESPONSE_NORMAL)
        return true;
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION)
        return fail(error, what, library_error(l, reply.library_error));
    if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION)
        return fail(error, what, "no answer");
    amqp_bytes_t text = {0};
    if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD)
        text = ((amqp_connection_close_t *)reply.reply.decoded)->reply_text;
    else if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD)
        text = ((amqp_channel_close_t *)reply.reply.decoded)->reply_text;
    snprintf(error, LOGIN_ERROR_BYTES, "%s refused: %.*s", what, (int)text.len,
             (const char *)text.bytes);
    return false;
}

/* ---- steps ---- */

static bool open_tcp(const struct login *l, amqp_connection_state_t c, char *error) {
    amqp_socket_t *tcp = amqp_tcp_socket_new(c);
    if (tcp == NULL)
        return fail(error, "socket", "out of memory");
    int fd = dial(l->url->host, l->url->port, CONNECT_TIMEOUT_S * 1000, error,
                  LOGIN_ERROR_BYTES);
    if (fd < 0)
        return false;
    amqp_tcp_socket_set_sockfd(tcp, fd);
    return true;
}

static bool open_tls(const struct login *l, amqp_connection_state_t c, char *error) {
    return tls_open(c, l->broker, l->url, CONNECT_TIMEOUT_S, error, LOGIN_ERROR_BYTES);
}

static amqp_table_entry_t text_entry(const char *name, const char *text) {
    amqp_table_entry_t entry = {.key = amqp_cstring_bytes(name)};
    entry.value.kind = AMQP_FIELD_KIND_UTF8;
    entry.value.value.bytes = amqp_cstring_bytes(text);
    return entry;
}

static amqp_table_entry_t capability(const char *name) {
    amqp_table_entry_t entry = {.key = amqp_cstring_bytes(name)};
    entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
    entry.value.value.boolean = 1;
    return entry;
}

/* Without these capabilities RabbitMQ closes the socket on a wrong password instead of
 * sending a reply, and sends neither connection.blocked nor basic.cancel. */
static bool log_in(const struct login *l, amqp_connection_state_t c, char *error) {
    amqp_table_entry_t capabilities[] = {
        capability("authentication_failure_close"), capability("connection.blocked"),
        capability("consumer_cancel_notify"), capability("basic.nack"),
        capability("publisher_confirms")};
    amqp_table_entry_t entries[] = {text_entry("product", "crew"),
                                    text_entry("connection_name", l->name),
                                    {.key = amqp_cstring_bytes("capabilities")}};
    entries[2].value.kind = AMQP_FIELD_KIND_TABLE;
    entries[2].value.value.table =
        (amqp_table_t){.num_entries = sizeof capabilities / sizeof capabilities[0],
                       .entries = capabilities};
    amqp_table_t properties = {.num_entries = sizeof entries / sizeof entries[0],
                               .entries = entries};
    const char *username = l->url->username != NULL ? l->url->username : "";
    const char *password = l->url->password != NULL ? l->url->password : "";
    return check_reply(l, error, "login",
                       amqp_login_with_properties(c, l->url->vhost, CHANNEL_MAX,
                                                  FRAME_MAX_BYTES, l->broker->heartbeat_s,
                                                  &properties, AMQP_SASL_METHOD_PLAIN,
                                                  username, password));
}

static bool open_channels(const struct login *l, amqp_connection_state_t c, char *error) {
    amqp_channel_open(c, DATA_CHANNEL);
    if (!check_reply(l, error, "channel", amqp_get_rpc_reply(c)))
        return false;
    if (l->confirms) {
        amqp_confirm_select(c, DATA_CHANNEL);
        if (!check_reply(l, error, "confirms", amqp_get_rpc_reply(c)))
            return false;
    }
    amqp_channel_open(c, TOPOLOGY_CHANNEL);
    return check_reply(l, error, "channel", amqp_get_rpc_reply(c));
}

static bool set_up(const struct login *l, amqp_connection_state_t c, char *error) {
    struct timeval handshake = {.tv_sec = LOGIN_TIMEOUT_S};
    struct timeval rpc = {.tv_sec = RPC_TIMEOUT_S};
    amqp_set_handshake_timeout(c, &handshake);
    amqp_set_rpc_timeout(c, &rpc);
    bool open = l->url->tls ? open_tls(l, c, error) : open_tcp(l, c, error);
    return open && log_in(l, c, error) && open_channels(l, c, error);
}

/* rabbitmq-c sends and checks heartbeats only inside its calls. Over TCP connection.c
 * does that alone. Over TLS the library does it too, because only this ends a write that
 * blocks. */
static void take_over_heartbeats(const struct login *l, amqp_connection_state_t c) {
    if (!l->url->tls)
        amqp_tune_connection(c, amqp_get_channel_max(c), amqp_get_frame_max(c), 0);
}

bool login_open(const struct login *login, struct transport *transport,
                unsigned *heartbeat_s, char error[LOGIN_ERROR_BYTES]) {
    amqp_connection_state_t c = amqp_new_connection();
    if (c == NULL)
        return fail(error, "connection", "out of memory");
    if (!set_up(login, c, error)) {
        amqp_destroy_connection(c);
        return false;
    }
    *heartbeat_s = (unsigned)amqp_get_heartbeat(c);
    take_over_heartbeats(login, c);
    transport_init(transport, c, login->url->tls);
    return true;
}
