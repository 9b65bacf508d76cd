#include "connection.h"

#include "base/clock.h"
#include "exit_status.h"
#include "interrupt.h"
#include <stdio.h>

#define GZIP_ABOVE_BYTES 32768 /* the bridge's default */

static void on_event(void *arg, enum crew_event_kind kind, const char *text) {
    struct connection *connection = arg;
    opening_note(&connection->opening, kind, text);
}

void connection_turn(struct connection *connection, uint64_t until_ms) {
    crew_client_flush(connection->client);
    interrupt_wait(crew_client_fd(connection->client), until_ms);
    crew_client_dispatch(connection->client);
}

static uint32_t patience_ms(uint32_t expiration_ms) {
    if (expiration_ms < CONNECT_MIN_MS)
        return CONNECT_MIN_MS;
    return expiration_ms < CONNECT_MAX_MS ? expiration_ms : CONNECT_MAX_MS;
}

int connection_open(struct connection *connection, const struct crew_broker *broker,
                    uint32_t expiration_ms) {
    *connection = (struct connection){.opening.addresses = broker->url_count};
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
    uint64_t until_ms = clock_ms() + patience_ms(expiration_ms);
    while (!crew_client_ready(connection->client) &&
           !opening_refused(&connection->opening) && clock_ms() < until_ms)
        connection_turn(connection, until_ms);
    if (!crew_client_ready(connection->client)) {
        opening_explain(&connection->opening, broker);
        return EXIT_BROKER;
    }
    connection->opening.succeeded = true;
    return 0;
}

/* A thread that is stuck in an attempt to connect would hold up the end, and there is
 * nobody to say goodbye to: the client ends with the program. */
static void abandon(crew_client *client) {
    static crew_client *kept;
    kept = client;
    (void)kept;
}

void connection_close(struct connection *connection) {
    if (connection->opening.succeeded)
        crew_client_free(connection->client);
    else
        abandon(connection->client);
    connection->client = NULL;
}
