/* A person waits here: unlike the daemons, which try for ever, one round of the broker's
 * addresses is enough to say that it is not there. */
#include "connection.h"

#include "base/clock.h"
#include "daemon/log.h"
#include "exit_status.h"
#include "interrupt.h"
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define GZIP_ABOVE_BYTES 32768 /* the bridge's default */

static void note_trouble(struct connection *connection, const char *text) {
    size_t used = strlen(connection->trouble);
    snprintf(connection->trouble + used, sizeof connection->trouble - used, "%s%s",
             used > 0 ? "; " : "", text);
}

/* What happens before the connection stands is told in one line at the end. */
static void on_event(void *arg, enum crew_event_kind kind, const char *text) {
    struct connection *connection = arg;
    if (connection->stands) {
        log_crew_event(NULL, kind, text);
        return;
    }
    log_debug("broker: %s", text);
    if (kind == CREW_EVENT_DISCONNECTED)
        connection->refusals++;
    if (kind != CREW_EVENT_CONNECTED && kind != CREW_EVENT_UNBLOCKED)
        note_trouble(connection, text);
}

static int timeout_ms(uint64_t until_ms) {
    uint64_t now_ms = clock_ms();
    uint64_t left_ms = until_ms > now_ms ? until_ms - now_ms : 0;
    return left_ms < INT_MAX ? (int)left_ms : INT_MAX;
}

void connection_turn(struct connection *connection, uint64_t until_ms) {
    crew_client_flush(connection->client);
    struct pollfd fds[] = {
        {.fd = crew_client_fd(connection->client), .events = POLLIN},
        {.fd = interrupt_fd(), .events = POLLIN}, /* negative: poll passes over it */
    };
    poll(fds, 2, timeout_ms(until_ms));
    crew_client_dispatch(connection->client);
}

static bool refused(const struct connection *connection) {
    return connection->refusals >= connection->addresses;
}

static void tell_trouble(const struct connection *connection,
                         const struct crew_broker *broker) {
    char where[512];
    crew_broker_describe(broker, where, sizeof where);
    if (connection->trouble[0] != '\0')
        fprintf(stderr, "crewctl: broker: %s\n", connection->trouble);
    else
        fprintf(stderr, "crewctl: broker: no answer from %s in time\n", where);
}

static uint32_t patience_ms(uint32_t expiration_ms) {
    if (expiration_ms < CONNECT_MIN_MS)
        return CONNECT_MIN_MS;
    return expiration_ms < CONNECT_MAX_MS ? expiration_ms : CONNECT_MAX_MS;
}

int connection_open(struct connection *connection, const struct crew_broker *broker,
                    uint32_t expiration_ms) {
    *connection = (struct connection){.addresses = broker->url_count};
    const struct crew_client_options options = {
        .name = "crewctl",
        .gzip_above_bytes = GZIP_ABOVE_BYTES,
        .on_event = on_event,
        .event_arg = connection,
        .owner_io = true,
    };
    int error = crew_client_new(broker, &options, &connection->client);
    if (error != 0) {
        fprintf(stderr, "crewctl: %s\n", crew_strerror(error));
        return EXIT_LOCAL;
    }
    uint64_t until_ms = clock_ms() + patience_ms(expiration_ms);
    while (!crew_client_ready(connection->client) && !refused(connection) &&
           clock_ms() < until_ms)
        connection_turn(connection, until_ms);
    if (!crew_client_ready(connection->client)) {
        tell_trouble(connection, broker);
        return EXIT_BROKER;
    }
    connection->stands = true;
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
    if (connection->stands)
        crew_client_free(connection->client);
    else
        abandon(connection->client);
    connection->client = NULL;
}
