/* crew/json.h - JSON in handlers, as values of jansson (https://jansson.readthedocs.io).
 *
 * A header of its own, because it needs <jansson.h>: libjansson-dev. pkg-config and CMake
 * link the app with jansson where they link it with crew.
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

/* crew_request_json - the body as JSON (RFC 8259): any value, not only arrays and
 * objects. *JSON belongs to the request and lives until the handler returns; json_incref
 * keeps it.
 *
 * CREW_EBADREQUEST, with a complaint that says where ("line 2, column 9: ..."): it is not
 * JSON in UTF-8; an object has a name twice; a string holds \u0000; a number is too large
 * for a json_int_t or a double; it is too large or nested too deep (see
 * crew_request_set_limits). And: Content-Type is not application/json or one with +json,
 * which a plain call may leave out. CREW_ENOMEM. */
CREW_API int crew_request_json(crew_request *request, json_t **json);

/* crew_request_json_unpack - the same, taken apart by json_unpack's FORMAT:
 *
 *     const char *name;
 *     int age = 0;
 *     int error = crew_request_json_unpack(request, "{s:s, s?:i}",
 *                                          "name", &name, "age", &age);
 *     if (error != 0)
 *         return error;
 *
 * CREW_EBADREQUEST as well when the value is not what FORMAT says. CREW_EINVAL: FORMAT is
 * none. Some of what the arguments point to may be set then. What is unpacked as a string
 * or with "o" belongs to the request. */
CREW_API int crew_request_json_unpack(crew_request *request, const char *format, ...);

/* ---- writing the response ---- */

/* crew_response_json - append JSON to the body, in its shortest form; the body is
 * application/json unless a Content-Type was set. JSON stays the caller's. CREW_EINVAL:
 * it is null (as json_pack returns it for a mistake in its format), or cannot be written;
 * the caller gets 500 `failed`. CREW_ETOOLARGE: over --max-response. */
CREW_API int crew_response_json(crew_response *response, const json_t *json);

/* crew_response_json_new - the same, and JSON's reference is taken over, so that a
 * handler may end with
 *
 *     return crew_response_json_new(response,
 *                                   json_pack("{s:i}", "id", id)); */
CREW_API int crew_response_json_new(crew_response *response, json_t *json);

#ifdef __cplusplus
}
#endif
#endif
