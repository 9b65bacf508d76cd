/* crew/test.h - test an app: its handlers run in the test's own process, without a
 * broker, a worker or a web server.
 *
 *     #include <assert.h>
 *     #include <crew/test.h>
 *     #include <string.h>
 *
 *     int main(void) {
 *         crew_test *test;
 *         if (crew_test_new_app(crew_app_init, NULL, &test, NULL, 0) != 0)
 *             return 1;
 *         const struct crew_test_response *response;
 *         response = crew_test_get(test, "/hello?name=Neo");
 *         assert(response->status == 200);
 *         assert(strcmp(response->body, "Hello, Neo\n") == 0);
 *         crew_test_free(test);
 *     }
 *
 *     cc -o hello_test hello_test.c hello.c \
 *         $(pkg-config --cflags --libs crew-test)
 *
 * These functions are in libcrew-test.so, not in libcrew.so. With CMake, link
 * crew::crew-test.
 *
 * The test client works with any test framework, or without one. Handlers run one at a
 * time on the thread that makes the request, as in a handler process. There is no
 * supervisor: a handler that crashes or hangs makes the test crash or hang, so that a
 * debugger can show where, and no signal is sent at its deadline.
 *
 * A crew_test is used by one thread at a time; a program may have several of them.
 * Functions block only while handlers run. Arguments are copied, except for ARG. Results
 * belong to the crew_test; unless stated otherwise they are valid until crew_test_clear
 * or crew_test_free. The program is aborted when memory for a copy is exhausted.
 */
#ifndef CREW_TEST_H
#define CREW_TEST_H

#include <crew/app.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crew_test crew_test;

/* ---- the app ---- */

/* A field that is zero has its default. */
struct crew_test_options {
    /* Arguments after APP.so in app-worker's command line, null-terminated. */
    const char *const *args;
    const char *route_task;    /* app-worker --task; null: "http" */
    size_t max_response_bytes; /* app-worker --max-response; 0: 16 MiB */
    bool no_cookies;           /* ignore Set-Cookie in responses */
};

/* UUIDs are the same in each run: crew_request_node_uuid is
 * 00000000-0000-4000-8000-000000000000. crew_request_uuid is 00000000-0000-4000-8000-
 * 000000000001; in handlers that are called by handlers it ends in 2, 3 and so on. */

/* The function that CREW_APP defines, for a test that is linked with the app's source. */
int crew_app_init(crew_app *app);

/* crew_test_new_app - make a test client for the app whose CREW_APP is INIT
 * (crew_app_init). Runs INIT and the app's set-up. OPTIONS may be null. On an error *TEST
 * is untouched and WHY, a buffer of WHY_BYTES bytes or null, gets a one-line explanation.
 * Errors are those of crew_host_new (crew/host.h). */
CREW_API int crew_test_new_app(int (*init)(crew_app *app),
                               const struct crew_test_options *options, crew_test **test,
                               char *why, size_t why_bytes);

/* crew_test_new - the same for the app in the shared object at PATH. */
CREW_API int crew_test_new(const char *path, const struct crew_test_options *options,
                           crew_test **test, char *why, size_t why_bytes);

/* crew_test_clear - free all responses and all recorded calls, publications and log
 * lines. Settings, stubs and cookies stay. */
CREW_API void crew_test_clear(crew_test *test);

/* crew_test_free - run the app's tear-down, unload it, and free all results. TEST may be
 * null. */
CREW_API void crew_test_free(crew_test *test);

/* ---- responses ---- */

/* Functions that return a response never return null. */
struct crew_test_response {
    int error;                /* 0, or why there is no answer: CREW_EFAILED ... */
    const char *outcome;      /* ERROR's word, as in Crew-Error: "failed" ...; "": none */
    int status;               /* HTTP status; of an error its status: 500 ... */
    const char *content_type; /* "": none */
    const struct crew_pair *headers; /* in order; texts are zero-terminated */
    size_t header_count;
    const char *body; /* never null, zero-terminated */
    size_t body_bytes;
};

/* crew_test_header - the first value of a header field, its name in any case; null when
 * there is none. */
