/* The options of the command line. */
#ifndef BRIDGE_SETTINGS_H
#define BRIDGE_SETTINGS_H

#include <crew/broker.h>
#include <stddef.h>
#include <stdint.h>

struct settings {
    const char *listen; /* NULL: the inherited socket */
    unsigned socket_mode;
    const char *socket_owner; /* NULL: not changed */
    const char *socket_group;
    unsigned backlog;
    const char *user; /* to run as; NULL: not changed */
    const char *group;
    const char *task;       /* where a location sets none */
    uint32_t expiration_ms; /* the same */
    size_t max_body_bytes;
    unsigned max_inflight;
    unsigned max_parked;
    size_t max_buffered_bytes;
    size_t gzip_above_bytes;
    unsigned max_batch;
    size_t history_bytes;
    uint32_t history_age_ms;
    uint32_t stop_timeout_ms;
};

/* settings_read - parse the command line and fill BROKER. Errors end the program. The
 * result is static and points into ARGV. */
const struct settings *settings_read(int argc, char **argv, struct crew_broker *broker);

/* settings_fail - end the program: an option is wrong, as WHY says. */
_Noreturn void settings_fail(const char *why);

#endif
