/* crew/response.h - what a handler writes.
 *
 * Everything here belongs to the thread that the handler was called on. What is given to a
 * response is copied. No function blocks unless it says so.
 */
#ifndef CREW_RESPONSE_H
#define CREW_RESPONSE_H

#include <crew/message.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crew_request crew_request;
typedef struct crew_response crew_response;

/* ---- writing the response ---- */

/* All of these return 0 or an error, so that a handler can end with `return crew_...`. An
 * invalid response is thrown away whatever comes after; the worker's log says why it was.
 * A response to HEAD is written as for GET: its body is counted, not sent. */

/* crew_response_status - 200 when never set. A number outside 200-599 makes the response
 * invalid (502 bad-response) and returns CREW_EINVAL. */
CREW_API int crew_response_status(crew_response *response, int status);

/* crew_response_get_status - the status that the client gets, as things are now: also that of
 * the answer in the response's stead, when the handler failed (500) or the response is
 * invalid (502). For hooks after the handler. */
CREW_API int crew_response_get_status(const crew_response *response);

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

/* ---- streaming ---- */

/* crew_response_flush - send what was written until now, and go on: the client has it while
 * the handler still runs. The first time the head goes along, with `X-Accel-Buffering: no`
 * and without Content-Length: what would change it returns CREW_EINVAL from then on, and
 * after-hooks (crew/app.h) come too late for it. --max-response bounds what is written
 * between two flushes. Blocks while the client takes no more: at most CREW_WINDOW_BYTES are
 * under way.
 * CREW_ECANCELLED: nobody wants the rest (the client has hung up, or the time is over);
 * every later write and flush returns it at once, so that handlers that pass errors on come
 * to their end. CREW_EINVAL: the response is invalid; it is not sent, or not any further.
 * A handler that returns an error behind its first flush breaks off its response: the
 * client sees that it is not whole. The response to HEAD ends with the head. Callers that
 * take no streams (plain calls) get all of it in one answer: for them flush sends nothing,
 * and --max-response bounds the whole. */
CREW_API int crew_response_flush(crew_response *response);

/* crew_response_error - answer with an error: STATUS, and TEXT (may be null) for the client.
 * The body is plain text ("404 Not Found: no such item"), or the app's own page: see
 * crew_app_error_page in crew/app.h. It takes the place of what there was, with the fields
 * that speak of it (Content-Type, -Encoding, -Disposition, -Language, -Length, ETag,
 * Last-Modified); other fields stay. */
CREW_API int crew_response_error(crew_response *response, int status, const char *text);

/* JSON: crew_response_json in crew/json.h. */

/* ---- pages ---- */

/* crew_response_html - append to a page. FORMAT is markup of the author's own, what its
 * conversions insert is escaped, so that it is text wherever it comes from:
 *
 *     crew_response_html(response, "<a title=\"%s\">%s, %d</a>",
 *                        title, name, count);
 *
 * That holds for the text of elements and for attributes in quotes; inside <script>,
 * <style> and attributes like onclick or href other rules hold. The conversions are those
 * of printf without %n, %m, %p and wide characters; CREW_EINVAL: one of these, and the
 * caller gets 500 `failed`. text/html in UTF-8 unless a Content-Type was set. */
