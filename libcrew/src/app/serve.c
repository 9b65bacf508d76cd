/* The route is looked up before the hooks run, so that they can read the values of the
 * path. A before-hook that does not return CREW_GO_ON replaces the handler. After-hooks
 * always run: when a handler or a before-hook has failed, the response is invalid, and
 * its status is that of the outcome. */
#include "app/serve.h"

#include <string.h>

struct serving {
    const struct crew_app *app;
    crew_request *request;
    crew_response *response;
    crew_handler *handler;     /* null: the app has none for this method and path */
    struct router_match match; /* of a request for the routes */
};

/* WHAT returned RESULT: the outcome is CREW_EFAILED. When the response is invalid
 * already, that is the better explanation, as the error is often a consequence of it. */
static void fail(struct serving *s, const char *what, int result) {
    if (response_is_invalid(s->response))
        return;
    crew_request_log(s->request, CREW_LOG_WARNING, "%s returned %d", what, result);
    response_fail(s->response);
}

/* If the response is an error, let the app write the page for it. */
static void show_error_page(struct serving *s) {
    crew_response *response = s->response;
    crew_error_page *error_page = app_error_page(s->app);
    struct buffer text;
    if (error_page == NULL || !response_take_error(response, &text))
        return;
    int result = error_page(s->request, response, crew_response_get_status(response),
                            text.len > 0 ? (const char *)text.data : "");
    if (result != CREW_OK)
        fail(s, "the error page", result);
    response_set_error_page(response);
    buffer_fini(&text);
}

/* The handler, or WHAT replaced it, has returned RESULT. */
static void finish_handler(struct serving *s, const char *what, int result) {
    if (response_is_cancelled(s->response))
        return;
    if (result == CREW_EBADREQUEST && !response_has_begun(s->response))
        crew_response_error(s->response, 400, crew_request_complaint(s->request));
    else if (result != CREW_OK)
        fail(s, what, result);
    show_error_page(s);
}

/* True: the handler is to be run. */
static bool run_before_hooks(struct serving *s) {
    const struct hooks *hooks = app_hooks(s->app);
    const char *path = crew_request_path(s->request);
    crew_handler *hook;
    for (size_t at = 0; (hook = hooks_next_before(hooks, path, &at)) != NULL;) {
        int result = hook(s->request, s->response);
        if (result == CREW_GO_ON && !response_is_invalid(s->response))
            continue;
        finish_handler(s, "a before-hook", result == CREW_GO_ON ? CREW_OK : result);
        return false;
    }
    return true;
}

static void run_after_hooks(struct serving *s) {
    const struct hooks *hooks = app_hooks(s->app);
    const char *path = crew_request_path(s->request);
    crew_after *hook;
    for (size_t at = 0; (hook = hooks_next_after(hooks, path, &at)) != NULL;) {
        hook(s->request, s->response);
        show_error_page(s);
    }
}

/* The path has routes, but not for this method (RFC 9110 §15.5.6); or OPTIONS. */
static int answer_allow(struct serving *s) {
    struct buffer allow = BUFFER_INIT;
    router_allow(app_router(s->app), crew_request_path(s->request),
                 request_path_bytes(s->request), &allow);
    int error = CREW_ENOMEM;
    if (!allow.failed)
        error = crew_response_header(s->response, "Allow", (const char *)allow.data);
    buffer_fini(&allow);
    if (error != CREW_OK)
        return error;
    if (strcmp(crew_request_method(s->request), "OPTIONS") == 0)
        return crew_response_status(s->response, 204);
    return crew_response_error(s->response, 405, NULL);
}

static void run_handler(struct serving *s) {
    if (s->handler != NULL)
        finish_handler(s, "the handler", s->handler(s->request, s->response));
    else if (s->match.path_known)
        finish_handler(s, "the router", answer_allow(s));
    else
        finish_handler(s, "the router", crew_response_error(s->response, 404, NULL));
}

static int find_route(struct serving *s) {
    crew_request *request = s->request;
    router_find(app_router(s->app), crew_request_method(request),
                crew_request_path(request), request_path_bytes(request), &s->match);
    if (s->match.route == NULL)
        return CREW_OK;
    s->handler = s->match.route->handler;
    return request_set_path_values(request, &s->match);
}

int serve(const struct crew_app *app, const char *route_task, crew_request *request,
          crew_response *response) {
    struct serving s = {.app = app, .request = request, .response = response};
    const char *task = crew_request_task(request);
    s.handler = app_task_handler(app, task);
    if (s.handler == NULL) {
        if (!app_has_routes(app) || strcmp(task, route_task) != 0) {
            crew_request_log(request, CREW_LOG_WARNING, "the app has no task %s", task);
            return CREW_ENOWORKERS;
        }
        if (find_route(&s) != CREW_OK)
            return CREW_EFAILED;
    }
    if (run_before_hooks(&s))
        run_handler(&s);
    run_after_hooks(&s);
    const char *reason = response_invalid_reason(response);
    if (reason[0] != '\0')
        crew_request_log(request, CREW_LOG_WARNING, "the response is not valid: %s",
                         reason);
    return response_outcome(response);
}
