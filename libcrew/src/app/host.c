/* A host: an app, loaded and set up, and its requests one after the other.
 *
 * Guarantees: crew_host_run always gives an answer, whatever the task holds and whatever
 * the handler returns. A handler that does not return, or takes the process along, is its
 * supervisor's business.
 */
#include "app/app.h"
#include "app/loader.h"
#include "app/request.h"
#include "app/response.h"
#include "base/clock.h"
#include "base/memory.h"
#include "wire/http.h"
#include <crew/host.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOG_LINE_BYTES = 512 };

struct crew_host {
    struct loader loader;
    struct crew_app app;
    const char *route_task;
    const char **tasks;
    size_t task_count;
    bool is_set_up;

    struct request_context context;
    size_t max_response_bytes;
    struct crew_request request;
    struct crew_response response;
};

/* ---- making ---- */

__attribute__((format(printf, 4, 5))) static int
refuse(int error, char *why, size_t why_bytes, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(why, why_bytes, format, args);
    va_end(args);
    return error;
}

static bool has_routes(const struct crew_host *host) {
    return host->app.router.count > 0;
}

/* Run CREW_APP, and see whether what it registered can be served. */
static int register_app(struct crew_host *host, const char *path, char *why,
                        size_t why_bytes) {
    int result = host->loader.init(&host->app);
    if (host->app.error != CREW_OK)
        return refuse(host->app.error, why, why_bytes, "%s: %s", path,
                      host->app.complaint);
    if (result != 0)
        return refuse(CREW_EFAILED, why, why_bytes, "%s: CREW_APP returned %d", path,
                      result);
    if (host->app.task_count == 0 && !has_routes(host))
        return refuse(CREW_EINVAL, why, why_bytes, "%s has neither routes nor tasks",
                      path);
    if (has_routes(host) && app_task_handler(&host->app, host->route_task) != NULL)
        return refuse(CREW_EEXIST, why, why_bytes,
                      "%s: task %s is there twice: by its name, and as the task of the "
                      "app's routes",
                      path, host->route_task);
    return CREW_OK;
}

static void list_tasks(struct crew_host *host) {
    host->tasks = memory_resize(NULL, host->app.task_count + 1, sizeof *host->tasks);
    for (size_t i = 0; i < host->app.task_count; i++)
        host->tasks[host->task_count++] = host->app.tasks[i].name;
    if (has_routes(host))
        host->tasks[host->task_count++] = host->route_task;
}

static int set_up(struct crew_host *host, const char *path, char *why, size_t why_bytes) {
    if (host->app.setup != NULL) {
        int result = host->app.setup(&host->app, &host->context.state);
        if (result != 0)
            return refuse(CREW_EFAILED, why, why_bytes, "%s: its set-up returned %d",
                          path, result);
    }
    host->is_set_up = true;
    return CREW_OK;
}

int crew_host_new(const struct crew_host_options *options, crew_host **made, char *why,
                  size_t why_bytes) {
    struct crew_host *host = memory_zeroed(sizeof *host);
    app_init(&host->app, options->argc, options->argv);
    host->route_task = options->route_task;
    host->max_response_bytes = options->max_response_bytes;
    host->context.uuid = options->uuid;
    host->context.node_uuid = options->node_uuid;
    host->context.port = options->port;

    int error = loader_open(&host->loader, options->path, why, why_bytes);
    if (error == CREW_OK)
        error = register_app(host, options->path, why, why_bytes);
    if (error == CREW_OK)
        error = set_up(host, options->path, why, why_bytes);
    if (error != CREW_OK) {
        crew_host_free(host);
        return error;
    }
    list_tasks(host);
    *made = host;
    return CREW_OK;
}

const char *const *crew_host_tasks(const crew_host *host, size_t *count) {
    *count = host->task_count;
    return host->tasks;
}

void crew_host_free(crew_host *host) {
    if (host == NULL)
        return;
    if (host->is_set_up && host->app.teardown != NULL)
        host->app.teardown(host->context.state);
    request_fini(&host->request);
    response_fini(&host->response);
    app_fini(&host->app);
    loader_close(&host->loader);
    free(host->tasks);
    free(host);
}

/* ---- running ---- */

/* What the app's author wants to know, and the caller must not. */
__attribute__((format(printf, 2, 3))) static void tell(struct crew_host *host,
                                                       const char *format, ...) {
    char text[LOG_LINE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const struct crew_host_port *port = &host->context.port;
    port->log(port->arg, CREW_LOG_WARNING, host->request.id, text);
}

static int answer_not_found(crew_response *response) {
    crew_response_status(response, 404);
    return crew_response_text(response, "404 Not Found\n");
}

/* The path is there, the method is not (RFC 9110 §15.5.6). OPTIONS asks just for that. */
static int answer_allow(crew_response *response, struct router_path path,
                        const char *method) {
    struct buffer allow = BUFFER_INIT;
    router_allow(path, &allow);
    int error = CREW_ENOMEM;
    if (!allow.failed)
        error = crew_response_header(response, "Allow", (const char *)allow.data);
    buffer_fini(&allow);
    if (error != CREW_OK)
        return error;
    if (strcmp(method, "OPTIONS") == 0)
        return crew_response_status(response, 204);
    crew_response_status(response, 405);
    return crew_response_text(response, "405 Method Not Allowed\n");
}

static int run_route(struct crew_host *host) {
    struct crew_request *request = &host->request;
    struct router_path path =
        router_find(&host->app.router, request->path, request->path_bytes);
    if (path.count == 0)
        return answer_not_found(&host->response);
    crew_handler *handler = router_handler(path, request->method);
    if (handler == NULL)
        return answer_allow(&host->response, path, request->method);
    return handler(request, &host->response);
}

/* How the call ends: 0, or an outcome. */
static int run_task(struct crew_host *host, const char *task) {
    crew_handler *handler = app_task_handler(&host->app, task);
    int result;
    if (handler != NULL) {
        result = handler(&host->request, &host->response);
    } else if (has_routes(host) && strcmp(task, host->route_task) == 0) {
        result = run_route(host);
    } else {
        tell(host, "the app has no task %s", task);
        return CREW_ENOWORKERS;
    }
    if (host->response.stream.error != CREW_OK)
        return host->response.stream.error; /* nobody waits for more, whatever it was */
    /* An invalid response is the better explanation: what made it invalid returned an
     * error, too, which the handler may just have passed on. */
    if (host->response.error != CREW_OK) {
        tell(host, "the response is not valid: %s", host->response.why);
        return host->response.error;
    }
    if (result != 0) {
        tell(host, "the handler returned %d", result);
        return CREW_EFAILED;
    }
    return CREW_OK;
}

static int run(struct crew_host *host, const struct crew_task_view *task,
               uint32_t left_ms, struct crew_answer *answer) {
    int error = request_begin(&host->request, &host->context, task, left_ms);
    if (error != CREW_OK)
        return error == CREW_ENOMEM ? CREW_EFAILED : error;
    bool head = strcmp(host->request.method, "HEAD") == 0;
    const struct crew_host_port *port = &host->context.port;
    response_stream_to(&host->response, port,
                       task->form != CREW_HTTP || port->flush == NULL, head);
    error = run_task(host, task->task);
    if (error != CREW_OK)
        return error;
    response_answer(&host->response, task->form, head, answer);
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
