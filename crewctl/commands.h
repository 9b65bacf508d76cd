/* The commands of crewctl. Each is a file with two of these, and a row of the table in
 * main.c. */
#ifndef CREWCTL_COMMANDS_H
#define CREWCTL_COMMANDS_H

#include "daemon/options.h"

extern const struct option_row call_rows[];
int call_run(const struct crew_broker *broker, char *const *arguments, size_t count);

extern const struct option_row ping_rows[];
int ping_run(const struct crew_broker *broker, char *const *arguments, size_t count);

extern const struct option_row status_rows[];
int status_run(const struct crew_broker *broker, char *const *arguments, size_t count);

extern const struct option_row publish_rows[];
int publish_run(const struct crew_broker *broker, char *const *arguments, size_t count);

extern const struct option_row subscribe_rows[];
int subscribe_run(const struct crew_broker *broker, char *const *arguments, size_t count);

#endif
