/* The text of --help, made from the tables of options. */
#ifndef CREW_DAEMON_OPTION_HELP_H
#define CREW_DAEMON_OPTION_HELP_H

#include "daemon/options.h"

/* Print the program's head to stdout. */
void option_help_head(const struct options *options);

/* Print a table, under HEADING if that is not null. */
void option_help_rows(const char *heading, const struct option_row *rows);

#endif
