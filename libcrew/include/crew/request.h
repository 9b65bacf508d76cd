/* crew/request.h - what a handler reads, and what it can do while it runs.
 *
 * Everything here belongs to the thread that the handler was called on. Strings and buffers
 * that a request gives are its own and live until the handler returns. No function blocks
 * unless it says so.
 */
#ifndef CREW_REQUEST_H
#define CREW_REQUEST_H

#include <crew/message.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crew_request crew_request;

/* ---- reading the request ---- */

/* crew_request_method, crew_request_path, crew_request_query - what is asked for, and how.
 * Never null; "" for a plain call. The path is PATH_INFO when the web server sets it, else
 * SCRIPT_NAME, else that of REQUEST_URI; decoded. The query is raw, without '?'. */
CREW_API const char *crew_request_method(const crew_request *request);
CREW_API const char *crew_request_path(const crew_request *request);
CREW_API const char *crew_request_query(const crew_request *request);

/* crew_request_prefix - where the web server has mounted the app: what of the URL's path
 * stands before crew_request_path. "/shop", percent-encoded and without a '/' at its end, so
 * that a link of the app is the prefix and its path; "" at the root, for a plain call, and
 * when the web server does not say (it is SCRIPT_NAME where there is a PATH_INFO). Never
 * null. */
CREW_API const char *crew_request_prefix(crew_request *request);

/* crew_request_query_value - the first value of KEY in the query, percent- and
 * plus-decoded; null when there is none. "" for a key without '='. A value that holds a
 * zero byte (%00) would not be a string, and counts as none. */
CREW_API const char *crew_request_query_value(crew_request *request, const char *key);

/* crew_request_query_number - the same as a decimal number; FALLBACK when it is absent or
 * not one between MIN and MAX. */
CREW_API long crew_request_query_number(crew_request *request, const char *key, long min,
                                        long max, long fallback);

/* crew_request_query_values - all values of KEY in their order, with a null behind them,
 * and their number. Never null. */
CREW_API const char *const *crew_request_query_values(crew_request *request,
                                                      const char *key, size_t *count);

/* crew_request_query_pairs - all keys and values of the query in their order, decoded.
 * Each has a zero byte behind it; one that holds zero bytes itself is whole here only, by
 * its length. */
CREW_API const struct crew_pair *crew_request_query_pairs(crew_request *request,
                                                          size_t *count);

/* crew_request_path_value - what a name in the route's path stands for: "7" for "id" when
 * the route is "/users/:id" and the path "/users/7". Decoded, as the path is, and never
 * empty. Null for any other name, and where there is no route (tasks by name, 404, 405). */
CREW_API const char *crew_request_path_value(const crew_request *request,
                                             const char *name);

/* crew_request_path_number - the same as crew_request_query_number does it: FALLBACK when it
 * is no decimal number between MIN and MAX. */
CREW_API long crew_request_path_number(const crew_request *request, const char *name,
                                       long min, long max, long fallback);

/* crew_request_header - the first value of a header field ("Accept-Language"), its name in
 * any case; null when there is none. */
CREW_API const char *crew_request_header(const crew_request *request, const char *name);

/* crew_request_cookie - the first value of a cookie, as it was sent, without quotes
 * around it; null when there is none. Names are taken as they are, upper and lower case
 * told apart. When browsers send several of one name, the first is that of the longest
 * path. */
CREW_API const char *crew_request_cookie(crew_request *request, const char *name);

/* crew_request_cookies - all cookies in their order; otherwise as
 * crew_request_query_pairs. */
CREW_API const struct crew_pair *crew_request_cookies(crew_request *request,
                                                      size_t *count);

/* crew_unescape_url - TEXT percent-decoded, as a string of its own, for the caller to
 * free(3): what crew_escape_url (crew/response.h) was given, or encodeURIComponent in a
 * browser. Null: it would hold a zero byte, or there is no memory. Any thread. */
CREW_API char *crew_unescape_url(const char *text);

