/* app-worker: takes tasks from RabbitMQ and runs the handlers of an app, each in a
 * process of its own: one that crashes, hangs or leaks affects its own request only.
 *
 * The program executes itself for each handler process (supervisor/spawn.h): that one
 * runs child_main, with the rights that the supervisor has dropped to.
 *
 * Exit status: 0 after a clean stop, 1 when it could not start (the app cannot be loaded,
 * no such user), 2 for a bad option. */
#include "app-worker/child/child_main.h"
#include "app-worker/supervisor/spawn.h"
#include "app-worker/supervisor/supervisor.h"
#include "daemon/log.h"
#include "daemon/privileges.h"
#include "settings.h"
#include <signal.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    if (spawn_is_child(argc, argv))
        return child_main();

    struct settings settings;
    log_open("app-worker");
    settings_parse(&settings, argc, argv);
    signal(SIGPIPE, SIG_IGN);

    char why[256];
    if (privileges_drop(settings.user, settings.group, why, sizeof why) != 0) {
        log_error("%s", why);
        return EXIT_FAILURE;
    }
    int status = supervisor_run(&settings);
    settings_fini(&settings);
    return status;
}
