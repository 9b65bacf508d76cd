/* crew/app.h - write request handlers.
 *
 * An app is a shared object. It names its handlers in CREW_APP, and app-worker calls them,
 * one request at a time in each handler process, so a handler may block, keep static
 * variables and use any library.
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
 * One kind of handler serves HTTP requests and plain calls alike. A plain call is a request
 * that has a body and a content type only; its method and path are empty strings.
 *
 * What a handler reads is in crew/request.h, what it writes in crew/response.h; this header
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

/* A handler. 0: the response is sent. CREW_EBADREQUEST: the caller is answered 400 with the
 * complaint of the function that read the request. Anything else: the caller gets 500
 * `failed` and the response is thrown away. */
typedef int crew_handler(crew_request *request, crew_response *response);

/* ---- what an app consists of ---- */

/* All of this is for CREW_APP, on its thread. Texts are copied, and nothing blocks. */

/* CREW_APP(app) { ... return 0; } - the one entry point of an app. It runs once in each
 * handler process, before any handler. Non-zero: the app cannot be used. Nor can it when a
 * route or task could not be registered, so what those return may be left unread. */
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
 * METHODS is one ("GET"), several with commas between ("GET, POST"), or "*" for any. PATH
 * is a list of segments, each behind a '/':
 *
 *     users    these bytes. The last may be empty: "/users/" is another path than "/users"
 *     :id      any one segment that is not empty, as in "/users/:id"
 *     *path    as the last: all that is left, one segment or more, of which the first is
 *              not empty
 *
 * crew_request_path_value gives what the names stood for. They consist of ASCII letters,
 * digits and '_', at most 16 to a path. Where several routes fit, the most specific one
 * that has the method serves, whatever the order of registration: segment by segment from
 * the left, bytes come before ":id", and that before "*path". With the same path a method's
 * own route comes before that for "*".
 *
 * A path without this method is answered 405 with Allow, an unknown path 404, HEAD by the
 * route for GET, OPTIONS with 204 and Allow. CREW_EEXIST: there is a route for this method
 * and path already, be it with other names. CREW_EINVAL: not a method, not a path. */
CREW_API int crew_app_route(crew_app *app, const char *methods, const char *path,
                            crew_handler *handler);

/* crew_app_task - serve the task NAME, whatever the method and path. CREW_EEXIST: this name
 * is there already. CREW_EINVAL: not a task name (1 to 200 bytes of UTF-8, no control
 * characters). An app with routes cannot have a task with the name of the route task. */
CREW_API int crew_app_task(crew_app *app, const char *name, crew_handler *handler);

/* crew_app_before - run HOOK before the handlers of all requests whose path is PREFIX or
 * below it: "/admin" is for /admin and /admin/x, not for /administrator. "/" is for every
 * path, "" for the whole app: also for plain calls, which have no path. Only the path
 * counts, so a request for a task by name has the hooks of its path, too. They run in the
 * order of registration, when the route is known (crew_request_path_value), also before
 * 404, 405 and OPTIONS. HOOK is a handler that may return one value more:
 *
 *     CREW_GO_ON   the next hook, and at last the handler
 *     0            answered: what HOOK wrote is the answer; neither later hooks nor the
 *                  handler run
 *     other        as for a handler: the answer is 400 (CREW_EBADREQUEST) or 500
 *
 * CREW_EINVAL: not a path, one with ':' or '*', or one that ends with '/'. */
enum { CREW_GO_ON = 1000 }; /* none of enum crew_error, nor -1 */
CREW_API int crew_app_before(crew_app *app, const char *prefix, crew_handler *hook);

/* crew_app_after - run HOOK after the handlers of all requests whose path is PREFIX or below
 * it, as for crew_app_before; the one that was registered last comes first. All of them
 * run, whatever the request has come to: an answer of a handler or a before-hook, 404, 405,
 * 400, an error (crew_response_get_status says 500 or 502). They may add to the response
 * or make it another one; to one that is thrown away they add nothing. They do not run
 * when the process died or was killed, or the request could not be read. */
typedef void crew_after(crew_request *request, crew_response *response);
CREW_API int crew_app_after(crew_app *app, const char *prefix, crew_after *hook);

/* crew_app_error_page - let PAGE write the body of every error that the app answers: 404,
 * 405, 400 for CREW_EBADREQUEST, and crew_response_error. STATUS is set already; TEXT is
 * for the client and may quote what the client sent, so it must be escaped; "" when there
 * is none. PAGE runs before the hooks after the handler, for all tasks. If it returns
 * non-zero the caller gets 500 `failed`. Without a PAGE (null) errors are plain text. The
 * outcomes that the bridge answers (crew/error.h) have no page here. */
typedef int crew_error_page(crew_request *request, crew_response *response, int status,
                            const char *text);
CREW_API void crew_app_error_page(crew_app *app, crew_error_page *page);

/* crew_app_state - set up what handlers share, once per handler process: SETUP gives
 * *STATE (a database connection, a counter), TEARDOWN (may be null) frees it when the
 * process ends in peace. A SETUP that returns non-zero ends the process. Both may block.
 * What is set up is crew_request_state for the handlers. */
CREW_API void crew_app_state(crew_app *app, int (*setup)(crew_app *app, void **state),
                             void (*teardown)(void *state));

/* crew_app_argc, crew_app_argv - the arguments on app-worker's command line, from the path
 * of the app on, which is argv[0]. They live as long as the process. Also for the set-up. */
CREW_API int crew_app_argc(const crew_app *app);
CREW_API char *const *crew_app_argv(const crew_app *app);

#ifdef __cplusplus
}
#endif
#endif
