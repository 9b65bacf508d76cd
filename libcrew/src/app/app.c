#include "app/app.h"

#include "base/xalloc.h"
#include "wire/task_name.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct app_task {
    UT_hash_handle hh;
    char *name;
    crew_handler *handler;
};

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

/* Keep the first error, and return ERROR. */
static int keep_error(crew_app *app, int error, const char *what, const char *a,
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
    return keep_error(app, router_add(&app->router, methods, path, handler), "route",
                      methods, path);
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
    return keep_error(app, task_add(app, name, handler), "task", name, NULL);
}

crew_handler *app_task_handler(const struct crew_app *app, const char *name) {
    struct app_task *task;
    HASH_FIND_STR(app->tasks, name, task);
    return task != NULL ? task->handler : NULL;
}

int crew_app_before(crew_app *app, const char *prefix, crew_handler *hook) {
    return keep_error(app, hooks_add(&app->hooks, prefix, hook, NULL), "the hook before",
                      prefix, NULL);
}

int crew_app_after(crew_app *app, const char *prefix, crew_after *hook) {
    return keep_error(app, hooks_add(&app->hooks, prefix, NULL, hook), "the hook after",
                      prefix, NULL);
}

void crew_app_error_page(crew_app *app, crew_error_page *page) {
    app->error_page = page;
}

const char **app_task_names(const struct crew_app *app, size_t *count) {
    const char **names = xreallocarray(NULL, HASH_COUNT(app->tasks) + 1, sizeof *names);
    *count = 0;
    for (const struct app_task *task = app->tasks; task != NULL; task = task->hh.next)
        names[(*count)++] = task->name;
    return names;
}

int app_registration_error(const struct crew_app *app, const char **complaint) {
    *complaint = app->complaint;
    return app->error;
}

int app_set_up(struct crew_app *app, void **state) {
    return app->setup != NULL ? app->setup(app, state) : 0;
}

void app_tear_down(struct crew_app *app, void *state) {
    if (app->teardown != NULL)
        app->teardown(state);
}

const struct router *app_router(const struct crew_app *app) {
    return &app->router;
}

const struct hooks *app_hooks(const struct crew_app *app) {
    return &app->hooks;
}

crew_error_page *app_error_page(const struct crew_app *app) {
    return app->error_page;
}

bool app_has_routes(const struct crew_app *app) {
    return router_has_routes(&app->router);
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
