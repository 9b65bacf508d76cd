/* What an app has registered: routes, tasks by name, and its state. */
#ifndef CREW_APP_APP_H
#define CREW_APP_APP_H

#include "app/hooks.h"
#include "app/router.h"
#include <crew/app.h>
#include <uthash.h>

struct app_task {
    UT_hash_handle hh; /* app->tasks, by name */
    char *name;
    crew_handler *handler;
};

struct crew_app {
    struct router router;
    struct app_task *tasks; /* in the order in which they were registered */
    struct hooks hooks;
    crew_error_page *error_page; /* null: errors are plain text */

    int (*setup)(crew_app *app, void **state);
    void (*teardown)(void *state);

    int argc;
    char *const *argv;

    /* The first registration that failed, for people; empty: none. An app with one cannot
     * be used, even if it did not look at what the registration returned. */
    int error;
    char complaint[256];
};

void app_init(struct crew_app *app, int argc, char *const *argv);
void app_fini(struct crew_app *app);

/* The handler of a task by name; null when there is none. */
crew_handler *app_task_handler(const struct crew_app *app, const char *name);

bool app_has_routes(const struct crew_app *app);

#endif
