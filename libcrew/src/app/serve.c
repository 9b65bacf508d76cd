/* A request's way through an app.
 *
 * The route is looked for first, so that hooks see the values of its path. A before-hook
 * that does not go on takes the handler's place. The after-hooks run whatever has
 * happened: what returned an error has made the response invalid by then, and its status
 * is that of the outcome.
 */
#include "app/serve.h"

#include <string.h>

struct serving {
    const struct crew_app *app;
    crew_request *request;
    crew_response *response;
    crew_handler *handler;     /* null: the app has none for this method and path */
    struct router_match match; /* of a request for the routes */
};

/* The caller's answer becomes that of a failed handler. An invalid response is the better
 * explanation: what made it invalid returned an error, too, which may just have been
 * passed on. */
static void fail(struct serving *s, const char *who, int result) {
    if (s->response->error != CREW_OK)
        return;
    crew_request_log(s->request, CREW_LOG_WARNING, "%s returned %d", who, result);
    response_fail(s->response);
}

/* If an error was answered, let the app write the page for it. */
static void show_error_page(struct serving *s) {
    crew_response *response = s->response;
    if (!response->is_error || s->app->error_page == NULL || response->error != CREW_OK)
        return;
    struct buffer text = response->error_text; /* the page may answer another error */
    response->error_text = BUFFER_INIT;
    response_forget_body(response);
    int result = s->app->error_page(s->request, response, response->status,
                                    text.len > 0 ? (const char *)text.data : "");
    if (result != CREW_OK)
        fail(s, "the error page", result);
    response->is_error = false;
    buffer_fini(&text);
}

/* What became of the handler, or of what took its place. */
static void settle(struct serving *s, const char *who, int result) {
    const struct response_stream *stream = &s->response->stream;
    if (stream->error != CREW_OK)
        return; /* nobody waits for it any more */
    if (result == CREW_EBADREQUEST && !stream->begun)
        crew_response_error(s->response, 400, crew_request_complaint(s->request));
    else if (result != CREW_OK)
        fail(s, who, result);
    show_error_page(s);
}

/* Whether the handler is to be run. */
static bool run_before(struct serving *s) {
    const struct hooks *hooks = &s->app->hooks;
    for (size_t i = 0; i < hooks->count; i++) {
        const struct hook *hook = &hooks->list[i];
        if (hook->before == NULL || !hook_covers(hook, s->request->path))
            continue;
        int result = hook->before(s->request, s->response);
        if (result == CREW_GO_ON && s->response->error == CREW_OK)
            continue;
        settle(s, "a before-hook", result == CREW_GO_ON ? CREW_OK : result);
        return false;
    }
    return true;
}

static void run_after(struct serving *s) {
    const struct hooks *hooks = &s->app->hooks;
    for (size_t i = hooks->count; i-- > 0;) {
        const struct hook *hook = &hooks->list[i];
        if (hook->after == NULL || !hook_covers(hook, s->request->path))
            continue;
        hook->after(s->request, s->response);
        show_error_page(s);
    }
}

/* The path is there, the method is not (RFC 9110 §15.5.6). OPTIONS asks just for that. */
static int answer_allow(struct serving *s) {
    struct buffer allow = BUFFER_INIT;
    router_allow(&s->app->router, s->request->path, s->request->path_bytes, &allow);
    int error = CREW_ENOMEM;
    if (!allow.failed)
        error = crew_response_header(s->response, "Allow", (const char *)allow.data);
    buffer_fini(&allow);
    if (error != CREW_OK)
        return error;
    if (strcmp(s->request->method, "OPTIONS") == 0)
        return crew_response_status(s->response, 204);
    return crew_response_error(s->response, 405, NULL);
}

static void run_handler(struct serving *s) {
    if (s->handler != NULL)
        settle(s, "the handler", s->handler(s->request, s->response));
    else if (s->match.path_known)
        settle(s, "the router", answer_allow(s));
    else
        settle(s, "the router", crew_response_error(s->response, 404, NULL));
}

static int find_route(struct serving *s) {
    crew_request *request = s->request;
    router_find(&s->app->router, request->method, request->path, request->path_bytes,
                &s->match);
    if (s->match.route == NULL)
        return CREW_OK;
    s->handler = s->match.route->handler;
    return path_values_set(&request->path_values, request->path, request->path_bytes,
                           &s->match);
}

int serve(const struct crew_app *app, const char *route_task, crew_request *request,
          crew_response *response) {
    struct serving s = {.app = app, .request = request, .response = response};
    s.handler = app_task_handler(app, request->task);
    if (s.handler == NULL) {
        if (!app_has_routes(app) || strcmp(request->task, route_task) != 0) {
            crew_request_log(request, CREW_LOG_WARNING, "the app has no task %s",
                             request->task);
            return CREW_ENOWORKERS;
        }
        if (find_route(&s) != CREW_OK)
            return CREW_EFAILED;
    }
    if (run_before(&s))
        run_handler(&s);
    run_after(&s);
    if (response->why[0] != '\0')
        crew_request_log(request, CREW_LOG_WARNING, "the response is not valid: %s",
                         response->why);
    return response->stream.error != CREW_OK ? response->stream.error : response->error;
}
