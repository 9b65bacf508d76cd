/* crew/response.h - what a handler writes.
 *
 * Use these functions on the thread that the handler was called on. Arguments are copied.
 * No function blocks unless stated otherwise.
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

/* These functions return 0 or an error, so that a handler can end with `return crew_...`.
 * Once a response is invalid it stays invalid: the caller gets an error (502
 * bad-response, or 500 `failed` where stated), and the reason is logged. A response to
 * HEAD is written as for GET; its body is counted and not sent. */

/* crew_response_status - set the status; the default is 200. CREW_EINVAL: not from 200 to
 * 599; the response is invalid then. */
CREW_API int crew_response_status(crew_response *response, int status);

/* crew_response_get_status - the status that the client would get now: that of the error
 * if the handler has failed (500) or the response is invalid (502). For after-hooks. */
CREW_API int crew_response_get_status(const crew_response *response);

/* crew_response_header - add a header field. Fields keep their order, and names may be
 * repeated, except Content-Type: the last one is used. Content-Length is computed.
 * CREW_EINVAL: not a field name, or CR, LF or NUL in VALUE (RFC 9110 §5.5); the response
 * is invalid then. CREW_ETOOLARGE: more than 1 MiB of fields, or a Content-Type of more
 * than 255 bytes; the response is invalid then. Status, Connection, Keep-Alive,
 * Transfer-Encoding and Crew-Error are set by the bridge: CREW_EINVAL, and the response
 * stays valid. */
CREW_API int crew_response_header(crew_response *response, const char *name,
                                  const char *value);

/* crew_response_write - append bytes to the body. Without a Content-Type the body is
 * application/octet-stream. CREW_ETOOLARGE: more than --max-response; the response is
 * invalid then. CREW_ENOMEM: the caller gets 500 `failed`. */
CREW_API int crew_response_write(crew_response *response, const void *data, size_t bytes);

/* crew_response_printf - append formatted text. Without a Content-Type the body is
 * text/plain in UTF-8. Errors as crew_response_write. */
