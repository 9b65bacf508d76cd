/* amqp_pump - what the broker alone can do: calls through rabbitmq-c and nothing else.
 * What bench/run compares crew's calls with.
 *
 *     amqp_pump worker URL QUEUE
 *     amqp_pump client URL QUEUE OUTSTANDING BODY-BYTES SECONDS
 *
 * The worker echoes: it answers each message with its own body. The client keeps
 * OUTSTANDING calls of random bytes under way, checks every answer, and prints the line
 * of samples.h.
 *
 * Both do what a careful user of rabbitmq-c does, and no more: transient messages, tasks
 * with acks and a prefetch, an exclusive reply queue without acks (a lost answer is a
 * lost client), one channel on one connection, one ack for all that had come together.
 */
#include "amqp/rabbitmq_c.h"
#include "samples.h"
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define CHANNEL 1
#define FRAME_BYTES 131072 /* 0 would mean 4096 */
#define PREFETCH 256       /* above what any client here keeps under way */
#define ACK_AT 64          /* acks are put off no longer than this */
#define PATIENCE_S 10      /* of a client for its answer */
#define LOOK_UP_US 200000  /* how often an idle worker asks whether it shall stop */

static volatile sig_atomic_t told_to_stop;

static void stop(int signum) {
    (void)signum;
    told_to_stop = 1;
}

static void fail(const char *what, const char *why) {
    fprintf(stderr, "amqp_pump: %s: %s\n", what, why);
    exit(1);
}

static void check(int status, const char *what) {
    if (status != AMQP_STATUS_OK)
        fail(what, amqp_error_string2(status));
}

static void check_reply(amqp_rpc_reply_t reply, const char *what) {
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION)
        fail(what, amqp_error_string2(reply.library_error));
    if (reply.reply_type != AMQP_RESPONSE_NORMAL)
        fail(what, "the broker refuses");
}

/* ---- both ends ---- */

static amqp_connection_state_t connect_to(char *url) {
    struct amqp_connection_info at;
    check(amqp_parse_url(url, &at), "URL");
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(connection);
    if (socket == NULL)
        fail("socket", "out of memory");
    check(amqp_socket_open(socket, at.host, at.port), "connect");
    check_reply(amqp_login(connection, at.vhost, AMQP_DEFAULT_MAX_CHANNELS, FRAME_BYTES,
                           0, AMQP_SASL_METHOD_PLAIN, at.user, at.password),
                "login");
    amqp_channel_open(connection, CHANNEL);
    check_reply(amqp_get_rpc_reply(connection), "channel");
    return connection;
}

/* A queue that lives as long as this connection; an empty NAME lets the broker choose. */
static amqp_bytes_t own_queue(amqp_connection_state_t connection, const char *name,
                              bool no_ack) {
    amqp_queue_declare_ok_t *declared =
        amqp_queue_declare(connection, CHANNEL, amqp_cstring_bytes(name), false, false,
                           true, true, amqp_empty_table);
    check_reply(amqp_get_rpc_reply(connection), "queue");
    amqp_bytes_t queue = amqp_bytes_malloc_dup(declared->queue);
    amqp_basic_consume(connection, CHANNEL, queue, amqp_empty_bytes, false, no_ack, true,
                       amqp_empty_table);
    check_reply(amqp_get_rpc_reply(connection), "consume");
    return queue;
}

static void publish(amqp_connection_state_t connection, amqp_bytes_t queue,
                    const amqp_basic_properties_t *properties, amqp_bytes_t body) {
    check(amqp_basic_publish(connection, CHANNEL, amqp_empty_bytes, queue, false, false,
                             properties, body),
          "publish");
}

/* The next message; false when there is none within the time. */
static bool receive(amqp_connection_state_t connection, amqp_envelope_t *envelope,
                    struct timeval patience) {
    amqp_maybe_release_buffers(connection);
    amqp_rpc_reply_t reply = amqp_consume_message(connection, envelope, &patience, 0);
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION &&
        reply.library_error == AMQP_STATUS_TIMEOUT)
        return false;
    check_reply(reply, "receive");
    return true;
}

static void disconnect(amqp_connection_state_t connection) {
    check_reply(amqp_connection_close(connection, AMQP_REPLY_SUCCESS), "close");
    check(amqp_destroy_connection(connection), "close");
}

/* ---- the worker ---- */

static void echo(amqp_connection_state_t connection, const amqp_message_t *message) {
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_CORRELATION_ID_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG,
        .correlation_id = message->properties.correlation_id,
        .delivery_mode = AMQP_DELIVERY_NONPERSISTENT};
    publish(connection, message->properties.reply_to, &properties, message->body);
}

