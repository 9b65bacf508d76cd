#include "settings.h"

#include "daemon/options.h"
#include "wire/limits.h"
#include "wire/task_name.h"
#include <string.h>

static struct settings settings = {
    .socket_mode = 0660,
    .backlog = 4096,
    .task = "http",
    .expiration_ms = 30000,
    .max_body_bytes = 16u << 20,
    .max_inflight = 10000,
    .max_parked = 50000,
    .max_buffered_bytes = 256u << 20,
    .gzip_above_bytes = 32768,
    .max_batch = 32,
    .history_bytes = 64u << 20,
    .history_age_ms = 3600000,
    .stop_timeout_ms = 30000,
};

static const struct option_row rows[] = {
    {OPTION_HEADING, 0, NULL, NULL, NULL, 0, 0, NULL, "Listening:"},
    {OPTION_TEXT, 0, "listen", NULL, &settings.listen, 0, 0, "ADDRESS",
     "unix:PATH, HOST:PORT or fd:N (default: the socket inherited from systemd or the "
     "parent)"},
    {OPTION_OCTAL, 0, "socket-mode", NULL, &settings.socket_mode, 0, 0777, "MODE",
     "permissions of the socket file (0660)"},
    {OPTION_TEXT, 0, "socket-owner", NULL, &settings.socket_owner, 0, 0, "USER",
     "owner of the socket file"},
    {OPTION_TEXT, 0, "socket-group", NULL, &settings.socket_group, 0, 0, "GROUP",
     "group of the socket file"},
    {OPTION_UNSIGNED, 0, "backlog", NULL, &settings.backlog, 1, 65535, "N",
     "connections that may wait to be accepted (4096)"},
    {OPTION_TEXT, 0, "user", NULL, &settings.user, 0, 0, "USER", "run as this user"},
    {OPTION_TEXT, 0, "group", NULL, &settings.group, 0, 0, "GROUP", "and this group"},
    {OPTION_HEADING, 0, NULL, NULL, NULL, 0, 0, NULL, "Requests:"},
    {OPTION_TEXT, 0, "task", NULL, &settings.task, 0, 0, "NAME",
     "task where a location sets no CREW_TASK (http)"},
    {OPTION_SECONDS, 0, "expiration", NULL, &settings.expiration_ms, 1,
     LIMIT_EXPIRATION_MS, "SECONDS",
     "queue and execution together, where a location sets no CREW_EXPIRATION (30)"},
    {OPTION_BYTES, 0, "max-body", NULL, &settings.max_body_bytes, 0, 1ul << 40, "BYTES",
     "largest request body (16M)"},
    {OPTION_UNSIGNED, 0, "max-inflight", NULL, &settings.max_inflight, 1, 10000000, "N",
     "requests in progress at a time (10000)"},
    {OPTION_UNSIGNED, 0, "max-parked", NULL, &settings.max_parked, 1, 10000000, "N",
     "waiting subscribers at a time (50000)"},
    {OPTION_BYTES, 0, "history-bytes", NULL, &settings.history_bytes, 1, 1ul << 40,
     "BYTES", "of published messages, kept in memory for subscribers (64M)"},
    {OPTION_SECONDS, 0, "history-age", NULL, &settings.history_age_ms, 1000, 2592000000,
     "SECONDS", "the same, by age (3600)"},
    {OPTION_BYTES, 0, "max-buffered", NULL, &settings.max_buffered_bytes, 1, 1ul << 40,
     "BYTES", "memory for received requests and unsent responses (256M)"},
    {OPTION_BYTES, 0, "gzip-above", NULL, &settings.gzip_above_bytes, 0, 1ul << 40,
     "BYTES", "compress larger request bodies, where it helps; 0: never (32K)"},
    {OPTION_UNSIGNED, 0, "max-batch", NULL, &settings.max_batch, 1, 256, "N",
     "requests in one message, when handlers are fast (32)"},
    {OPTION_SECONDS, 0, "stop-timeout", NULL, &settings.stop_timeout_ms, 0, 3600000,
     "SECONDS", "for requests in progress after a signal to stop (30)"},
    {0},
};

static const struct options options = {
    .program = "fcgi-bridge",
    .synopsis = "[options]",
    .summary = "FastCGI responder whose responses come from workers behind RabbitMQ.",
    .rows = rows,
};

const struct settings *settings_read(int argc, char **argv, struct crew_broker *broker) {
    int end = options_parse(&options, argc, argv, broker);
    if (end < argc)
        options_fail(&options, "unexpected argument: %s", argv[end]);
    if (!task_name_valid(settings.task, strlen(settings.task)))
        options_fail(&options, "--task: not a task name");
    return &settings;
}

void settings_fail(const char *why) {
    options_fail(&options, "%s", why);
}
