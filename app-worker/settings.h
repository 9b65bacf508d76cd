/* The settings of app-worker, from its command line. */
#ifndef CREW_WORKER_SETTINGS_H
#define CREW_WORKER_SETTINGS_H

#include <crew/broker.h>
#include <stdbool.h>
#include <stdint.h>

struct settings {
    struct crew_broker broker;
    int app_argc; /* APP.so and its arguments */
    char *const *app_argv;
    const char *route_task; /* the task behind which the app's routes live */

    unsigned processes;
    unsigned max_processes; /* spares for handlers that wait for a call included */
    unsigned prefetch;
    unsigned max_prefetch;   /* while handlers are short */
    unsigned max_requests;   /* 0: no limit */
    size_t max_memory_bytes; /* 0: no limit */
    size_t max_response_bytes;
    uint32_t timeout_ms; /* of a handler's run */
    uint32_t grace_ms;   /* between asking a handler to stop and killing it */
    const char *user;
    const char *group;
    bool reload; /* when APP.so changes */
};

/* Exits when the command line is invalid (daemon/options.h). */
void settings_parse(struct settings *settings, int argc, char **argv);
void settings_fini(struct settings *settings);

#endif
