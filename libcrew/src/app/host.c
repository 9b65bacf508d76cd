/* A host: an app, loaded and set up, that serves one request at a time.
 *
 * crew_host_run always makes an answer, whatever the task contains and whatever the
 * handler returns. The supervisor handles a handler that does not return or that ends the
 * process. */
#include "app/app.h"
#include "app/loader.h"
#include "app/request.h"
#include "app/response.h"
#include "app/serve.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include <crew/host.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct crew_host {
    struct loader loader;
    struct crew_app app;
    const char *route_task;
    const char **tasks;
    size_t task_count;
    bool is_set_up;

    struct host_context context;
    size_t max_response_bytes;
    struct crew_request request;
    struct crew_response response;
};

/* ---- new and free ---- */

__attribute__((format(printf, 4, 5))) static int
refuse(int error, char *why, size_t why_bytes, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(why, why_bytes, format, args);
    va_end(args);
    return error;
}

/* Run CREW_APP and check what it has registered. */
static int register_app(struct crew_host *host, const char *path, char *why,
                        size_t why_bytes) {
    int result = host->loader.init(&host->app);
    const char *complaint;
    int error = app_registration_error(&host->app, &complaint);
    if (error != CREW_OK)
        return refuse(error, why, why_bytes, "%s: %s", path, complaint);
    if (result != 0)
        return refuse(CREW_EFAILED, why, why_bytes, "%s: CREW_APP returned %d", path,
                      result);
    host->tasks = app_task_names(&host->app, &host->task_count);
    if (host->task_count == 0 && !app_has_routes(&host->app))
        return refuse(CREW_EINVAL, why, why_bytes, "%s has neither routes nor tasks",
                      path);
    if (app_has_routes(&host->app) &&
        app_task_handler(&host->app, host->route_task) != NULL)
        return refuse(CREW_EEXIST, why, why_bytes,
                      "%s: task %s is there twice: by its name, and as the task of the "
                      "app's routes",
                      path, host->route_task);
    return CREW_OK;
}

static int set_up(struct crew_host *host, const char *path, char *why, size_t why_bytes) {
    int result = app_set_up(&host->app, &host->context.state);
    if (result != 0)
        return refuse(CREW_EFAILED, why, why_bytes, "%s: its set-up returned %d", path,
                      result);
    host->is_set_up = true;
    return CREW_OK;
}

int crew_host_new(const struct crew_host_options *options, crew_host **out, char *why,
                  size_t why_bytes) {
    struct crew_host *host = xcalloc(1, sizeof *host);
    app_init(&host->app, options->argc, options->argv);
    host->route_task = options->route_task;
    host->max_response_bytes = options->max_response_bytes;
    host->context.uuid = options->uuid;
    host->context.node_uuid = options->node_uuid;
    host->context.port = options->port;

    int error = CREW_OK;
    if (options->init != NULL)
        host->loader.init = options->init;
    else
        error = loader_open(&host->loader, options->path, why, why_bytes);
    if (error == CREW_OK)
        error = register_app(host, options->path, why, why_bytes);
    if (error == CREW_OK)
        error = set_up(host, options->path, why, why_bytes);
    if (error != CREW_OK) {
        crew_host_free(host);
        return error;
    }
    if (app_has_routes(&host->app))
        host->tasks[host->task_count++] = host->route_task;
    *out = host;
    return CREW_OK;
}

const char *const *crew_host_tasks(const crew_host *host, size_t *count) {
    *count = host->task_count;
    return host->tasks;
}

void crew_host_free(crew_host *host) {
    if (host == NULL)
        return;
    if (host->is_set_up)
        app_tear_down(&host->app, host->context.state);
    request_fini(&host->request);
    response_fini(&host->response);
    app_fini(&host->app);
    loader_close(&host->loader);
    free(host->tasks);
    free(host);
}

/* ---- running ---- */

static int run(struct crew_host *host, const struct crew_task_view *task,
               uint32_t left_ms, struct crew_answer *answer) {
    int error = request_begin(&host->request, &host->context, task, left_ms);
    if (error != CREW_OK)
        return error == CREW_ENOMEM ? CREW_EFAILED : error;
    bool is_head = strcmp(crew_request_method(&host->request), "HEAD") == 0;
    const struct crew_host_port *port = &host->context.port;
    response_stream_to(&host->response, port,
                       task->form != CREW_HTTP || port->flush == NULL, is_head);
    error = serve(&host->app, host->route_task, &host->request, &host->response);
    if (error != CREW_OK)
        return error;
    response_answer(&host->response, task->form, is_head, answer);
    return answer->error;
}

void crew_host_run(crew_host *host, const struct crew_task_view *task, uint32_t left_ms,
                   struct crew_answer *answer) {
    uint64_t begin_us = clock_us();
    response_begin(&host->response, host->max_response_bytes);
    int error = run(host, task, left_ms, answer);
    if (error != CREW_OK)
        *answer =
            (struct crew_answer){.error = error, .status = crew_error_status(error)};
    answer->run_us = clock_us() - begin_us + 1; /* 0 would mean unknown */
    request_end(&host->request);
}
