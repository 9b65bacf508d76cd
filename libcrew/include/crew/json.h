/* crew/json.h - JSON in handlers, as values of jansson (https://jansson.readthedocs.io).
 *
 * A header of its own, as it includes <jansson.h> (package libjansson-dev). The flags of
 * pkg-config and CMake for crew include jansson.
 */
#ifndef CREW_JSON_H
#define CREW_JSON_H

#include <crew/request.h>
#include <crew/response.h>
#include <jansson.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- reading the request ---- */

/* crew_request_json - the body as JSON (RFC 8259); any value, not only arrays and
 * objects. *JSON belongs to the request and is valid until the handler returns; use
 * json_incref to keep it.
 *
 * CREW_EBADREQUEST, with a complaint that has the position ("line 2, column 9: ..."): the
 * body is not JSON in UTF-8; a name is repeated in an object; a string contains \u0000; a
 * number does not fit into a json_int_t or a double; the body is too large or nested too
 * deeply (crew_request_set_limits). Also if the Content-Type is not application/json or
 * one with +json; a plain call may have none. CREW_ENOMEM. */
CREW_API int crew_request_json(crew_request *request, json_t **json);

/* crew_request_json_unpack - read the body as JSON and unpack it with a FORMAT of
 * json_unpack:
 *
 *     const char *name;
 *     int age = 0;
 *     int error = crew_request_json_unpack(request, "{s:s, s?:i}",
 *                                          "name", &name, "age", &age);
 *     if (error != 0)
 *         return error;
 *
 * Errors as crew_request_json. CREW_EBADREQUEST also if the value does not match FORMAT;
 * some arguments may have been set then. CREW_EINVAL: FORMAT is invalid. Strings and
 * values of "o" belong to the request. */
CREW_API int crew_request_json_unpack(crew_request *request, const char *format, ...);

/* ---- writing the response ---- */

/* crew_response_json - append JSON to the body, without whitespace. Without a
 * Content-Type the body is application/json. JSON still belongs to the caller.
 * CREW_EINVAL: it is null (which json_pack returns for an invalid format) or cannot be
 * written; the caller gets 500 `failed`. CREW_ETOOLARGE: more than --max-response. */
CREW_API int crew_response_json(crew_response *response, const json_t *json);

/* crew_response_json_new - the same, and release the reference to JSON, so that a handler
 * can end with
 *
 *     return crew_response_json_new(response,
 *                                   json_pack("{s:i}", "id", id)); */
CREW_API int crew_response_json_new(crew_response *response, json_t *json);

#ifdef __cplusplus
}
#endif
#endif
