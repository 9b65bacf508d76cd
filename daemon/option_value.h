/* Values of options: from text into the variable of a row. */
#ifndef CREW_DAEMON_OPTION_VALUE_H
#define CREW_DAEMON_OPTION_VALUE_H

#include "daemon/option_row.h"
#include <stdbool.h>

/* False, and the variable is unchanged, if TEXT is not a valid value for ROW. TEXT is
 * null for a flag. */
bool option_value_set(const struct option_row *row, const char *text);

/* The valid values of ROW, for a message: "a number from 1 to 65535". */
void option_value_describe(const struct option_row *row, char *text, size_t text_bytes);

#endif
