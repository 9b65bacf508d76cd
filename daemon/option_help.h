/* The text of --help, made from the tables of options. */
#ifndef CREW_DAEMON_OPTION_HELP_H
#define CREW_DAEMON_OPTION_HELP_H

#include "daemon/options.h"

/* Print the head to stdout: of the program, or of one of its commands if COMMAND is not
 * null. */
void option_help_head(const struct options *options,
                      const struct option_command *command);

/* Print what commands there are. */
void option_help_commands(const struct option_command *commands);

/* Print a table, under HEADING if that is not null. */
void option_help_rows(const char *heading, const struct option_row *rows);

#endif