/* crew_request_client, crew_request_scheme, crew_request_host - what the web server says of
 * the client: its address, the scheme ("https") and the host that it asked for
 * ("example.com:8080"). Null when it does not say, and for a plain call. X-Forwarded-For
 * and the like are what any client can write, and not believed: where a proxy stands before
 * the web server, teach that to see through it (nginx: realip). The host is the Host field
 * when there is a sound one, else SERVER_NAME and SERVER_PORT; the client chooses among all
 * that the web server answers to. */
CREW_API const char *crew_request_client(const crew_request *request);
CREW_API const char *crew_request_scheme(const crew_request *request);
CREW_API const char *crew_request_host(crew_request *request);

/* crew_request_param - the value of a CGI parameter (RFC 3875 §4.1), null when absent. */
CREW_API const char *crew_request_param(const crew_request *request, const char *name);

/* crew_request_params - all CGI parameters (or a plain call's headers) in their order. Each
 * name and value has a zero byte behind it; one that holds zero bytes itself is whole here
 * only, by its length. */
CREW_API const struct crew_pair *crew_request_params(const crew_request *request,
                                                     size_t *count);

/* crew_request_content_type - what kind of body it is, as the caller says. Never null: ""
 * when there is none. */
CREW_API const char *crew_request_content_type(const crew_request *request);

/* crew_request_body - the body and its length. Followed by a zero byte, so that text can
 * be used as a string. Never null. */
CREW_API const void *crew_request_body(const crew_request *request, size_t *bytes);

/* crew_request_form, crew_request_task, crew_request_id - whether it is an HTTP request or
 * a plain call, the task it came for, and its id. Never null. */
CREW_API enum crew_form crew_request_form(const crew_request *request);
CREW_API const char *crew_request_task(const crew_request *request);
CREW_API const char *crew_request_id(const crew_request *request);

/* crew_request_complaint - why a function that reads the request returned CREW_EBADREQUEST,
 * in a sentence for the client ("page: not a number"); the last one if there were several,
 * null when there was none. A handler that returns CREW_EBADREQUEST need not look: the
 * client is answered 400 with it. It may quote what the client sent. */
CREW_API const char *crew_request_complaint(const crew_request *request);

/* ---- forms ---- */

/* The body as a form: of the type application/x-www-form-urlencoded, or the fields of
 * multipart/form-data (RFC 7578) that are no files. It is read when it is first asked
 * for. JSON: crew_request_json in crew/json.h. */

/* crew_request_read_form - read the form now. No body is a form without fields.
 * CREW_EBADREQUEST: the body is of another type, or not what its type says, or has more
 * fields than crew_request_set_limits allows. The functions below find nothing then, so a
 * handler that could do without any field calls this one first. CREW_ENOMEM. */
CREW_API int crew_request_read_form(crew_request *request);

/* crew_request_form_value, crew_request_form_number, crew_request_form_values,
 * crew_request_form_pairs - as crew_request_query_value and so on, of the form. */
CREW_API const char *crew_request_form_value(crew_request *request, const char *key);
CREW_API long crew_request_form_number(crew_request *request, const char *key, long min,
                                       long max, long fallback);
CREW_API const char *const *crew_request_form_values(crew_request *request,
                                                     const char *key, size_t *count);
CREW_API const struct crew_pair *crew_request_form_pairs(crew_request *request,
                                                         size_t *count);

/* A file of a multipart/form-data form. All that is said of it are the client's words. */
struct crew_upload {
    const char *field; /* the name of its field in the form */
    const char *name;  /* its own name: without folders and control characters, never
                          "." or "..", perhaps "". May begin with a dot */
    const char *client_name;  /* the same as the client wrote it: perhaps a path */
    const char *content_type; /* "" when there is none */
    const void *data; /* its bytes, where they lie in the body; no zero behind them */
    size_t bytes;
};

/* crew_request_upload - the first file of the field FIELD; null when there is none. What
 * a browser sends for a field where no file was chosen is none. */
CREW_API const struct crew_upload *crew_request_upload(crew_request *request,
                                                       const char *field);

