/* fcgi-bridge - a FastCGI responder whose answers come from workers behind a queue.
 *
 * Listens where a web server expects a FastCGI application, makes each request a task on
 * RabbitMQ, and answers with what the worker sends, or says in its own words why there is
 * none. The manual is docs/fcgi-bridge.1.
 *
 * Exit status: 0 after a clean stop, 1 when it cannot start, 2 for a wrong command line.
 */
#include "base/xalloc.h"
#include "bridge.h"
#include "daemon/log.h"
#include "daemon/options.h"
#include "daemon/privileges.h"
#include "fcgi-bridge/fcgi/codec.h"
#include "wire/limits.h"
#include "wire/task_name.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

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
     "unix:PATH, HOST:PORT or fd:N (default: what systemd or the parent left open)"},
    {OPTION_OCTAL, 0, "socket-mode", NULL, &settings.socket_mode, 0, 0777, "MODE",
     "rights on the socket file (0660)"},
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
     "requests in hand at a time (10000)"},
    {OPTION_UNSIGNED, 0, "max-parked", NULL, &settings.max_parked, 1, 10000000, "N",
     "subscribers at a time (50000)"},
    {OPTION_BYTES, 0, "history-bytes", NULL, &settings.history_bytes, 1, 1ul << 40,
     "BYTES", "of what was published, kept in memory for subscribers (64M)"},
    {OPTION_SECONDS, 0, "history-age", NULL, &settings.history_age_ms, 1000, 2592000000,
     "SECONDS", "the same, by age (3600)"},
    {OPTION_BYTES, 0, "max-buffered", NULL, &settings.max_buffered_bytes, 1, 1ul << 40,
     "BYTES", "memory for what requests bring and what they have not yet sent (256M)"},
    {OPTION_BYTES, 0, "gzip-above", NULL, &settings.gzip_above_bytes, 0, 1ul << 40,
     "BYTES",
     "compress larger bodies on their way to the worker, where it helps; 0: never (32K)"},
    {OPTION_UNSIGNED, 0, "max-batch", NULL, &settings.max_batch, 1, 256, "N",
     "requests in one message, when handlers are fast (32)"},
    {OPTION_SECONDS, 0, "stop-timeout", NULL, &settings.stop_timeout_ms, 0, 3600000,
     "SECONDS", "for requests in hand when told to stop (30)"},
    {0},
};

static const struct options options = {
    .program = "fcgi-bridge",
    .synopsis = "[options]",
    .summary = "FastCGI responder whose answers come from workers behind RabbitMQ.",
    .rows = rows,
};

/* A copy, because the options wipe a password out of the original. */
static char **copy_command(int argc, char **argv) {
    char **copy = xcalloc(1, ((size_t)argc + 1) * sizeof *copy);
    for (int i = 0; i < argc; i++)
        copy[i] = xstrdup(argv[i]);
    return copy;
}

static void free_command(char **words) {
    for (size_t i = 0; words[i]; i++)
        free(words[i]);
    free(words);
}

static void read_options(int argc, char **argv, struct crew_broker *broker) {
    int end = options_parse(&options, argc, argv, broker);
    if (end < argc)
        options_fail(&options, "unexpected argument: %s", argv[end]);
    if (!task_name_valid(settings.task, strlen(settings.task)))
        options_fail(&options, "--task: not a task name");
}

/* Each request in hand holds a descriptor, and so does each that is parked. */
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* libfcgi has set handlers of its own; the loop sets those it wants later. */
static void quiet_signals(void) {
    signal(SIGPIPE, SIG_IGN);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
}

static bool open_listener(struct listener *listener, bool takes_over, int inherited_fd) {
    char why[512] = "";
    enum listener_result result =
        takes_over ? listener_adopt(listener, &settings, inherited_fd, why, sizeof why)
                   : listener_open(listener, &settings, why, sizeof why);
    if (result == LISTENER_BAD_ADDRESS)
        options_fail(&options, "%s", why);
    if (result != LISTENER_OK) {
        log_error("%s", why);
        return false;
    }
    /* The bridge before this one has given up its rights already. */
    if (!takes_over &&
        privileges_drop(settings.user, settings.group, why, sizeof why) != 0) {
        log_error("%s", why);
        listener_close(listener, false);
        return false;
    }
    return true;
}

static int serve(struct listener *listener, struct crew_broker *broker, char **command,
                 int ready_fd) {
    const struct crew_client_options how = {.name = "fcgi-bridge",
                                            .gzip_above_bytes = settings.gzip_above_bytes,
                                            .max_batch = settings.max_batch,
                                            .on_event = log_crew_event,
                                            .caller_driven_io = true};
    crew_client *client = NULL;
    struct bridge bridge;
    int error = crew_client_new(broker, &how, &client);
    if (error) {
        log_error("cannot start: %s", crew_strerror(error));
        return EXIT_FAILURE;
    }
    error = bridge_init(&bridge, &settings, listener, broker, client, command, ready_fd);
    if (error) {
        log_error("cannot start: %s", uv_strerror(error));
    } else {
        bridge_run(&bridge);
        bridge_fini(&bridge);
    }
    crew_client_free(client);
    return error ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Static, so that they are somebody's when the options end the program. */
static char **command;
static struct crew_broker broker;

int main(int argc, char **argv) {
    int inherited_fd = -1;
    int ready_fd = -1;
    bool takes_over = reload_inherited(&inherited_fd, &ready_fd);
    log_open("fcgi-bridge");
    command = copy_command(argc, argv);
    read_options(argc, argv, &broker);
    raise_descriptor_limit();
    if (codec_init() != 0) {
        log_error("libfcgi does not work over memory; is it the shared library?");
        return EXIT_FAILURE;
    }
    quiet_signals();
    struct listener listener;
    int status = EXIT_FAILURE;
    if (open_listener(&listener, takes_over, inherited_fd)) {
        status = serve(&listener, &broker, command, ready_fd);
        listener_close(&listener, false);
    }
    codec_fini();
    crew_broker_fini(&broker);
    free_command(command);
    return status;
}
