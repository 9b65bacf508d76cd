/* crew/request.h - what a handler reads, and what it can do while it runs.
 *
 * Use these functions on the thread that the handler was called on. Strings and buffers
 * that they return belong to the request and are valid until the handler returns. No
 * function blocks unless stated otherwise.
 */
#ifndef CREW_REQUEST_H
#define CREW_REQUEST_H

#include <crew/message.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crew_request crew_request;

/* ---- reading the request ---- */

/* crew_request_method, crew_request_path, crew_request_query - the request's method, path
 * and query. Never null; "" for a plain call. The path is PATH_INFO if the web server
 * sets it, else SCRIPT_NAME, else the path of REQUEST_URI; percent-decoded. The query is
 * as it was sent, without '?'. */
CREW_API const char *crew_request_method(const crew_request *request);
CREW_API const char *crew_request_path(const crew_request *request);
CREW_API const char *crew_request_query(const crew_request *request);

/* crew_request_prefix - where the web server has mounted the app: the part of the URL's
 * path before crew_request_path. "/shop", percent-encoded and without a '/' at its end,
 * so that a link to a page of the app is the prefix followed by the page's path. "" at
 * the root, for a plain call, and if the web server does not send it (it is SCRIPT_NAME
 * when PATH_INFO is set). Never null. */
CREW_API const char *crew_request_prefix(crew_request *request);

/* crew_request_query_value - the first value of KEY in the query, percent- and
 * plus-decoded; null if there is none. "" for a key without '='. A value that contains a
 * zero byte (%00) is not a string and is skipped. */
CREW_API const char *crew_request_query_value(crew_request *request, const char *key);

/* crew_request_query_number - the first value of KEY as a decimal number; FALLBACK if
 * there is none, or it is not a number from MIN to MAX. */
CREW_API long crew_request_query_number(crew_request *request, const char *key, long min,
                                        long max, long fallback);

/* crew_request_query_values - all values of KEY in order, as a null-terminated array, and
 * their number. Never null. */
CREW_API const char *const *crew_request_query_values(crew_request *request,
                                                      const char *key, size_t *count);

/* crew_request_query_pairs - all keys and values of the query in order, decoded. Each is
 * zero-terminated; one that contains zero bytes itself has its full length only here. */
CREW_API const struct crew_pair *crew_request_query_pairs(crew_request *request,
                                                          size_t *count);

/* crew_request_path_value - the value of parameter NAME of the route: "7" for "id" if the
 * route is "/users/:id" and the path is "/users/7". Decoded, as the path is, and never
 * empty. Null if the route has no such parameter, or there is no route (tasks by name,
 * 404, 405). */
CREW_API const char *crew_request_path_value(const crew_request *request,
                                             const char *name);

/* crew_request_path_number - the value of parameter NAME as a decimal number; FALLBACK if
 * it is not a number from MIN to MAX. */
CREW_API long crew_request_path_number(const crew_request *request, const char *name,
                                       long min, long max, long fallback);

/* crew_request_header - the first value of header field NAME ("Accept-Language"), in any
 * case; null if there is none. */
CREW_API const char *crew_request_header(const crew_request *request, const char *name);

/* crew_request_cookie - the first value of cookie NAME as it was sent, without quotes
 * around it; null if there is none. Names are case-sensitive. If a browser sends several
 * cookies with the same name, the first is that with the longest path. */
CREW_API const char *crew_request_cookie(crew_request *request, const char *name);

/* crew_request_cookies - all cookies in order; otherwise as crew_request_query_pairs. */
CREW_API const struct crew_pair *crew_request_cookies(crew_request *request,
                                                      size_t *count);

/* crew_unescape_url - TEXT percent-decoded, as a new string, to be freed with free(3). It
 * reverses crew_escape_url (crew/response.h) and encodeURIComponent of browsers. Null:
 * the result would contain a zero byte, or out of memory. Any thread. */
CREW_API char *crew_unescape_url(const char *text);

/* crew_request_client, crew_request_scheme, crew_request_host - the client's address, the
 * scheme ("https") and the requested host ("example.com:8080"), as the web server sends
 * them. Null if it does not send them, and for a plain call. Any client can set
 * X-Forwarded-For and similar fields, so they are not used: if there is a proxy in front
 * of the web server, configure the web server for it (nginx: realip). The host is the
 * Host field if it is valid, else SERVER_NAME and SERVER_PORT. The client can choose any
 * host that the web server accepts. */
CREW_API const char *crew_request_client(const crew_request *request);
CREW_API const char *crew_request_scheme(const crew_request *request);
CREW_API const char *crew_request_host(crew_request *request);

