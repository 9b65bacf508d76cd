/* app-worker: takes tasks from RabbitMQ and runs an app's handlers, each in a process of
 * its own that may crash, hang or leak at nobody else's cost.
 *
 * The same program is executed anew for each handler process.
 *
 * Exit status: 0 after a clean stop, 1 when it could not start (the app cannot be loaded,
 * no such user), 2 for a bad option.
 */
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
