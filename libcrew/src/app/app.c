/* Registration: what CREW_APP calls while it runs. */
#include "app/app.h"

#include "base/xalloc.h"
#include "wire/task_name.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void app_init(struct crew_app *app, int argc, char *const *argv) {
    *app = (struct crew_app){.argc = argc, .argv = argv};
}

void app_fini(struct crew_app *app) {
    router_fini(&app->router);
    hooks_fini(&app->hooks);
    struct app_task *task, *next;
    HASH_ITER (hh, app->tasks, task, next) {
        HASH_DEL(app->tasks, task);
        free(task->name);
        free(task);
    }
}

/* Note the first failure; pass every result on. */
static int noted(crew_app *app, int error, const char *what, const char *a,
                 const char *b) {
    if (error == CREW_OK || app->error != CREW_OK)
        return error;
    app->error = error;
    snprintf(app->complaint, sizeof app->complaint, "%s %s%s%s %s", what,
             a != NULL ? a : "(null)", b != NULL ? " " : "", b != NULL ? b : "",
             error == CREW_EEXIST ? "is there twice" : "is not acceptable");
    return error;
}

int crew_app_route(crew_app *app, const char *methods, const char *path,
                   crew_handler *handler) {
    return noted(app, router_add(&app->router, methods, path, handler), "route", methods,
                 path);
}

static int task_add(crew_app *app, const char *name, crew_handler *handler) {
    if (name == NULL || handler == NULL || !task_name_valid(name, strlen(name)))
        return CREW_EINVAL;
    if (app_task_handler(app, name) != NULL)
        return CREW_EEXIST;
    struct app_task *task = xcalloc(1, sizeof *task);
    task->name = xstrdup(name);
    task->handler = handler;
    HASH_ADD_KEYPTR(hh, app->tasks, task->name, strlen(task->name), task);
    return CREW_OK;
}

int crew_app_task(crew_app *app, const char *name, crew_handler *handler) {
    return noted(app, task_add(app, name, handler), "task", name, NULL);
}

crew_handler *app_task_handler(const struct crew_app *app, const char *name) {
    struct app_task *task;
    HASH_FIND_STR(app->tasks, name, task);
    return task != NULL ? task->handler : NULL;
}

int crew_app_before(crew_app *app, const char *prefix, crew_handler *hook) {
    return noted(app, hooks_add(&app->hooks, prefix, hook, NULL), "the hook before",
                 prefix, NULL);
}

int crew_app_after(crew_app *app, const char *prefix, crew_after *hook) {
    return noted(app, hooks_add(&app->hooks, prefix, NULL, hook), "the hook after",
                 prefix, NULL);
}

void crew_app_error_page(crew_app *app, crew_error_page *page) {
    app->error_page = page;
}

bool app_has_routes(const struct crew_app *app) {
    return app->router.count > 0;
}

void crew_app_state(crew_app *app, int (*setup)(crew_app *app, void **state),
                    void (*teardown)(void *state)) {
    app->setup = setup;
    app->teardown = teardown;
}

int crew_app_argc(const crew_app *app) {
    return app->argc;
}

char *const *crew_app_argv(const crew_app *app) {
    return app->argv;
}
