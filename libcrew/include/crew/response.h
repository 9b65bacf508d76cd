/* crew/response.h - what a handler writes.
 *
 * Everything here belongs to the thread that the handler was called on. What is given to a
 * response is copied.
 */
#ifndef CREW_RESPONSE_H
#define CREW_RESPONSE_H

#include <crew/message.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crew_response crew_response;

/* ---- writing the response -------------------------------------------------------------- */

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

/* crew_response_error - answer with an error: STATUS, and TEXT (may be null) for the client.
 * The body is plain text ("404 Not Found: no such item"), or the app's own page: see
 * crew_app_error_page in crew/app.h. It takes the place of what there was, with the fields
 * that speak of it (Content-Type, -Encoding, -Disposition, -Language, -Length, ETag,
 * Last-Modified); other fields stay. */
CREW_API int crew_response_error(crew_response *response, int status, const char *text);

#ifdef __cplusplus
}
#endif
#endif
