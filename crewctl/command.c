#include "command.h"

#include "exit_status.h"
#include "wire/limits.h"
#include "wire/task_name.h"
#include <crew/error.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void command_usage(const char *format, ...) {
    va_list args;
    fputs("crewctl: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(EXIT_USAGE);
}

const char *command_task(const char *argument) {
    if (argument == NULL)
        command_usage("TASK is missing");
    if (!task_name_valid(argument, strlen(argument)))
        command_usage("TASK is not a task name: 1 to %d bytes of UTF-8, "
                      "no control characters",
                      LIMIT_TASK_NAME_BYTES);
    return argument;
}

void command_error(const char *command, const char *name, int error) {
    const char *word = crew_error_word(error);
    fprintf(stderr, "crewctl: %s %s: %s%s%s\n", command, name, word != NULL ? word : "",
            word != NULL ? ": " : "", crew_strerror(error));
}