CREW_API const char *crew_test_header(const struct crew_test_response *response,
                                      const char *name);

/* ---- requests ---- */

/* A field that is zero has its default. Lists are name, value, name, value ..., null. */
struct crew_test_request {
    const char *method; /* null: GET, or POST if there is a body */
    const char *path;   /* path and query of a URL: "/notes?text=milk%20%26%20tea" */
    const char *task;   /* as CREW_TASK; null: the task of the routes */
    const char *const *headers;
    const char *const *params; /* CGI parameters that replace the defaults below */
    const char *content_type;
    const void *body;
    size_t body_bytes;
};

/* crew_test_send - make an HTTP request and run its handler. The handler gets the CGI
 * parameters that nginx sends with the configuration in README.md:
 *
 *     SCRIPT_NAME      where the app is mounted: ""
 *     PATH_INFO        the decoded path ("//", "." and ".." are kept; nginx removes them)
 *     REQUEST_URI      mount point, path and query as in the URL
 *     HTTP_HOST        localhost, as SERVER_NAME
 *     REMOTE_ADDR      127.0.0.1, as SERVER_ADDR
 *     REQUEST_SCHEME   http, and SERVER_PORT 80; https and 443 if HTTPS is "on"
 *     HTTP_COOKIE      the cookies of earlier responses
 *     HTTP_...         the header fields; HTTP_PROXY is dropped
 *
 * REQUEST_METHOD, QUERY_STRING, CONTENT_TYPE, CONTENT_LENGTH and the rest of nginx's
 * fastcgi_params. If the handler runs longer than its time (crew_test_set_left_ms) the
 * response is CREW_ETIMEOUT, after the handler has returned. CREW_EINVAL with status
 * 0: no handler was run, because the path does not begin with '/' or contains a space,
 * a control character or %00, or the method, a header field or the task name is not
 * valid. */
CREW_API const struct crew_test_response *
crew_test_send(crew_test *test, const struct crew_test_request *request);

/* crew_test_get, crew_test_post - make a GET or POST request. CONTENT_TYPE and BODY may
 * be null. */
CREW_API const struct crew_test_response *crew_test_get(crew_test *test,
                                                        const char *path);
CREW_API const struct crew_test_response *
crew_test_post(crew_test *test, const char *path, const char *content_type,
               const void *body, size_t body_bytes);

/* crew_test_post_json - POST the text JSON as application/json. It is sent unchanged,
 * even if it is not valid JSON. */
CREW_API const struct crew_test_response *
crew_test_post_json(crew_test *test, const char *path, const char *json);

/* crew_test_post_form - POST form fields, encoded as browsers do (URL Standard §5.2):
 * name, value, name, value ..., NULL:
 *
 *     crew_test_post_form(test, "/login", "user", "neo",
 *                         "words", "follow me", NULL);
 */
CREW_API const struct crew_test_response *crew_test_post_form(crew_test *test,
                                                              const char *path, ...)
    __attribute__((sentinel));

/* crew_test_follow - follow redirects (301, 302, 303, 307, 308) as a browser does, as
 * long as they lead to the app. Returns the last response: RESPONSE itself if it is no
 * redirect; a redirect if it leads out of the app, or after 20 of them. */
CREW_API const struct crew_test_response *
crew_test_follow(crew_test *test, const struct crew_test_response *response);

/* crew_test_task - make a plain call of TASK. TEXT is its body; null: no body. */
CREW_API const struct crew_test_response *
crew_test_task(crew_test *test, const char *task, const char *text);

/* crew_test_run - make any call (crew/message.h). Its expiration_ms is the handler's
 * time; 0: that of crew_test_set_left_ms. CREW_EINVAL, status 0: the task name is not
 * valid. */
CREW_API const struct crew_test_response *crew_test_run(crew_test *test,
                                                        const struct crew_call *call);

/* ---- settings of all requests that follow ---- */

/* crew_test_set_param, crew_test_set_header - set a CGI parameter or a header field.
 * Those of a crew_test_request replace it. VALUE null: it is not sent. */
