/* crew/test.h - test an app: its handlers run in the test's own process, without broker,
 * worker and web server.
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
 *     cc -o hello_test hello_test.c hello.c $(pkg-config --cflags --libs crew)
 *
 * It goes with every test framework, and with none. Handlers run one after the other on the
 * thread that makes the request, as in one handler process. What a worker does around them
 * is not there: a handler that crashes or hangs is a test that crashes or hangs, where a
 * debugger shows it; and no signal comes when its time is over.
 *
 * A crew_test belongs to one thread; a program may have several of them. Nothing blocks but
 * handlers. What is given is copied, except for ARG. What is returned belongs to the
 * crew_test and, where nothing else is said, is good until crew_test_clear or
 * crew_test_free.
 */
#ifndef CREW_TEST_H
#define CREW_TEST_H

#include <crew/app.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crew_test crew_test;

/* ---- the app ---- */

/* What is left zero has its default. */
struct crew_test_options {
    const char *const
        *args; /* behind APP.so in app-worker's command line; null ends them */
    const char *route_task;    /* app-worker --task; null: "http" */
    size_t max_response_bytes; /* app-worker --max-response; 0: 16 MiB */
    bool no_cookies;           /* what Set-Cookie says is not kept */
};

/* Every run is the same: crew_request_node_uuid is 00000000-0000-4000-8000-000000000000, and
 * crew_request_uuid ends in 1, or in 2 and more in handlers that others have called. */

/* What CREW_APP defines, for a test that the app's source is linked into. */
int crew_app_init(crew_app *app);

/* crew_test_new_app - INIT is crew_app_init: run it, and the app's set-up. OPTIONS may be
 * null. Errors are those of crew_host_new (crew/host.h), and WHY (if not null, WHY_BYTES
 * large) says in a line what is wrong. */
CREW_API int crew_test_new_app(int (*init)(crew_app *app),
                               const struct crew_test_options *options, crew_test **test,
                               char *why, size_t why_bytes);

/* crew_test_new - the same with the .so of an app. */
CREW_API int crew_test_new(const char *path, const struct crew_test_options *options,
                           crew_test **test, char *why, size_t why_bytes);

/* crew_test_clear - forget all responses, calls, publications and log lines. */
CREW_API void crew_test_clear(crew_test *test);

/* crew_test_free - tear-down, then unload. Null is fine. */
CREW_API void crew_test_free(crew_test *test);

/* ---- responses ---- */

/* Functions that return one never return null. */
struct crew_test_response {
    int error;                /* 0, or how the request ended: CREW_EFAILED ... */
    const char *outcome;      /* the word of it, as in Crew-Error: "failed" ...; or "" */
    int status;               /* of the error if any: 500 ... */
    const char *content_type; /* "": none */
    const struct crew_pair *headers; /* in their order, a zero byte behind each text */
    size_t header_count;
    const char *body; /* never null, a zero byte behind it */
    size_t body_bytes;
};

/* crew_test_header - the first value of a header field, its name in any case; null when
 * there is none. */
CREW_API const char *crew_test_header(const struct crew_test_response *response,
                                      const char *name);

/* ---- requests ---- */

/* What is left zero has its default. Lists are name, value, name, value ..., null. */
struct crew_test_request {
    const char *method; /* null: GET, with a body POST */
    const char *path;   /* and query, as in a URL: "/notes?text=milk%20%26%20tea" */
    const char *task;   /* a task by name (CREW_TASK); null: that of the routes */
    const char *const *headers;
    const char *const *params; /* CGI parameters that shall be other than below */
    const char *content_type;
    const void *body;
    size_t body_bytes;
};

/* crew_test_send - make a request. With it goes what an nginx as in README.md would send:
 *
 *     SCRIPT_NAME      where the app is mounted: ""
 *     PATH_INFO        the path, decoded ("//", "." and ".." stay, nginx takes them out)
 *     REQUEST_URI      both of them as in the URL, with the query
 *     HTTP_HOST        localhost, as SERVER_NAME
 *     REMOTE_ADDR      127.0.0.1, as SERVER_ADDR
 *     REQUEST_SCHEME   http, and SERVER_PORT 80; https and 443 where HTTPS is "on"
 *     HTTP_COOKIE      what was kept of earlier responses
 *     HTTP_...         the header fields; HTTP_PROXY is dropped
 *
 * REQUEST_METHOD, QUERY_STRING, CONTENT_TYPE, CONTENT_LENGTH and the rest of nginx's
 * fastcgi_params. A handler that runs longer than its budget is answered for with
 * CREW_ETIMEOUT. CREW_EINVAL, status 0: nothing was run, because the path does not begin
 * with '/' or holds a space, a control character or %00, or there is something that is no
 * method, no header field or no task name. */
CREW_API const struct crew_test_response *
crew_test_send(crew_test *test, const struct crew_test_request *request);

/* crew_test_get, crew_test_post - the same with less to say. Null: no CONTENT_TYPE, no
 * BODY. */
CREW_API const struct crew_test_response *crew_test_get(crew_test *test,
                                                        const char *path);
CREW_API const struct crew_test_response *
crew_test_post(crew_test *test, const char *path, const char *content_type,
               const void *body, size_t body_bytes);

