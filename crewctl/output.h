/* Standard output. The first write error is reported once on stderr; later output is
 * discarded. */
#ifndef CREWCTL_OUTPUT_H
#define CREWCTL_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

/* Called first in main: reserves descriptors 0 and 1 if they are closed, so that no
 * socket gets them. */
void output_open(void);

void output_bytes(const void *bytes, size_t count);
void output_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether it is a terminal. */
bool output_is_terminal(void);

/* Flush. False: writing has failed, now or before. */
bool output_flush(void);

/* Flush and close. Returns the program's exit status: STATUS, or EXIT_LOCAL if writing
 * has failed. */
int output_close(int status);

#endif
