/* The text of --help, made from the tables of options. */
#ifndef CREW_DAEMON_OPTION_HELP_H
#define CREW_DAEMON_OPTION_HELP_H

#include "daemon/options.h"

/* Print usage and summary of the program, or of COMMAND if it is not null. */
void option_help_head(const struct options *options,
                      const struct option_command *command);

/* Print the list of commands. */
void option_help_commands(const struct option_command *commands);

/* Print a table of options, under HEADING if it is not null. */
void option_help_rows(const char *heading, const struct option_row *rows);

#endif
