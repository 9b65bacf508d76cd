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

/* ---- what an app consists of ---------------------------------------------------------- */

/* CREW_APP(app) { ... return 0; } - the one entry point of an app. It runs once in each
 * handler process, before any handler. Non-zero: the app cannot be used. Nor can it when a
 * route or task could not be registered, so what those return may be left unread. */
#define CREW_APP_ABI 1
#define CREW_APP(app)                                                                    \
    CREW_APP_SYMBOL CREW_API const unsigned crew_app_abi;                                \
    const unsigned crew_app_abi = CREW_APP_ABI;                                          \
    CREW_APP_SYMBOL CREW_API int crew_app_init(crew_app *);                              \
    int crew_app_init(crew_app *app)
#ifdef __cplusplus
#define CREW_APP_SYMBOL extern "C"
#else
#define CREW_APP_SYMBOL extern
#endif

/* crew_app_route - serve METHOD ("GET", or "*" for any) and PATH (exact, from its '/' on)
 * of the worker's route task (app-worker --task). A path without its method is answered 405
 * with Allow, an unknown path 404, HEAD by the route for GET, OPTIONS with 204 and Allow.
 * CREW_EEXIST: this route is there already. CREW_EINVAL: not a method, not a path. */
CREW_API int crew_app_route(crew_app *app, const char *method, const char *path,
                            crew_handler *handler);

/* crew_app_task - serve the task NAME, whatever the method and path. CREW_EEXIST: this name
 * is there already. CREW_EINVAL: not a task name (1 to 200 bytes of UTF-8, no control
 * characters). An app with routes cannot have a task with the name of the route task. */
CREW_API int crew_app_task(crew_app *app, const char *name, crew_handler *handler);

/* crew_app_state - set up what handlers share, once per handler process: SETUP gives
 * *STATE (a database connection, a counter), TEARDOWN (may be null) frees it when the
 * process ends in peace. A SETUP that returns non-zero ends the process. */
CREW_API void crew_app_state(crew_app *app, int (*setup)(crew_app *app, void **state),
                             void (*teardown)(void *state));

/* crew_app_argc, crew_app_argv - the arguments behind APP.so on app-worker's command line.
 * argv[0] is the path of the app. */
CREW_API int crew_app_argc(const crew_app *app);
CREW_API char *const *crew_app_argv(const crew_app *app);

#ifdef __cplusplus
}
#endif
#endif
