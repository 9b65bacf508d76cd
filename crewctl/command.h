/* The commands of crewctl. Each is a file of its own with two of these, and a row of the
 * table in main.c. */
#ifndef CREWCTL_COMMAND_H
#define CREWCTL_COMMAND_H

#include "daemon/options.h"

/* For options_fail. */
extern const struct options crewctl_options;

extern const struct option_row call_rows[];
int call_run(const struct crew_broker *broker, char *const *words, size_t count);

extern const struct option_row ping_rows[];
int ping_run(const struct crew_broker *broker, char *const *words, size_t count);

extern const struct option_row status_rows[];
int status_run(const struct crew_broker *broker, char *const *words, size_t count);

extern const struct option_row publish_rows[];
int publish_run(const struct crew_broker *broker, char *const *words, size_t count);

extern const struct option_row subscribe_rows[];
int subscribe_run(const struct crew_broker *broker, char *const *words, size_t count);

/* The task that a command's only words name; one line and exit status 2 when there is
 * none, or it is no task name. */
const char *command_task(const char *word);

/* One line on stderr: "crewctl: COMMAND NAME: WORD: what it means". */
void command_error(const char *command, const char *name, int error);

#endif
