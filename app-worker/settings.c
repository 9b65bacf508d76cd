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
        {.kind = OPTION_UNSIGNED,
         .name = "processes",
         .alias = "forks",
         .value = &settings->processes,
         .min = 1,
         .max = MAX_PROCESSES,
         .argument = "N",
         .help = "handler processes (default: the number of CPUs)"},
        {.kind = OPTION_UNSIGNED,
         .name = "max-processes",
         .value = &settings->max_processes,
         .min = 1,
         .max = MAX_PROCESSES,
         .argument = "N",
         .help = "with the spares for handlers that wait for a call (4 x processes)"},
        {.kind = OPTION_TEXT,
         .name = "task",
         .value = &settings->route_task,
         .argument = "NAME",
         .help = "task behind which the app's routes live (http)"},
        {.kind = OPTION_SECONDS,
         .name = "timeout",
         .value = &settings->timeout_ms,
         .min = 1,
         .max = LIMIT_EXPIRATION_MS,
         .argument = "SECONDS",
         .help = "a handler's longest run (60)"},
        {.kind = OPTION_SECONDS,
         .name = "grace",
         .value = &settings->grace_ms,
         .min = 0,
         .max = LIMIT_EXPIRATION_MS,
         .argument = "SECONDS",
         .help = "between telling a handler to stop and killing it (1)"},
        {.kind = OPTION_UNSIGNED,
         .name = "prefetch",
         .value = &settings->prefetch,
         .min = 1,
         .max = UINT16_MAX,
         .argument = "N",
         .help = "messages held at a time, over all queues (processes; more while "
                 "handlers are short)"},
        {.kind = OPTION_UNSIGNED,
         .name = "max-requests",
         .value = &settings->max_requests,
         .min = 1,
         .max = INT32_MAX,
         .argument = "N",
         .help = "replace a handler process after about N requests (never)"},
        {.kind = OPTION_BYTES,
         .name = "max-memory",
         .value = &settings->max_memory_bytes,
         .min = 1u << 20,
         .max = SIZE_MAX,
         .argument = "BYTES",
         .help = "memory of a handler process (no limit)"},
        {.kind = OPTION_BYTES,
         .name = "max-response",
         .value = &settings->max_response_bytes,
         .min = 1,
         .max = LIMIT_MESSAGE_BYTES,
         .argument = "BYTES",
         .help = "largest body of a response (16M)"},
        {.kind = OPTION_TEXT,
         .name = "user",
         .value = &settings->user,
         .argument = "NAME",
         .help = "run as this user"},
        {.kind = OPTION_TEXT,
         .name = "group",
         .value = &settings->group,
         .argument = "NAME",
         .help = "run as this group"},
        {.kind = OPTION_FLAG,
         .name = "reload",
         .value = &settings->reload,
         .help = "restart the handlers when APP.so changes: for development"},
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