/* crew_request_param - the value of CGI parameter NAME (RFC 3875 §4.1); null if there is
 * none. */
CREW_API const char *crew_request_param(const crew_request *request, const char *name);

/* crew_request_params - all CGI parameters, or the headers of a plain call, in order.
 * Names and values are zero-terminated; one that contains zero bytes itself has its full
 * length only here. */
CREW_API const struct crew_pair *crew_request_params(const crew_request *request,
                                                     size_t *count);

/* crew_request_content_type - the Content-Type of the body, as the client has sent it.
 * Never null; "" if there is none. */
CREW_API const char *crew_request_content_type(const crew_request *request);

/* crew_request_body - the body and its length. A zero byte follows it, so that text can
 * be used as a string. Never null. */
CREW_API const void *crew_request_body(const crew_request *request, size_t *bytes);

/* crew_request_form, crew_request_task, crew_request_id - whether it is an HTTP request
 * or a plain call; the name of the task; the request's id. Never null. */
CREW_API enum crew_form crew_request_form(const crew_request *request);
CREW_API const char *crew_request_task(const crew_request *request);
CREW_API const char *crew_request_id(const crew_request *request);

/* crew_request_complaint - why a function that reads the request returned
 * CREW_EBADREQUEST, as a sentence for the client ("page: not a number"). The last one if
 * there were several; null if there was none. A handler that returns CREW_EBADREQUEST
 * need not call this: the client gets status 400 with the complaint. It may quote what
 * the client has sent. */
CREW_API const char *crew_request_complaint(const crew_request *request);

/* ---- forms ---- */

/* The body as a form: of type application/x-www-form-urlencoded, or those fields of a
 * multipart/form-data body (RFC 7578) that are not files. It is parsed when it is first
 * needed. For JSON see crew_request_json in crew/json.h. */

/* crew_request_read_form - parse the form now. An empty body is a form without fields.
 * CREW_EBADREQUEST: the body has another type, is malformed, or has more fields than
 * crew_request_set_limits allows. CREW_ENOMEM. The functions below find nothing after an
 * error, so a handler that requires no field should call this one first. */
CREW_API int crew_request_read_form(crew_request *request);

/* crew_request_form_value, crew_request_form_number, crew_request_form_values,
 * crew_request_form_pairs - as the crew_request_query_ functions, for the form. */
CREW_API const char *crew_request_form_value(crew_request *request, const char *key);
CREW_API long crew_request_form_number(crew_request *request, const char *key, long min,
                                       long max, long fallback);
CREW_API const char *const *crew_request_form_values(crew_request *request,
                                                     const char *key, size_t *count);
CREW_API const struct crew_pair *crew_request_form_pairs(crew_request *request,
                                                         size_t *count);

/* A file of a multipart/form-data form. All fields are chosen by the client. */
struct crew_upload {
    const char *field; /* the name of its field in the form */
    const char *name;  /* file name without folders and control characters; never "." or
                          "..", may be "", may begin with a dot */
    const char *client_name;  /* the name as the client has sent it; may be a path */
    const char *content_type; /* "" if there is none */
    const void *data;         /* in the body; not zero-terminated */
    size_t bytes;
};

/* crew_request_upload - the first file of form field FIELD; null if there is none. A
 * field for which the user has chosen no file has none. */
CREW_API const struct crew_upload *crew_request_upload(crew_request *request,
                                                       const char *field);

/* crew_request_uploads - all files in order. */
CREW_API const struct crew_upload *crew_request_uploads(crew_request *request,
                                                        size_t *count);

/* crew_upload_save - write a file to PATH. The handler chooses PATH; names in UPLOAD
 * are chosen by the client. The file appears complete or not at all, with mode 0600.
 * An existing file or symbolic link is not replaced: CREW_EEXIST. CREW_ESYSTEM: see
 * errno. The data is written to PATH.XXXXXX, which is then linked to PATH; if the
 * process is killed meanwhile, PATH.XXXXXX stays. The file is not synced. Blocks on
 * the file system. */
CREW_API int crew_upload_save(const struct crew_upload *upload, const char *path);

/* crew_request_upload_fd - make a temporary file with the contents of UPLOAD, open for
 * reading and writing, at its beginning: for libraries that need a file. It has no name;
 * its path is /proc/self/fd/FD. It is in $TMPDIR or /tmp, belongs to the request and is
 * removed when the handler returns or its process ends; the handler must not close FD.
 * CREW_ENOMEM. CREW_ESYSTEM: see errno. Blocks on the file system. */
CREW_API int crew_request_upload_fd(crew_request *request,
                                    const struct crew_upload *upload, int *fd);

