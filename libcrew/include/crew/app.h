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
 * Threads: everything here belongs to the thread that the handler was called on. Strings
 * and buffers that a request gives live until the handler returns; what is given to a
 * response is copied.
 */
#ifndef CREW_APP_H
#define CREW_APP_H

#include <crew/message.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crew_app crew_app;
typedef struct crew_request crew_request;
typedef struct crew_response crew_response;

/* A handler. 0: the response is sent. Anything else: the caller gets 500 `failed` and the
 * response is thrown away. */
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

/* ---- reading the request -------------------------------------------------------------- */

/* Never null; "" for a plain call. The path is PATH_INFO when the web server sets it, else
 * SCRIPT_NAME, else that of REQUEST_URI; decoded. The query is raw, without '?'. */
CREW_API const char *crew_request_method(const crew_request *request);
CREW_API const char *crew_request_path(const crew_request *request);
CREW_API const char *crew_request_query(const crew_request *request);

/* crew_request_query_value - the first value of KEY in the query, percent- and
 * plus-decoded; null when there is none. "" for a key without '='. A value that holds a
 * zero byte (%00) would not be a string, and counts as none. */
CREW_API const char *crew_request_query_value(crew_request *request, const char *key);

/* crew_request_query_number - the same as a decimal number; FALLBACK when it is absent or
 * not one between MIN and MAX. */
CREW_API long crew_request_query_number(crew_request *request, const char *key, long min,
                                        long max, long fallback);

/* crew_request_header - the first value of a header field ("Accept-Language"), its name in
 * any case; null when there is none. */
CREW_API const char *crew_request_header(const crew_request *request, const char *name);

/* crew_request_param - the value of a CGI parameter (RFC 3875 §4.1), null when absent. */
CREW_API const char *crew_request_param(const crew_request *request, const char *name);

/* crew_request_params - all CGI parameters (or a plain call's headers) in their order. Each
 * name and value has a zero byte behind it; one that holds zero bytes itself is whole here
 * only, by its length. */
CREW_API const struct crew_pair *crew_request_params(const crew_request *request,
                                                     size_t *count);

/* Never null: "" when there is none. */
CREW_API const char *crew_request_content_type(const crew_request *request);

/* crew_request_body - the body and its length. Followed by a zero byte, so that text can
 * be used as a string. Never null. */
CREW_API const void *crew_request_body(const crew_request *request, size_t *bytes);

/* Whether it is an HTTP request or a plain call, the task it came for, and its id. */
CREW_API enum crew_form crew_request_form(const crew_request *request);
CREW_API const char *crew_request_task(const crew_request *request);
CREW_API const char *crew_request_id(const crew_request *request);

/* ---- where the handler runs ------------------------------------------------------------ */

/* crew_request_state - what SETUP gave. */
CREW_API void *crew_request_state(const crew_request *request);

/* crew_request_uuid - this handler process; crew_request_node_uuid - its app-worker. */
CREW_API const char *crew_request_uuid(const crew_request *request);
CREW_API const char *crew_request_node_uuid(const crew_request *request);

/* crew_request_left_ms - how much of the time budget is left; 0: the caller is gone. */
CREW_API uint32_t crew_request_left_ms(const crew_request *request);

/* crew_request_stopping - whether the handler has been told to stop (its time is over).
 * A long loop asks now and then, and returns. */
CREW_API bool crew_request_stopping(const crew_request *request);

/* crew_request_call - call another task and wait for its answer. CALL's expiration_ms is
 * cut to what is left of this request; 0 stands for all of it. Returns (*ANSWER)->error:
 * 0, how the call ended, or why it was not made (as for crew_client_call in
 * crew/client.h; CREW_EOVERLOADED: no process of this worker would be left that does not
 * wait for another, see app-worker --max-processes; CREW_ETIMEOUT: this handler was told
 * to stop). *ANSWER is set in any case and owned by the request. Blocks. */
CREW_API int crew_request_call(crew_request *request, const struct crew_call *call,
                               const struct crew_answer **answer);

/* crew_request_group - make several calls at once and wait until their group ends; see
 * struct crew_group (crew/message.h). ANSWERS has a place for each call; each is set in
 * any case and owned by the request. Times are cut as for crew_request_call. Returns 0
 * when all (with CREW_GROUP_ANY: one; with CREW_GROUP_FIRST: the first) were answered
 * without an error; else the error of the first in the order of the calls; or why the
 * group was not made, which stands in all places then. Blocks. */
CREW_API int crew_request_group(crew_request *request, const struct crew_group *group,
                                const struct crew_answer *answers[]);

enum crew_log_level { CREW_LOG_DEBUG, CREW_LOG_INFO, CREW_LOG_WARNING, CREW_LOG_ERROR };

/* crew_request_log - a line in app-worker's log, with the request's id. */
CREW_API void crew_request_log(crew_request *request, enum crew_log_level level,
                               const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- writing the response -------------------------------------------------------------- */

/* All of these return 0 or an error, so that a handler can end with `return crew_...`. An
 * invalid response is thrown away whatever comes after; the worker's log says why it was.
 * A response to HEAD is written as for GET: its body is counted, not sent. */

/* crew_response_status - 200 when never set. A number outside 200-599 makes the response
 * invalid (502 bad-response) and returns CREW_EINVAL. */
CREW_API int crew_response_status(crew_response *response, int status);

/* crew_response_header - add a header field; repeated names are kept in their order, except
 * Content-Type: of that the last one counts. Content-Length is made from the body.
 * CREW_EINVAL: not a field name, or CR, LF or NUL in the value (RFC 9110 §5.5); the
 * response is invalid then. CREW_ETOOLARGE: over 1 MiB of fields, or a Content-Type over 255
 * bytes; the response is invalid then. Status, Connection, Keep-Alive, Transfer-Encoding
 * and Crew-Error belong to the bridge: CREW_EINVAL, the response stays valid. */
CREW_API int crew_response_header(crew_response *response, const char *name,
                                  const char *value);

/* crew_response_write - append to the body, which is application/octet-stream unless a
 * Content-Type was set. CREW_ETOOLARGE: over --max-response; the response is invalid then.
 * CREW_ENOMEM: the caller gets 500 `failed`. */
CREW_API int crew_response_write(crew_response *response, const void *data, size_t bytes);

/* crew_response_printf - the same with formatted text; text/plain in UTF-8 unless a
 * Content-Type was set. */
CREW_API int crew_response_printf(crew_response *response, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* crew_response_text - the same with TEXT. */
CREW_API int crew_response_text(crew_response *response, const char *text);

#ifdef __cplusplus
}
#endif
#endif
