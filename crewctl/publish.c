/* crewctl publish: publishes a message on a channel. */
#include "body.h"
#include "command.h"
#include "commands.h"
#include "connection.h"
#include "exit_status.h"
#include "interrupt.h"
#include "output.h"
#include "wire/channel_name.h"
#include "wire/limits.h"
#include <string.h>

static struct {
    struct body_source body;
    uint32_t expiration_ms;
    bool persistent;
} values = {.expiration_ms = 30000};

const struct option_row publish_rows[] = {
    BODY_OPTIONS(values.body),
    {.kind = OPTION_HEADING, .help = "Message:"},
    {.kind = OPTION_FLAG,
     .name = "persistent",
     .value = &values.persistent,
     .help = "it survives a restart of the broker in durable queues"},
    {.kind = OPTION_SECONDS,
     .name = "expiration",
     .value = &values.expiration_ms,
     .min = 1,
     .max = LIMIT_EXPIRATION_MS,
     .argument = "SECONDS",
     .help = "time limit for the broker's confirm (30)"},
    {.name = NULL},
};

static const char *channel_of(char *const *arguments, size_t count) {
    if (count == 0)
        command_usage("CHANNEL is missing");
    if (!channel_name_valid(arguments[0], strlen(arguments[0])))
        command_usage(
            "CHANNEL is not a channel's name: 1 to %d bytes of UTF-8, no control "
            "characters, no word * or #",
            LIMIT_CHANNEL_NAME_BYTES);
    return arguments[0];
}

struct completion {
    bool is_done;
    int error;
};

static void on_published(void *arg, int error, const char *id) {
    struct completion *completion = arg;
    *completion = (struct completion){.is_done = true, .error = error};
    if (error == 0)
        output_text("%s\n", id);
}

/* Returns the exit status. COMPLETION must outlive the connection. */
static int publish(struct connection *connection,
                   const struct crew_publication *publication,
                   struct completion *completion) {
    completion->error =
        crew_client_publish(connection->client, publication, on_published, completion);
    completion->is_done = completion->error != 0;
    crew_client_flush(connection->client); /* may complete it */
    while (!completion->is_done && interrupt_signal() == 0)
        connection_wait(connection, UINT64_MAX);
    if (!completion->is_done)
        return EXIT_SIGNAL + interrupt_signal();
    if (completion->error != 0)
        command_error("publish", publication->channel, completion->error);
    return exit_status_of(completion->error);
}

int publish_run(const struct crew_broker *broker, char *const *arguments, size_t count) {
    struct connection connection;
    struct completion completion = {.is_done = false};
    struct buffer memory = BUFFER_INIT;
    struct crew_call body = {.content_type = NULL};
    const char *channel = channel_of(arguments, count);
    body_parse_argument(&values.body, arguments, count);
    body_read(&values.body, &body, &memory);
    const struct crew_publication publication = {.channel = channel,
                                                 .content_type = body.content_type,
                                                 .body = body.body,
                                                 .body_bytes = body.body_bytes,
                                                 .persistent = values.persistent,
                                                 .expiration_ms = values.expiration_ms};
    int status = connection_open(&connection, broker, values.expiration_ms);
    if (status == 0) {
        interrupt_catch();
        status = publish(&connection, &publication, &completion);
    }
    connection_close(&connection);
    buffer_fini(&memory);
    return status;
}
