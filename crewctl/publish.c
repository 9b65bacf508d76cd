/* crewctl publish: a message to whoever has subscribed to a channel. */
#include "body.h"
#include "command.h"
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
} given = {.expiration_ms = 30000};

const struct option_row publish_rows[] = {
    BODY_OPTIONS(given.body),
    {.kind = OPTION_HEADING, .help = "Message:"},
    {OPTION_FLAG, 0, "persistent", NULL, &given.persistent, 0, 0, NULL,
     "it survives a restart of the broker, in queues that do"},
    {OPTION_SECONDS, 0, "expiration", NULL, &given.expiration_ms, 1, LIMIT_EXPIRATION_MS,
     "SECONDS", "how long the broker may take to confirm it (30)"},
    {.name = NULL},
};

static const char *channel_of(char *const *words, size_t count) {
    if (count == 0)
        options_fail(&crewctl_options, "CHANNEL is missing");
    if (!channel_name_valid(words[0], strlen(words[0])))
        options_fail(
            &crewctl_options,
            "CHANNEL is not a channel's name: 1 to %d bytes of UTF-8, no control "
            "characters, no word * or #",
            LIMIT_CHANNEL_NAME_BYTES);
    return words[0];
}

struct ending {
    bool is_over;
    int error;
};

static void on_published(void *arg, int error, const char *id) {
    struct ending *ending = arg;
    *ending = (struct ending){.is_over = true, .error = error};
    if (error == 0)
        output_text("%s\n", id);
}

/* The exit status. ENDING must outlive the connection. */
static int publish(struct connection *connection,
                   const struct crew_publication *publication, struct ending *ending) {
    ending->error =
        crew_client_publish(connection->client, publication, on_published, ending);
    ending->is_over = ending->error != 0;
    crew_client_flush(connection->client); /* it may end here */
    while (!ending->is_over && interrupt_signal() == 0)
        connection_turn(connection, UINT64_MAX);
    if (!ending->is_over)
        return EXIT_SIGNAL + interrupt_signal();
    if (ending->error != 0)
        command_error("publish", publication->channel, ending->error);
    return exit_status_of(ending->error);
}

int publish_run(const struct crew_broker *broker, char *const *words, size_t count) {
    struct connection connection;
    struct ending ending = {.is_over = false};
    struct buffer memory = BUFFER_INIT;
    struct crew_call body = {.content_type = NULL};
    const char *channel = channel_of(words, count);
    body_take_word(&given.body, words, count);
    body_take(&given.body, &body, &memory);
    const struct crew_publication publication = {.channel = channel,
                                                 .content_type = body.content_type,
                                                 .body = body.body,
                                                 .body_bytes = body.body_bytes,
                                                 .persistent = given.persistent,
                                                 .expiration_ms = given.expiration_ms};
    int status = connection_open(&connection, broker, given.expiration_ms);
    if (status == 0) {
        interrupt_catch();
        status = publish(&connection, &publication, &ending);
    }
    connection_close(&connection);
    buffer_fini(&memory);
    return status;
}