/* crew_request_uploads - all files in their order. */
CREW_API const struct crew_upload *crew_request_uploads(crew_request *request,
                                                        size_t *count);

/* crew_upload_save - write a file to PATH, which the handler chooses: the names in UPLOAD
 * are the client's. It is there whole or not at all, with mode 0600, and takes nobody's
 * place: CREW_EEXIST when there is something of this name, a symbolic link included.
 * CREW_ESYSTEM. Written is PATH.XXXXXX, then linked to PATH; that is left behind only by
 * a process that is killed meanwhile. Not synced. Blocks on the file system. */
CREW_API int crew_upload_save(const struct crew_upload *upload, const char *path);

/* crew_request_upload_fd - a temporary file with UPLOAD's bytes, open for reading and
 * writing, at its beginning: for what wants a file and not memory. It has no name of its
 * own, its path is /proc/self/fd/FD. It lies in $TMPDIR, or /tmp, belongs to the request
 * and is gone when the handler returns or its process ends; the handler does not close
 * it. CREW_ESYSTEM. Blocks on the file system. */
CREW_API int crew_request_upload_fd(crew_request *request,
                                    const struct crew_upload *upload, int *fd);

/* How much is read of a body. What is left 0 has its default. */
struct crew_request_limits {
    size_t form_fields;  /* of a form, files included: 1000 */
    size_t json_bytes;   /* of a body that is JSON: 1 MiB (as values up to a hundred) */
    unsigned json_depth; /* arrays and objects in each other: 64; at most 2048 */
};

/* crew_request_set_limits - for what is read after it. The body as a whole is limited by
 * the bridge (--max-body), the header of a part of a form to 8 KiB. */
CREW_API void crew_request_set_limits(crew_request *request,
                                      const struct crew_request_limits *limits);

/* ---- where the handler runs ---- */

/* crew_request_state - what the set-up gave (crew_app_state in crew/app.h), null without
 * one. Still the app's. */
CREW_API void *crew_request_state(const crew_request *request);

/* crew_request_uuid, crew_request_node_uuid - this handler process, and its app-worker. */
CREW_API const char *crew_request_uuid(const crew_request *request);
CREW_API const char *crew_request_node_uuid(const crew_request *request);

/* crew_request_set - let the request carry VALUE, from a hook to the handler and to the
 * hooks after it. It takes the place of another one with this KEY, which is destroyed then;
 * KEY is copied. DESTROY (may be null) is called with VALUE, unless that is null, when the
 * request has been answered: those set last come first. */
CREW_API void crew_request_set(crew_request *request, const char *key, void *value,
                               void (*destroy)(void *value));

/* crew_request_get - what was set; null when there is none. Still the request's. */
CREW_API void *crew_request_get(const crew_request *request, const char *key);

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

/* crew_request_publish - publish a message for whoever has subscribed to CHANNEL (struct
 * crew_publication in crew/message.h), and wait until the broker has it; for no longer than
 * what is left of this request. CONTENT_TYPE null: application/octet-stream. 0 also when
 * nobody has subscribed. CREW_EINVAL: no channel's name. CREW_ETOOLARGE. CREW_EBROKER: the
 * broker is away or takes nothing; it was not published. CREW_EOVERLOADED: the queue of a
 * subscriber refuses it. CREW_ELOST: it is not known whether it was published.
 * CREW_ETIMEOUT: the same, and this handler was told to stop. Blocks. */
CREW_API int crew_request_publish(crew_request *request, const char *channel,
                                  const char *content_type, const void *body,
                                  size_t body_bytes);

/* The levels of app-worker's log (--logging). */
enum crew_log_level { CREW_LOG_DEBUG, CREW_LOG_INFO, CREW_LOG_WARNING, CREW_LOG_ERROR };

/* crew_request_log - a line in app-worker's log, with the request's id; cut off after 2047
 * bytes. Blocks until it is written to app-worker's socket. */
CREW_API void crew_request_log(crew_request *request, enum crew_log_level level,
                               const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#ifdef __cplusplus
}
#endif
#endif