/* crew_test_post_json - with a text that is sent as it is, even if it is no JSON. */
CREW_API const struct crew_test_response *
crew_test_post_json(crew_test *test, const char *path, const char *json);

/* crew_test_post_form - what a browser sends of a form (URL Standard §5.2). Its fields are
 * name, value, name, value ..., NULL:
 *
 *     crew_test_post_form(test, "/login", "user", "neo",
 *                         "words", "follow me", NULL);
 */
CREW_API const struct crew_test_response *crew_test_post_form(crew_test *test,
                                                              const char *path, ...)
    __attribute__((sentinel));

/* crew_test_follow - while RESPONSE is a redirect (301, 302, 303, 307, 308) to somewhere in
 * the app, do as a browser does; returns the last response. It is a redirect, too, when
 * that leads elsewhere, or after 20 of them. */
CREW_API const struct crew_test_response *
crew_test_follow(crew_test *test, const struct crew_test_response *response);

/* crew_test_task - a plain call of TASK, with TEXT as its body (null: none). */
CREW_API const struct crew_test_response *
crew_test_task(crew_test *test, const char *task, const char *text);

/* crew_test_run - any call (crew/message.h); its expiration_ms is the handler's budget. */
CREW_API const struct crew_test_response *crew_test_run(crew_test *test,
                                                        const struct crew_call *call);

/* ---- around all requests that follow ---- */

/* crew_test_set_param, crew_test_set_header - a CGI parameter, a header field. A request's
 * own come before it. Null: it is not sent. */
CREW_API void crew_test_set_param(crew_test *test, const char *name, const char *value);
CREW_API void crew_test_set_header(crew_test *test, const char *name, const char *value);

/* crew_test_set_left_ms - a handler's budget, 30,000 if nothing was said. */
CREW_API void crew_test_set_left_ms(crew_test *test, uint32_t left_ms);

/* crew_test_stop_after_ms - tell handlers to stop (crew_request_stopping) after they have run
 * so long, and not only when their budget is over. A worker's caller would have been answered
 * before; here the response is what the handler makes of it. */
#define CREW_TEST_NEVER UINT32_MAX
CREW_API void crew_test_stop_after_ms(crew_test *test, uint32_t run_ms);

/* crew_test_cookie - the value of a cookie that is kept, null when there is none. Good until
 * the next request. */
CREW_API const char *crew_test_cookie(const crew_test *test, const char *name);

/* crew_test_set_cookie - keep one as if Set-Cookie had said it: "session=12; Path=/notes". */
CREW_API void crew_test_set_cookie(crew_test *test, const char *set_cookie);

/* crew_test_clear_cookies - forget those that are kept. */
CREW_API void crew_test_clear_cookies(crew_test *test);

/* ---- what handlers ask of the outside ---- */

/* The calls that handlers make are answered in their order, on the same thread:
 *
 *   1.  as the test says (below);
 *   2.  those to the app's own tasks by its handlers, with a state of their own: set-up
 *       runs once more, as in a second handler process;
 *   3.  others with CREW_ENOWORKERS.
 *
 * When a group is over, the calls that follow in it are answered CREW_ECANCELLED. */

/* ANSWER comes zeroed, which stands for an empty one with status 200. What it is made to
 * point to must stay until the next call of the function. */
typedef void crew_test_call_fn(void *arg, const struct crew_call *call,
                               struct crew_answer *answer);

/* crew_test_on_call - FN answers the calls of TASK. Null: as if nothing had been said. */
CREW_API void crew_test_on_call(crew_test *test, const char *task, crew_test_call_fn *fn,
                                void *arg);

/* crew_test_answer, crew_test_answer_text - all calls of TASK get ANSWER, of which .error is
 * enough for one that fails; or a plain answer with TEXT. */
CREW_API void crew_test_answer(crew_test *test, const char *task,
                               const struct crew_answer *answer);
CREW_API void crew_test_answer_text(crew_test *test, const char *task, const char *text);

/* crew_test_calls - all calls until now, also those that were cancelled, in their order. A
 * zero byte stands behind bodies, names and values. Good until the next request. */
CREW_API const struct crew_call *crew_test_calls(const crew_test *test, size_t *count);

/* crew_test_publishes - all that handlers have published until now, in their order, whether
 * it was said to fail or not. A zero byte stands behind bodies. Good until the next
 * request. */
CREW_API const struct crew_publication *crew_test_publishes(const crew_test *test,
                                                            size_t *count);

/* crew_test_fail_publishes - let crew_request_publish return ERROR from now on
 * (CREW_EBROKER ...), or 0 again. */
CREW_API void crew_test_fail_publishes(crew_test *test, int error);

/* A line that app-worker would have logged. */
struct crew_test_log {
    enum crew_log_level level;
    const char
        *request_id; /* "test-1", "test-2" ...; a call made by a handler counts, too */
    const char *text;
};

/* crew_test_logs - all log lines until now: the handlers' own, and why a request failed.
 * Good until the next request. */
CREW_API const struct crew_test_log *crew_test_logs(const crew_test *test, size_t *count);

/* crew_test_logged - whether TEXT stands in one of them. */
CREW_API bool crew_test_logged(const crew_test *test, const char *text);

#ifdef __cplusplus
}
#endif
#endif