static void work(amqp_connection_state_t connection, const char *name) {
    signal(SIGTERM, stop);
    amqp_basic_qos(connection, CHANNEL, 0, PREFETCH, false);
    check_reply(amqp_get_rpc_reply(connection), "prefetch");
    amqp_bytes_free(own_queue(connection, name, false));
    printf("ready\n");
    fflush(stdout);

    amqp_envelope_t envelope;
    int unacked = 0;
    while (!told_to_stop) {
        if (!receive(connection, &envelope, (struct timeval){0, LOOK_UP_US}))
            continue;
        echo(connection, &envelope.message);
        bool more = amqp_frames_enqueued(connection) || amqp_data_in_buffer(connection);
        if (++unacked == ACK_AT || !more) {
            check(amqp_basic_ack(connection, CHANNEL, envelope.delivery_tag, true),
                  "ack");
            unacked = 0;
        }
        amqp_destroy_envelope(&envelope);
    }
}

/* ---- the client ---- */

struct client {
    amqp_connection_state_t connection;
    amqp_bytes_t task_queue, reply_queue, body;
    uint64_t *begun_us; /* of the call in each slot; the slot is the correlation id */
    size_t slots;
    struct samples samples;
};

static void call(struct client *client, size_t slot) {
    client->begun_us[slot] = now_us();
    amqp_basic_properties_t properties = {._flags = AMQP_BASIC_CORRELATION_ID_FLAG |
                                                    AMQP_BASIC_REPLY_TO_FLAG |
                                                    AMQP_BASIC_DELIVERY_MODE_FLAG,
                                          .correlation_id = {sizeof slot, &slot},
                                          .reply_to = client->reply_queue,
                                          .delivery_mode = AMQP_DELIVERY_NONPERSISTENT};
    publish(client->connection, client->task_queue, &properties, client->body);
}

/* Wait for an answer; which call it ends. */
static size_t answered(struct client *client) {
    amqp_envelope_t envelope;
    if (!receive(client->connection, &envelope, (struct timeval){PATIENCE_S, 0}))
        fail("call", "no answer");
    size_t slot;
    amqp_bytes_t id = envelope.message.properties.correlation_id;
    if (id.len != sizeof slot)
        fail("answer", "not to any call");
    memcpy(&slot, id.bytes, sizeof slot);
    amqp_bytes_t body = envelope.message.body;
    if (slot >= client->slots || body.len != client->body.len ||
        memcmp(body.bytes, client->body.bytes, body.len) != 0)
        fail("answer", "not what was sent");
    samples_add(&client->samples, client->begun_us[slot]);
    amqp_destroy_envelope(&envelope);
    return slot;
}

static void pump(struct client *client, double seconds) {
    samples_begin(&client->samples);
    uint64_t end_us = now_us() + (uint64_t)(seconds * 1e6);
    size_t under_way = client->slots;
    for (size_t slot = 0; slot < client->slots; slot++)
        call(client, slot);
    while (under_way > 0) {
        size_t slot = answered(client);
        if (now_us() < end_us)
            call(client, slot);
        else
            under_way--;
    }
    samples_print(&client->samples, 1);
}

static void run_client(amqp_connection_state_t connection, const char *queue,
                       size_t slots, size_t body_bytes, double seconds) {
    struct client client = {.connection = connection,
                            .task_queue = amqp_cstring_bytes(queue),
                            .reply_queue = own_queue(connection, "", true),
                            .body = amqp_bytes_malloc(body_bytes),
                            .begun_us = calloc(slots, sizeof *client.begun_us),
                            .slots = slots};
    if (client.body.bytes == NULL || client.begun_us == NULL)
        fail("client", "out of memory");
    random_bytes(client.body.bytes, body_bytes);
    pump(&client, seconds);
    free(client.begun_us);
    amqp_bytes_free(client.body);
    amqp_bytes_free(client.reply_queue);
}

int main(int argc, char **argv) {
    bool worker = argc == 4 && strcmp(argv[1], "worker") == 0;
    bool client = argc == 7 && strcmp(argv[1], "client") == 0;
    if (!worker && !client) {
        fprintf(stderr,
                "usage: amqp_pump worker URL QUEUE\n"
                "       amqp_pump client URL QUEUE OUTSTANDING BODY-BYTES SECONDS\n");
        return 2;
    }
    amqp_connection_state_t connection = connect_to(argv[2]);
    if (worker)
        work(connection, argv[3]);
    else
        run_client(connection, argv[3], strtoul(argv[4], NULL, 10),
                   strtoul(argv[5], NULL, 10), strtod(argv[6], NULL));
    disconnect(connection);
    return 0;
}
