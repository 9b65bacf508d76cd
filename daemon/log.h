/* The log of a program: lines on stderr, text or JSON. Each line is one write(2), so
 * that lines of several processes do not mix. A full disk or a closed stderr is not an
 * error. */
#ifndef CREW_DAEMON_LOG_H
#define CREW_DAEMON_LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* Called first in main: reserves descriptor 2 if stderr is closed, so that no socket gets
 * it, and ignores SIGPIPE. */
void log_open(const char *program);
/* False: not a name of a level (debug, info, warning, error) or format (text, json). */
bool log_set_level(const char *name);
bool log_set_format(const char *name);
bool log_enabled(enum log_level level);

void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line about one request: its id is a separate field (text: "[id]"). ID may be null. */
void log_request(enum log_level level, const char *id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