CREW_API int crew_response_html(crew_response *response, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* crew_response_url - append TEXT as a part of a URL, a segment of its path or a key or
 * value of its query: percent-encoded, all but letters, digits and -._~ of RFC 3986 §2.3.
 * Safe within a quoted attribute. */
CREW_API int crew_response_url(crew_response *response, const char *text);

/* crew_escape_html, crew_escape_url - the same as strings of their own, for the caller to
 * free(3). Null: out of memory. Any thread. */
CREW_API char *crew_escape_html(const char *text);
CREW_API char *crew_escape_url(const char *text);

/* ---- redirects ---- */

/* crew_response_redirect - send the client to LOCATION with 301, 302, 303, 307 or 308.
 * After a form was posted that is 303. CREW_EINVAL: another status, or CR or LF in
 * LOCATION; the response is invalid then. Anything else is sent as it is: a LOCATION from
 * outside leads wherever its sender wants, under your name. */
CREW_API int crew_response_redirect(crew_response *response, int status,
                                    const char *location);

/* crew_response_redirect_local - the same to TARGET if it is a path of this site, from its
 * '/' on, and to FALLBACK if it is not (or null): for targets from outside, as ?next=. */
CREW_API int crew_response_redirect_local(crew_response *response, int status,
                                          const char *target, const char *fallback);

/* ---- cookies ---- */

/* With which requests from other sites browsers send a cookie. */
enum crew_same_site {
    CREW_SAME_SITE_UNSET, /* browsers take that for Lax */
    CREW_SAME_SITE_LAX,
    CREW_SAME_SITE_STRICT,
    CREW_SAME_SITE_NONE
};

/* A cookie, by the names of RFC 6265 §4.1. What is left zero is not sent. */
struct crew_cookie {
    const char *name;
    const char *value;
    const char *path;   /* null: "/", all of the site */
    const char *domain; /* null: this host alone */
    long max_age_s;     /* with neither of the two it ends with the browser's session */
    time_t expires; /* the same as a time; browsers look at it without max_age_s only */
    bool secure;    /* over TLS only */
    bool http_only; /* not for scripts */
    enum crew_same_site same_site;
    bool partitioned; /* one for each site that embeds this one */
};

/* crew_response_cookie - set a cookie. Nothing is encoded: CREW_EINVAL for a name that is
 * no token, a value with a control character, a space, '"', ',', ';', '\' or a letter
 * beyond ASCII (crew_escape_url makes one without), a path or domain that is none, a time
 * that is negative or beyond the year 9999; and for what browsers refuse: SAME_SITE_NONE,
 * partitioned and the names __Secure-... and __Host-... without secure, and __Host-...
 * with a domain or a path. CREW_ETOOLARGE: name and value over 4096 bytes. The response
 * is invalid then. */
CREW_API int crew_response_cookie(crew_response *response,
                                  const struct crew_cookie *cookie);

/* crew_response_cookie_delete - end a cookie. Browsers know it by its name, path and
 * domain, and want the same secure and partitioned, so pass what it was set with. Value
 * and time are not looked at. */
CREW_API int crew_response_cookie_delete(crew_response *response,
                                         const struct crew_cookie *cookie);

/* ---- files ---- */

/* crew_response_file - answer with the file at PATH, and forget what was in the body.
 * What is not there, not readable or no regular file is answered 404.
 *
 * When the web server's location says with a parameter X_ACCEL_REDIRECT or X_SENDFILE
 * that it can send the file itself, it is left to it (docs/webservers.md). Else it is
 * read, with a Content-Type by its name unless one was set, ETag, Last-Modified, the
 * preconditions of crew_response_conditional, and Range: one range is answered 206 or
 * 416, several get the whole file. A file under a status other than 200 is sent as it is.
 *
 * One that is over --max-response leaves while it is read, as with crew_response_flush,
 * whose errors it returns; where answers are whole (see there) that is CREW_ETOOLARGE, and
 * the response is invalid. CREW_ESYSTEM: the file cannot be read; the caller gets 500 `failed`. Blocks on
 * the file system. */
CREW_API int crew_response_file(crew_request *request, crew_response *response,
                                const char *path);

/* crew_response_file_below - the same with the file RELATIVE to the folder ROOT, for
 * paths from outside: 404 for all that is not below ROOT, whether by "..", a leading '/'
 * or a symbolic link (one that is absolute counts as outside). Decoding is the caller's:
 * %2e is no dot. CREW_ESYSTEM as well when ROOT cannot be opened. */
CREW_API int crew_response_file_below(crew_request *request, crew_response *response,
                                      const char *root, const char *relative);

/* crew_response_attachment - the client shall save the body under FILENAME (of a path,
 * what is behind the last '/'; null: no name), in UTF-8 (RFC 6266, RFC 8187).
 * CREW_EINVAL: a control character in it; the response is invalid then. */
CREW_API int crew_response_attachment(crew_response *response, const char *filename);

/* ---- what the client has already ---- */

/* crew_response_conditional - compare what there is with what the client says of it
 * (If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since; RFC 9110 §13.2.2).
 * ETAG names the present version of what was asked for, without quotes; null: none.
 * MODIFIED is the time of its last change; 0: unknown. With neither there is no such
 * thing yet.
 *
 * True: the response is complete, 304 for a GET or HEAD whose client has this version
 * already, 412 for one that rests on another version. Return 0 then:
 *
 *     if (crew_response_conditional(request, response, version, 0))
 *         return 0;
 *
 * Both stand in the response to GET and HEAD as ETag and Last-Modified. An ETAG with a
 * quote, a space or a control character, or over 255 bytes, makes the response invalid,
 * and complete. */
CREW_API bool crew_response_conditional(const crew_request *request,
                                        crew_response *response, const char *etag,
                                        time_t modified);

#ifdef __cplusplus
}
#endif
#endif