/* Limits for reading a body. A field that is 0 has its default. */
struct crew_request_limits {
    size_t form_fields;  /* fields of a form, files included: 1000 */
    size_t json_bytes;   /* size of a JSON body: 1 MiB (parsed, it may need 100 MiB) */
    unsigned json_depth; /* nesting of arrays and objects: 64; at most 2048 */
};

/* crew_request_set_limits - set the limits for what is read later. The size of the whole
 * body is limited by the bridge (--max-body), the header of a form part to 8 KiB. */
CREW_API void crew_request_set_limits(crew_request *request,
                                      const struct crew_request_limits *limits);

/* ---- state, time, calls, publications ---- */

/* crew_request_state - the app's state from its set-up (crew_app_state in crew/app.h);
 * null without one. */
CREW_API void *crew_request_state(const crew_request *request);

/* crew_request_uuid, crew_request_node_uuid - the UUIDs of this handler process and of
 * its app-worker. */
CREW_API const char *crew_request_uuid(const crew_request *request);
CREW_API const char *crew_request_node_uuid(const crew_request *request);

/* crew_request_set - attach VALUE to the request, for hooks and the handler. KEY is
 * copied. A previous value of KEY is destroyed. DESTROY (may be null) is called with
 * VALUE, unless it is null, when the request has been answered; the newest value is
 * destroyed first. */
CREW_API void crew_request_set(crew_request *request, const char *key, void *value,
                               void (*destroy)(void *value));

/* crew_request_get - the value that was set for KEY; null if there is none. It belongs to
 * the request. */
CREW_API void *crew_request_get(const crew_request *request, const char *key);

/* crew_request_left_ms - milliseconds until the request's deadline; 0: it has passed, and
 * the caller does not wait any more. */
CREW_API uint32_t crew_request_left_ms(const crew_request *request);

/* crew_request_stopping - true if the handler was told to stop, as its time is over. A
 * long loop should check this regularly, and return. */
CREW_API bool crew_request_stopping(const crew_request *request);

/* crew_request_call - call another task and wait for its answer. CALL's expiration_ms is
 * limited to the time that is left of this request; 0 means all of it. Returns
 * (*ANSWER)->error: 0, the outcome of the call, or why it was not made, as for
 * crew_client_call (crew/client.h), and:
 *
 *     CREW_EOVERLOADED  all processes of this worker would wait for calls
 *                       (app-worker --max-processes)
 *     CREW_ETIMEOUT     this handler was told to stop
 *
 * *ANSWER is always set and belongs to the request. Blocks. */
CREW_API int crew_request_call(crew_request *request, const struct crew_call *call,
                               const struct crew_answer **answer);

/* crew_request_group - make several calls at once and wait until the group ends; see
 * struct crew_group (crew/message.h). ANSWERS is an array with one element per call. Each
 * is always set and belongs to the request. Expirations are limited as for
 * crew_request_call. Returns 0 if all calls (with CREW_GROUP_ANY: one; with
 * CREW_GROUP_FIRST: the first to end) were answered without an error; else the error of
 * the first failed call, in the order of the calls. If the group was not made, all
 * answers have the error that is returned. Blocks. */
CREW_API int crew_request_group(crew_request *request, const struct crew_group *group,
                                const struct crew_answer *answers[]);

/* crew_request_publish - publish a message on CHANNEL (struct crew_publication in
 * crew/message.h) and wait until the broker has confirmed it, at most until the request's
 * deadline. CONTENT_TYPE null: application/octet-stream. Returns 0 also if there is no
 * subscriber. Blocks. Errors:
 *
 *     CREW_EINVAL       CHANNEL is not a valid name
 *     CREW_ETOOLARGE    the body is too large
 *     CREW_EBROKER      the broker is disconnected or blocked; not published
 *     CREW_EOVERLOADED  the queue of a subscriber rejects it
 *     CREW_ELOST        it is unknown whether it was published
 *     CREW_ETIMEOUT     the same, and this handler was told to stop */
CREW_API int crew_request_publish(crew_request *request, const char *channel,
                                  const char *content_type, const void *body,
                                  size_t body_bytes);

/* The levels of app-worker's log (--logging). */
enum crew_log_level { CREW_LOG_DEBUG, CREW_LOG_INFO, CREW_LOG_WARNING, CREW_LOG_ERROR };

/* crew_request_log - write a line to app-worker's log, with the request's id. It is cut
 * after 2047 bytes. Blocks until it is written to the socket to app-worker. */
CREW_API void crew_request_log(crew_request *request, enum crew_log_level level,
                               const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#ifdef __cplusplus
}
#endif
#endif
