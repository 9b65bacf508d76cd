/* crewctl: talk to crew's tasks from a shell.
 *
 * Guarantees: what was asked for goes to stdout and nothing else does; what went wrong is
 * one line on stderr; no password is ever shown.
 *
 * Exit status: exit_status.h.
 */
#include "command.h"
#include "daemon/log.h"
#include "exit_status.h"
#include "output.h"
#include "wire/limits.h"
#include "wire/task_name.h"
#include <stdio.h>
#include <string.h>

static const struct option_command commands[] = {
    {"call", "TASK [options] [-]", "Call a task and print its answer.", call_rows,
     call_run},
    {"ping", "TASK [options]", "See whether a worker takes tasks, and how fast.",
     ping_rows, ping_run},
    {"status", "[TASK ...] [options]", "Show what waits for tasks, and who serves them.",
     status_rows, status_run},
    {"publish", "CHANNEL [options] [-]", "Publish a message on a channel, print its id.",
     publish_rows, publish_run},
    {"subscribe", "PATTERN ... [options]", "Print what is published, a line a message.",
     subscribe_rows, subscribe_run},
    {.name = NULL},
};

static const struct option_row no_rows[] = {{.name = NULL}};

const struct options crewctl_options = {
    .program = "crewctl",
    .synopsis = "[options] COMMAND ...",
    .summary = "Call tasks over RabbitMQ, look at them, publish and subscribe. "
               "\"crewctl COMMAND --help\" tells more.",
    .rows = no_rows,
    .commands = commands,
    .footer = EXIT_STATUS_HELP,
    .log_level = "warning",
};

const char *command_task(const char *word) {
    if (word == NULL)
        options_fail(&crewctl_options, "TASK is missing");
    if (!task_name_valid(word, strlen(word)))
        options_fail(&crewctl_options,
                     "TASK is not a task name: 1 to %d bytes of UTF-8, "
                     "no control characters",
                     LIMIT_TASK_NAME_BYTES);
    return word;
}

void command_error(const char *command, const char *name, int error) {
    const char *word = crew_error_word(error);
    fprintf(stderr, "crewctl: %s %s: %s%s%s\n", command, name, word != NULL ? word : "",
            word != NULL ? ": " : "", crew_strerror(error));
}

int main(int argc, char **argv) {
    struct crew_broker broker;
    output_open();
    log_open("crewctl");
    int at = options_parse(&crewctl_options, argc, argv, &broker);
    const struct option_command *command = options_command(&crewctl_options, argv[at]);
    int status = command->run(&broker, argv + at + 1, (size_t)(argc - at - 1));
    crew_broker_fini(&broker);
    return output_close(status);
}