CREW_API void crew_test_set_param(crew_test *test, const char *name, const char *value);
CREW_API void crew_test_set_header(crew_test *test, const char *name, const char *value);

/* crew_test_set_left_ms - set the time that a handler has, in milliseconds. Default:
 * 30,000. */
CREW_API void crew_test_set_left_ms(crew_test *test, uint32_t left_ms);

/* crew_test_stop_after_ms - tell handlers to stop (crew_request_stopping) after RUN_MS
 * milliseconds, and not only when their time is over. CREW_TEST_NEVER, the default, turns
 * that off. In production the caller has its answer before the handler is told to stop;
 * here the response is what the handler returns. */
#define CREW_TEST_NEVER UINT32_MAX
CREW_API void crew_test_stop_after_ms(crew_test *test, uint32_t run_ms);

/* crew_test_cookie - the value of a stored cookie; null when there is none. Valid until
 * the next request. */
CREW_API const char *crew_test_cookie(const crew_test *test, const char *name);

/* crew_test_set_cookie - store a cookie, given as in Set-Cookie: "session=12;
 * Path=/notes". */
CREW_API void crew_test_set_cookie(crew_test *test, const char *set_cookie);

/* crew_test_clear_cookies - remove all stored cookies. */
CREW_API void crew_test_clear_cookies(crew_test *test);

/* ---- calls, publications and log lines of handlers ---- */

/* The calls that handlers make are answered in order, on the same thread:
 *
 * 1.  by the stub that the test has set for the task (crew_test_on_call,
 *       crew_test_answer);
 * 2.  tasks of the app, by its handler. It runs with an app state of its own: set-up runs
 *       again, as in a second handler process;
 * 3.  others with CREW_ENOWORKERS.
 *
 * When a group has ended, its remaining calls are answered CREW_ECANCELLED. */

/* ANSWER is zeroed, which means an empty answer with status 200. Memory that FN lets it
 * point to must stay valid until the next call of FN. */
typedef void crew_test_call_fn(void *arg, const struct crew_call *call,
                               struct crew_answer *answer);

/* crew_test_on_call - let FN answer the calls of TASK. FN null: remove the stub of
 * TASK. */
CREW_API void crew_test_on_call(crew_test *test, const char *task, crew_test_call_fn *fn,
                                void *arg);

/* crew_test_answer, crew_test_answer_text - answer all calls of TASK with ANSWER, or with
 * the plain text TEXT. For a call that fails it is enough to set ANSWER->error. */
CREW_API void crew_test_answer(crew_test *test, const char *task,
                               const struct crew_answer *answer);
CREW_API void crew_test_answer_text(crew_test *test, const char *task, const char *text);

/* crew_test_calls - all calls that handlers have made, in order, cancelled ones included.
 * Bodies, names and values are zero-terminated. Valid until the next request. */
CREW_API const struct crew_call *crew_test_calls(const crew_test *test, size_t *count);

/* crew_test_publishes - all messages that handlers have published, in order, including
 * those for which crew_request_publish returned an error. Bodies are zero-terminated.
 * Valid until the next request. */
CREW_API const struct crew_publication *crew_test_publishes(const crew_test *test,
                                                            size_t *count);

/* crew_test_fail_publishes - make crew_request_publish return ERROR (CREW_EBROKER ...)
 * from now on; 0: succeed again. */
CREW_API void crew_test_fail_publishes(crew_test *test, int error);

/* A line that app-worker would have logged. */
struct crew_test_log {
    enum crew_log_level level;
    /* "test-1", "test-2" and so on. Calls that handlers make are counted as well. */
    const char *request_id;
    const char *text;
};

/* crew_test_logs - all log lines, in order: those of handlers, and the reasons why
 * requests failed. Valid until the next request. */
CREW_API const struct crew_test_log *crew_test_logs(const crew_test *test, size_t *count);

/* crew_test_logged - true if a log line contains TEXT. */
CREW_API bool crew_test_logged(const crew_test *test, const char *text);

#ifdef __cplusplus
}
#endif
#endif
