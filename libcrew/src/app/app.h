/* What an app has registered: routes, tasks, hooks, error page and state. */
#ifndef CREW_APP_APP_H
#define CREW_APP_APP_H

#include "app/hooks.h"
#include "app/router.h"
#include <crew/app.h>

/* All fields are app.c's. */
struct crew_app {
    struct router router;
    struct app_task *tasks; /* hash by name, in the order of registration */
    struct hooks hooks;
    crew_error_page *error_page; /* null: errors are plain text */

    int (*setup)(crew_app *app, void **state);
    void (*teardown)(void *state);

    int argc;
    char *const *argv;

    /* The first registration that failed. The app cannot be used then, even if it has
     * ignored the error. */
    int error;
    char complaint[256];
};

void app_init(struct crew_app *app, int argc, char *const *argv);
void app_fini(struct crew_app *app);

/* The error of the first registration that failed, and its description; 0: none. */
int app_registration_error(const struct crew_app *app, const char **complaint);

/* Run the app's set-up and return its result; 0 when there is none. */
int app_set_up(struct crew_app *app, void **state);
void app_tear_down(struct crew_app *app, void *state);

/* The handler of a task by name; null: there is none. */
crew_handler *app_task_handler(const struct crew_app *app, const char *name);

/* The names of all tasks, in the order of registration. The caller frees the array, which
 * has space for one more; the names are the app's. */
const char **app_task_names(const struct crew_app *app, size_t *count);

bool app_has_routes(const struct crew_app *app);
const struct router *app_router(const struct crew_app *app);
const struct hooks *app_hooks(const struct crew_app *app);
crew_error_page *app_error_page(const struct crew_app *app);

#endif
