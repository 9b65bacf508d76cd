/* fcgi-bridge - a FastCGI responder whose responses come from workers behind a queue.
 *
 * Listens where a web server expects a FastCGI application, makes each request a task on
 * RabbitMQ, and responds with the worker's answer, or with an error of its own if there
 * is none. The manual is docs/fcgi-bridge.1.
 *
 * Exit status: 0 after a clean stop, 1 if it cannot start, 2 for a wrong command line. */
#include "base/xalloc.h"
#include "bridge.h"
#include "daemon/log.h"
#include "daemon/log_event.h"
#include "daemon/privileges.h"
#include "fcgi-bridge/fcgi/codec.h"
#include "listener.h"
#include "reload.h"
#include "settings.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <uv.h>

/* options_parse erases passwords from argv; a reload needs them. */
static char **copy_command(int argc, char **argv) {
    char **copy = xcalloc(1, ((size_t)argc + 1) * sizeof *copy);
    for (int i = 0; i < argc; i++)
        copy[i] = xstrdup(argv[i]);
    return copy;
}

static void free_command(char **command) {
    for (size_t i = 0; command[i] != NULL; i++)
        free(command[i]);
    free(command);
}

/* Each request holds a descriptor, also while it waits. */
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Undo what libfcgi has installed; the loop installs its own handlers later. */
static void reset_signals(void) {
    signal(SIGPIPE, SIG_IGN);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
}

/* INHERITED_FD: of the previous bridge, or -1. */
static bool open_listener(struct listener *listener, const struct settings *settings,
                          int inherited_fd) {
    char why[512] = "";
    enum listener_result result =
        inherited_fd >= 0
            ? listener_adopt(listener, settings, inherited_fd, why, sizeof why)
            : listener_open(listener, settings, why, sizeof why);
    if (result == LISTENER_BAD_ADDRESS)
        settings_fail(why);
    if (result != LISTENER_OK)
        log_error("%s", why);
    return result == LISTENER_OK;
}

static int serve(const struct settings *settings, struct listener *listener,
                 const struct crew_broker *broker, char **command, int ready_fd) {
    const struct crew_client_options options = {.name = "fcgi-bridge",
                                                .gzip_above_bytes =
                                                    settings->gzip_above_bytes,
                                                .max_batch = settings->max_batch,
                                                .on_event = log_event,
                                                .caller_driven_io = true};
    crew_client *client = NULL;
    int error = crew_client_new(broker, &options, &client);
    if (error != 0) {
        log_error("cannot start: %s", crew_strerror(error));
        return EXIT_FAILURE;
    }
    error = bridge_run(&(struct bridge_options){.settings = settings,
                                                .listener = listener,
                                                .broker = broker,
                                                .client = client,
                                                .command = command,
                                                .ready_fd = ready_fd});
    if (error != 0)
        log_error("cannot start: %s", uv_strerror(error));
    crew_client_free(client);
    return error != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Static: still reachable, not leaked, when the options end the program. */
static char **command;
static struct crew_broker broker;

int main(int argc, char **argv) {
    int inherited_fd = -1;
    int ready_fd = -1;
    bool reloaded = reload_inherited(&inherited_fd, &ready_fd);
    log_open("fcgi-bridge");
    command = copy_command(argc, argv);
    const struct settings *settings = settings_read(argc, argv, &broker);
    raise_descriptor_limit();
    if (codec_init() != 0) {
        log_error(
            "libfcgi does not use the bridge's I/O functions: it must be linked as a "
            "shared library");
        return EXIT_FAILURE;
    }
    reset_signals();

    struct listener listener;
    int status = EXIT_FAILURE;
    if (open_listener(&listener, settings, inherited_fd)) {
        char why[512] = "";
        /* The previous bridge has dropped its privileges already. */
        if (reloaded ||
            privileges_drop(settings->user, settings->group, why, sizeof why) == 0)
            status = serve(settings, &listener, &broker, command, ready_fd);
        else
            log_error("%s", why);
        listener_close(&listener, false);
    }
    codec_fini();
    crew_broker_fini(&broker);
    free_command(command);
    return status;
}
