/* crew/app.h - write request handlers.
 *
 * An app is a shared object. It registers its handlers in CREW_APP. app-worker calls
 * them, one request at a time in each handler process, so a handler may block, use static
 * variables and any library.
 *
 *     #include <crew/app.h>
 *
 *     static int hello(crew_request *request, crew_response *response) {
 *         return crew_response_text(response, "Hello, world\n");
 *     }
 *
 *     CREW_APP(app) {
 *         return crew_app_route(app, "GET", "/hello", hello);
 *     }
 *
 *     cc -shared -fPIC -o hello.so hello.c $(pkg-config --cflags --libs crew)
 *     app-worker ./hello.so
 *
 * A handler serves HTTP requests and plain calls. A plain call has a body and a content
 * type only; its method and path are empty strings.
 *
 * crew/request.h has what a handler reads, crew/response.h what it writes; this header
 * includes both.
 */
#ifndef CREW_APP_H
#define CREW_APP_H

#include <crew/request.h>
#include <crew/response.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crew_app crew_app;

/* A handler. Returns 0: the response is sent. CREW_EBADREQUEST: the caller gets status
 * 400 with the complaint of the function that has read the request. Another value: the
 * caller gets 500 `failed`, and the response is discarded. */
typedef int crew_handler(crew_request *request, crew_response *response);

/* ---- registration ---- */

/* These functions are called in CREW_APP, on its thread. Texts are copied. Nothing
 * blocks. */

/* CREW_APP(app) { ... return 0; } - the entry point of an app. It runs once in each
 * handler process, before any handler. If it returns another value, or if the
 * registration of a route, task or hook has failed, the app cannot be used; so results of
 * the registrations need not be checked. */
#define CREW_APP_ABI 1
#define CREW_APP(app)                                       \
    CREW_APP_SYMBOL CREW_API const unsigned crew_app_abi;   \
    const unsigned crew_app_abi = CREW_APP_ABI;             \
    CREW_APP_SYMBOL CREW_API int crew_app_init(crew_app *); \
    int crew_app_init(crew_app *app)
#ifdef __cplusplus
#define CREW_APP_SYMBOL extern "C"
#else
#define CREW_APP_SYMBOL extern
#endif

/* crew_app_route - serve METHODS and PATH of the worker's route task (app-worker --task).
 * METHODS is one method ("GET"), several with commas ("GET, POST"), or "*" for all. PATH
 * is a sequence of segments, each after a '/':
 *
 *     users    a literal; the last may be empty: "/users/" is not "/users"
 *     :id      one segment that is not empty, as in "/users/:id"
 *     *path    at the end: the rest of the path, one segment or more, of which the first
 *              is not empty
 *
 * Names consist of ASCII letters, digits and '_'; a path has at most 16. Their values are
 * read with crew_request_path_value. If several routes match, the most specific one that
 * has the method is used, in whatever order they were registered: segment by segment from
 * the left, a literal precedes ":id", and ":id" precedes "*path". With the same path, a
 * route for the method precedes one for "*".
 *
 * If the path has routes, but not for the method, the answer is 405 with Allow; 404 if it
 * has none. HEAD is served by the route for GET, OPTIONS with 204 and Allow. CREW_EEXIST:
 * there is a route for a method and this path already; names do not matter. CREW_EINVAL:
 * a method or the path is not valid. */
CREW_API int crew_app_route(crew_app *app, const char *methods, const char *path,
                            crew_handler *handler);

/* crew_app_task - serve the task NAME, with any method and path. CREW_EEXIST: NAME is
 * registered already. CREW_EINVAL: not a task name (1 to 200 bytes of UTF-8 without
 * control characters). An app with routes cannot have a task with the name of the route
 * task. */
CREW_API int crew_app_task(crew_app *app, const char *name, crew_handler *handler);

/* crew_app_before - run HOOK before the handlers of all requests whose path is PREFIX or
 * below it: "/admin" is for /admin and /admin/x, not for /administrator. "/" is for all
 * paths; "" for all requests, also for plain calls, which have no path. Only the path
 * counts, also for tasks by name. Hooks run in the order of registration, after the route
 * was found (crew_request_path_value), and also before 404, 405 and OPTIONS. HOOK is a
 * handler that may return one more value:
 *
 *     CREW_GO_ON   go on with the next hook, or the handler
 *     0            the response of HOOK is the answer; the handler does not run
 *     other        as for a handler: the answer is 400 (CREW_EBADREQUEST) or 500
 *
 * CREW_EINVAL: PREFIX is not a path, contains ':' or '*', or ends with '/'. */
enum { CREW_GO_ON = 1000 }; /* not a crew_error, nor -1 */
CREW_API int crew_app_before(crew_app *app, const char *prefix, crew_handler *hook);

/* crew_app_after - run HOOK after the handlers of all requests whose path is PREFIX or
 * below it, as for crew_app_before, in reverse order of registration. All of them run,
 * whatever the answer is: of a handler or a before-hook, 404, 405, 400, or an error
 * (crew_response_get_status returns 500 or 502). They may change the response; a response
 * that is discarded stays so. They do not run if the process has died or was killed, or
 * the request could not be read. */
typedef void crew_after(crew_request *request, crew_response *response);
CREW_API int crew_app_after(crew_app *app, const char *prefix, crew_after *hook);

/* crew_app_error_page - let PAGE write the body of errors that the app answers: 404, 405,
 * 400 for CREW_EBADREQUEST, and crew_response_error. STATUS is set already. TEXT is for
 * the client; "" if there is none. It may quote what the client has sent, so it must be
 * escaped. PAGE runs before the after-hooks, for all tasks. If it returns non-zero the
 * caller gets 500 `failed`. PAGE null, the default: errors are plain text. Errors that
 * the bridge answers (crew/error.h) do not use it. */
typedef int crew_error_page(crew_request *request, crew_response *response, int status,
                            const char *text);
CREW_API void crew_app_error_page(crew_app *app, crew_error_page *page);

/* crew_app_state - set up a state that handlers share, once per handler process. SETUP
 * sets *STATE (a database connection, a counter), which is crew_request_state for
 * handlers; if it returns non-zero the process ends. TEARDOWN (may be null) frees it when
 * the process ends normally. Both may block. */
CREW_API void crew_app_state(crew_app *app, int (*setup)(crew_app *app, void **state),
                             void (*teardown)(void *state));

/* crew_app_argc, crew_app_argv - the arguments of app-worker's command line from the path
 * of the app on, which is argv[0]. Valid until the process ends; also in SETUP. */
CREW_API int crew_app_argc(const crew_app *app);
CREW_API char *const *crew_app_argv(const crew_app *app);

#ifdef __cplusplus
}
#endif
#endif
