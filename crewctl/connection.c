#include "connection.h"

#include "base/clock.h"
#include "exit_status.h"
#include "interrupt.h"
#include <stdio.h>

#define GZIP_ABOVE_BYTES 32768 /* the bridge's default */

static void on_event(void *arg, enum crew_event_kind kind, const char *text) {
    struct connection *connection = arg;
    connect_wait_event(&connection->connect_wait, kind, text);
}

void connection_wait(struct connection *connection, uint64_t until_ms) {
    crew_client_flush(connection->client);
    interrupt_wait(crew_client_fd(connection->client), until_ms);
    crew_client_dispatch(connection->client);
}

static uint32_t connect_timeout_ms(uint32_t expiration_ms) {
    if (expiration_ms < CONNECT_MIN_MS)
        return CONNECT_MIN_MS;
    return expiration_ms < CONNECT_MAX_MS ? expiration_ms : CONNECT_MAX_MS;
}

int connection_open(struct connection *connection, const struct crew_broker *broker,
                    uint32_t expiration_ms) {
    *connection = (struct connection){.client = NULL};
    connect_wait_init(&connection->connect_wait, broker);
    const struct crew_client_options options = {
        .name = "crewctl",
        .gzip_above_bytes = GZIP_ABOVE_BYTES,
        .on_event = on_event,
        .event_arg = connection,
        .caller_driven_io = true,
    };
    int error = crew_client_new(broker, &options, &connection->client);
    if (error != 0) {
        fprintf(stderr, "crewctl: %s\n", crew_strerror(error));
        return EXIT_LOCAL;
    }
    uint64_t until_ms = clock_ms() + connect_timeout_ms(expiration_ms);
    while (!crew_client_ready(connection->client) &&
           !connect_wait_failed(&connection->connect_wait) && clock_ms() < until_ms)
        connection_wait(connection, until_ms);
    if (!crew_client_ready(connection->client)) {
        connect_wait_explain(&connection->connect_wait, broker);
        return EXIT_BROKER;
    }
    connect_wait_done(&connection->connect_wait);
    return 0;
}

/* The client is not freed: crew_client_free would wait for a thread that is still trying
 * to connect. The static pointer keeps it reachable for leak checkers. */
static void abandon(crew_client *client) {
    static crew_client *reachable;
    reachable = client;
    (void)reachable;
}

void connection_close(struct connection *connection) {
    if (connect_wait_succeeded(&connection->connect_wait))
        crew_client_free(connection->client);
    else
        abandon(connection->client);
    connection->client = NULL;
}
