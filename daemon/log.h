/* The log of a program: lines on stderr, text or JSON. One write per line, so that lines of
 * several processes do not mix; a full disk or a closed stderr is no error. */
#ifndef CREW_DAEMON_LOG_H
#define CREW_DAEMON_LOG_H

#include <crew/message.h>
#include <stdarg.h>
#include <stdbool.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* The first thing that a program does: it keeps descriptor 2 from becoming a socket's when
 * stderr is closed, and ignores SIGPIPE. */
void log_open(const char *program);
bool log_set_level(const char *word);  /* debug, info, warning, error */
bool log_set_format(const char *word); /* text, json */
bool log_enabled(enum log_level level);

void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line about one request: its id is a field of its own (text: "[id]"). ID may be null. */
void log_request(enum log_level level, const char *id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* libcrew's events as log lines: connected and unblocked info, the others warning. A
 * repeated failure to connect is one line, then one a minute. */
void log_crew_event(void *arg, enum crew_event_kind kind, const char *text);

#endif
