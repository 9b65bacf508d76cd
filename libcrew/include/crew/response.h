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

/* ---- streaming ------------------------------------------------------------------------- */

/* crew_response_flush - send what was written until now, and go on: the client has it while
 * the handler still runs. The first time the head goes along, with `X-Accel-Buffering: no`
 * and without Content-Length: crew_response_status and crew_response_header return
 * CREW_EINVAL from then on. --max-response bounds what is written between two flushes.
 * Blocks while the client takes no more: at most CREW_WINDOW_BYTES are under way.
 * CREW_ECANCELLED: nobody wants the rest (the client has hung up, the time is over, the
 * worker is to stop); every later write and flush returns it at once, so that handlers that
 * pass errors on come to their end. CREW_EINVAL: the response is invalid; nothing was sent.
 * A handler that returns an error behind its first flush breaks off its response: the
 * client sees that it is not whole. The response to HEAD ends with the head. Callers
 * that take no streams (plain calls) get all of it in one answer: for them flush does
 * nothing, and --max-response bounds the whole. */
CREW_API int crew_response_flush(crew_response *response);

#ifdef __cplusplus
}
#endif
#endif
