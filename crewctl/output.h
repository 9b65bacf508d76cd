/* Standard output: what was asked for. A reader who left and a full disk are noticed; the
 * first failure is told once, and all that follows is dropped. */
#ifndef CREWCTL_OUTPUT_H
#define CREWCTL_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

/* The first thing that the program does: it keeps descriptors 0 and 1 from becoming a
 * socket's when they are closed. */
void output_open(void);

void output_bytes(const void *bytes, size_t count);
void output_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether a person looks at it. */
bool output_is_terminal(void);

/* What was printed is on its way; false when it is not, or stdout has failed before. */
bool output_flush(void);

/* The program's exit status: STATUS, or another when the output was lost. */
int output_close(int status);

#endif
