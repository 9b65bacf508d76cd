/* Values of options: from text into the variable that a row names. */
#ifndef CREW_DAEMON_OPTION_VALUE_H
#define CREW_DAEMON_OPTION_VALUE_H

#include "daemon/options.h"
#include <stdbool.h>

/* False, and the variable untouched, when TEXT is not a value for ROW. Null TEXT for a
 * flag. */
bool option_value_set(const struct option_row *row, const char *text);

/* What ROW takes, for a message: "a number from 1 to 65535". */
void option_value_describe(const struct option_row *row, char *text, size_t text_bytes);

#endif
