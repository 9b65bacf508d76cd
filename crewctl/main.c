/* crewctl: call tasks, publish and subscribe from a shell.
 *
 * Guarantees: only results go to stdout; an error is one line on stderr; no password is
 * shown.
 *
 * Exit status: exit_status.h.
 */
#include "commands.h"
#include "daemon/log.h"
#include "exit_status.h"
#include "output.h"

static const struct option_command commands[] = {
    {.name = "call",
     .synopsis = "TASK [options] [-]",
     .summary = "Call a task and print its answer.",
     .rows = call_rows,
     .run = call_run},
    {.name = "ping",
     .synopsis = "TASK [options]",
     .summary = "Check that a worker takes tasks, and measure the latency.",
     .rows = ping_rows,
     .run = ping_run},
    {.name = "status",
     .synopsis = "[TASK ...] [options]",
     .summary = "Show queued messages and consumers of tasks.",
     .rows = status_rows,
     .run = status_run},
    {.name = "publish",
     .synopsis = "CHANNEL [options] [-]",
     .summary = "Publish a message on a channel, print its id.",
     .rows = publish_rows,
     .run = publish_run},
    {.name = "subscribe",
     .synopsis = "PATTERN ... [options]",
     .summary = "Print published messages, one line for each.",
     .rows = subscribe_rows,
     .run = subscribe_run},
    {.name = NULL},
};

static const struct option_row no_rows[] = {{.name = NULL}};

static const struct options options = {
    .program = "crewctl",
    .synopsis = "[options] COMMAND ...",
    .summary = "Call tasks over RabbitMQ, show their queues, publish and subscribe. "
               "\"crewctl COMMAND --help\" shows the options of a command.",
    .rows = no_rows,
    .commands = commands,
    .footer = EXIT_STATUS_HELP,
    .log_level = "warning",
};

int main(int argc, char **argv) {
    struct crew_broker broker;
    output_open();
    log_open("crewctl");
    int first = options_parse(&options, argc, argv, &broker);
    const struct option_command *command = options_command(&options, argv[first]);
    int status = command->run(&broker, argv + first + 1, (size_t)(argc - first - 1));
    crew_broker_fini(&broker);
    return output_close(status);
}