CREW_API int crew_response_printf(crew_response *response, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* crew_response_text - append TEXT; otherwise as crew_response_printf. */
CREW_API int crew_response_text(crew_response *response, const char *text);

/* ---- streaming ---- */

/* crew_response_flush - send what was written so far to the client while the handler goes
 * on. The first flush also sends the head, with `X-Accel-Buffering: no` and without
 * Content-Length. After it, functions that would change the head return CREW_EINVAL, in
 * after-hooks (crew/app.h) as well. --max-response limits what is written between two
 * flushes. Blocks if the client reads slowly: at most CREW_WINDOW_BYTES are in transit.
 *
 *     CREW_ECANCELLED  the client has disconnected, or the time is over. Later writes
 *                      and flushes return it at once
 *     CREW_EINVAL      the response is invalid; it is not sent, or not any further
 *
 * If a handler returns an error after its first flush, the response is aborted, and the
 * client sees that it is incomplete. For HEAD only the head is sent. Callers that do not
 * read streams (plain calls) get the whole response in one answer: then flush sends
 * nothing, and --max-response limits the whole. */
CREW_API int crew_response_flush(crew_response *response);

/* crew_response_error - answer with an error: STATUS, and TEXT (may be null) for the
 * client. The body is plain text ("404 Not Found: no such item"), or the app's error
 * page, see crew_app_error_page in crew/app.h. It replaces the body that was written, and
 * the fields that describe it (Content-Type, -Encoding, -Disposition, -Language, -Length,
 * ETag, Last-Modified); other fields are kept. CREW_EINVAL: after the first flush. */
CREW_API int crew_response_error(crew_response *response, int status, const char *text);

/* For JSON see crew_response_json in crew/json.h. */

/* ---- pages ---- */

/* crew_response_html - append to a page. FORMAT is markup; what its conversions insert is
 * escaped:
 *
 *     crew_response_html(response, "<a title=\"%s\">%s, %d</a>",
 *                        title, name, count);
 *
 * The escaping is for the text of elements and for quoted attributes. It is not
 * sufficient in <script>, <style> and attributes such as onclick and href. Conversions
 * are those of printf without %n, %m, %p and wide characters; with one of these
 * CREW_EINVAL is returned and the caller gets 500 `failed`. Without a Content-Type the
 * body is text/html in UTF-8. */
CREW_API int crew_response_html(crew_response *response, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* crew_response_url - append TEXT as a part of a URL, percent-encoded except for letters,
 * digits and -._~ (RFC 3986 §2.3): a segment of a path, or a key or value of a query.
 * Safe in a quoted attribute. */
CREW_API int crew_response_url(crew_response *response, const char *text);

/* crew_escape_html, crew_escape_url - escape TEXT for a page, or for a part of a URL.
 * Returns a new string, to be freed with free(3). Null: out of memory. Any thread. */
CREW_API char *crew_escape_html(const char *text);
CREW_API char *crew_escape_url(const char *text);

/* ---- redirects ---- */

/* crew_response_redirect - redirect the client to LOCATION with STATUS 301, 302, 303, 307
 * or 308; 303 after a form was posted. CREW_EINVAL: another status, or CR or LF in
 * LOCATION; the response is invalid then. LOCATION is not checked otherwise: never pass
 * one that the client has sent, or use crew_response_redirect_local. */
CREW_API int crew_response_redirect(crew_response *response, int status,
                                    const char *location);

/* crew_response_redirect_local - redirect to TARGET if it is a path of this site, which
 * begins with '/'; else (also if it is null) to FALLBACK. For targets that the client
 * sends, such as ?next=. */
CREW_API int crew_response_redirect_local(crew_response *response, int status,
                                          const char *target, const char *fallback);

/* ---- cookies ---- */

/* Which requests from other sites browsers send a cookie with. */
enum crew_same_site {
    CREW_SAME_SITE_UNSET, /* browsers use Lax */
    CREW_SAME_SITE_LAX,
    CREW_SAME_SITE_STRICT,
    CREW_SAME_SITE_NONE
};

/* A cookie, with the names of RFC 6265 §4.1. Fields that are zero are not sent. */
struct crew_cookie {
    const char *name;
    const char *value;
    const char *path;   /* null: "/", the whole site */
    const char *domain; /* null: this host only */
    long max_age_s;     /* lifetime; without it and expires: the browser session */
    time_t expires;     /* end as a Unix time; ignored if max_age_s is set */
    bool secure;        /* sent over TLS only */
    bool http_only;     /* not readable by scripts */
    enum crew_same_site same_site;
    bool partitioned; /* a separate cookie per embedding site */
};

/* crew_response_cookie - set a cookie. Nothing is encoded. CREW_EINVAL, and the response
 * is invalid:
 *
 *     name       is not a token
 *     value      has a control character, a space, '"', ',', ';', '\' or a non-ASCII
 *                character (crew_escape_url removes them)
 *     path       does not begin with '/', or is not valid otherwise
 *     domain     is not valid
 *     times      are negative or after the year 9999
 *     secure     is missing where browsers require it: CREW_SAME_SITE_NONE, partitioned,
 *                names that begin with __Secure- or __Host-
 *     __Host-    has a domain or a path other than "/"
 *
 * CREW_ETOOLARGE: name and value have more than 4096 bytes; the response is invalid
 * then. */
CREW_API int crew_response_cookie(crew_response *response,
                                  const struct crew_cookie *cookie);

/* crew_response_cookie_delete - delete a cookie. Browsers identify it by name, path and
 * domain, and require the same secure and partitioned, so pass those that it was set
 * with. Value and times are ignored. */
CREW_API int crew_response_cookie_delete(crew_response *response,
                                         const struct crew_cookie *cookie);

/* ---- files ---- */

/* crew_response_file - answer with the file at PATH; a body that was written is
 * discarded. 404 if it does not exist, is not readable, or is not a regular file.
 *
 * If the web server can send the file itself, which its location says with the parameter
 * X_ACCEL_REDIRECT or X_SENDFILE, it does (docs/webservers.md). Else the file is read and
 * sent with a Content-Type from its name (unless one was set), ETag and Last-Modified,
 * and with the preconditions of crew_response_conditional. One range is answered with 206
 * or 416, several with the whole file. With a status other than 200 the file is sent
 * without these.
 *
 * A file larger than --max-response is streamed as with crew_response_flush, whose errors
 * are returned. Where that is not possible: CREW_ETOOLARGE, and the response is invalid.
 * CREW_ESYSTEM: the file cannot be read; the caller gets 500 `failed`. CREW_EINVAL: after
 * the first flush. Blocks on the file system. */
CREW_API int crew_response_file(crew_request *request, crew_response *response,
                                const char *path);

/* crew_response_file_below - the same for the file RELATIVE to the folder ROOT, for paths
 * that the client sends. 404 for everything outside of ROOT, whether by "..", a leading
 * '/' or a symbolic link (an absolute one counts as outside). RELATIVE is not
 * percent-decoded. CREW_ESYSTEM also if ROOT cannot be opened. */
CREW_API int crew_response_file_below(crew_request *request, crew_response *response,
                                      const char *root, const char *relative);

/* crew_response_attachment - make the client save the body as FILENAME, in UTF-8 (RFC
 * 6266, RFC 8187). Of a path the part after the last '/' is used. Null: no name.
 * CREW_EINVAL: it has a control character; the response is invalid then. */
CREW_API int crew_response_attachment(crew_response *response, const char *filename);

/* ---- preconditions ---- */

/* crew_response_conditional - check the preconditions of the request (If-Match,
 * If-Unmodified-Since, If-None-Match, If-Modified-Since; RFC 9110 §13.2.2). ETAG
 * identifies the present version of the resource, without quotes; null: none. MODIFIED is
 * the time of its last change; 0: unknown. With neither, the resource does not exist.
 *
 * True: the response is complete. It is 304 for a GET or HEAD of a client that has this
 * version, or 412 for a request that expects another version. The handler returns 0 then:
 *
 *     if (crew_response_conditional(request, response, version, 0))
 *         return 0;
 *
 * For GET and HEAD both are sent as ETag and Last-Modified. An ETAG with a quote, a space
 * or a control character, or with more than 255 bytes, makes the response invalid; then
 * true is returned as well. */
CREW_API bool crew_response_conditional(const crew_request *request,
                                        crew_response *response, const char *etag,
                                        time_t modified);

#ifdef __cplusplus
}
#endif
#endif
