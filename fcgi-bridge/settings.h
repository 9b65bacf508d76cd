/* What the command line says. */
#ifndef BRIDGE_SETTINGS_H
#define BRIDGE_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

struct settings {
    const char *listen; /* null: what systemd or the parent left open */
    unsigned socket_mode;
    const char *socket_owner; /* null: nobody is asked */
    const char *socket_group;
    unsigned backlog;
    const char *user; /* to run as; null: as started */
    const char *group;
    const char *task;       /* where a location names none */
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

#endif
