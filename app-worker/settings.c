/* One table of options, and the defaults that depend on others. */
#include "settings.h"

#include "app-worker/scheduler/prefetch.h"
#include "daemon/options.h"
#include "wire/limits.h"
#include "wire/task_name.h"
#include <sched.h>
#include <string.h>
#include <unistd.h>

enum { MAX_PROCESSES = 10000, SPARES_PER_PROCESS = 4 };

/* The CPUs that this program may run on: in a container they may be fewer than the
 * machine has. */
static unsigned cpu_count(void) {
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) == 0)
        return (unsigned)CPU_COUNT(&cpus);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

static void set_defaults(struct settings *settings, const struct options *options) {
    if (settings->processes == 0)
        settings->processes = cpu_count();
    if (settings->max_processes == 0)
        settings->max_processes = SPARES_PER_PROCESS * settings->processes;
    settings->max_prefetch = settings->prefetch;
    if (settings->prefetch == 0) {
        settings->prefetch = settings->processes;
        settings->max_prefetch = prefetch_default_max(settings->processes);
    }
    if (settings->max_processes < settings->processes)
        options_fail(options, "--max-processes %u is below --processes %u",
                     settings->max_processes, settings->processes);
    if (!task_name_valid(settings->route_task, strlen(settings->route_task)))
        options_fail(options, "--task: not a task name: %s", settings->route_task);
}

void settings_parse(struct settings *settings, int argc, char **argv) {
    *settings = (struct settings){.route_task = "http",
                                  .timeout_ms = 60 * 1000,
                                  .grace_ms = 1000,
                                  .max_response_bytes = 16u << 20};
    const struct option_row rows[] = {
        {OPTION_UNSIGNED, 0, "processes", "forks", &settings->processes, 1, MAX_PROCESSES,
         "N", "handler processes (default: the number of CPUs)"},
        {OPTION_UNSIGNED, 0, "max-processes", NULL, &settings->max_processes, 1,
         MAX_PROCESSES, "N",
         "with the spares for handlers that wait for a call (4 x processes)"},
        {OPTION_TEXT, 0, "task", NULL, &settings->route_task, 0, 0, "NAME",
         "task behind which the app's routes live (http)"},
        {OPTION_SECONDS, 0, "timeout", NULL, &settings->timeout_ms, 1,
         LIMIT_EXPIRATION_MS, "SECONDS", "a handler's longest run (60)"},
        {OPTION_SECONDS, 0, "grace", NULL, &settings->grace_ms, 0, LIMIT_EXPIRATION_MS,
         "SECONDS", "between telling a handler to stop and killing it (1)"},
        {OPTION_UNSIGNED, 0, "prefetch", NULL, &settings->prefetch, 1, UINT16_MAX, "N",
         "messages held at a time, over all queues (processes; more while handlers are "
         "short)"},
        {OPTION_UNSIGNED, 0, "max-requests", NULL, &settings->max_requests, 1, INT32_MAX,
         "N", "replace a handler process after about N requests (never)"},
        {OPTION_BYTES, 0, "max-memory", NULL, &settings->max_memory_bytes, 1u << 20,
         SIZE_MAX, "BYTES", "memory of a handler process (no limit)"},
        {OPTION_BYTES, 0, "max-response", NULL, &settings->max_response_bytes, 1,
         LIMIT_MESSAGE_BYTES, "BYTES", "largest body of a response (16M)"},
        {OPTION_TEXT, 0, "user", NULL, &settings->user, 0, 0, "NAME", "run as this user"},
        {OPTION_TEXT, 0, "group", NULL, &settings->group, 0, 0, "NAME",
         "run as this group"},
        {OPTION_FLAG, 0, "reload", NULL, &settings->reload, 0, 0, NULL,
         "restart the handlers when APP.so changes: for development"},
        {0},
    };
    const struct options options = {
        .program = "app-worker",
        .synopsis = "[options] APP.so [ARG ...]",
        .summary = "Take tasks from RabbitMQ and run the handlers of APP.so.",
        .rows = rows,
    };
    int app = options_parse(&options, argc, argv, &settings->broker);
    if (app >= argc)
        options_fail(&options, "APP.so is missing");
    settings->app_argc = argc - app;
    settings->app_argv = argv + app;
    set_defaults(settings, &options);
}

void settings_fini(struct settings *settings) {
    crew_broker_fini(&settings->broker);
}
