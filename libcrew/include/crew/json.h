/* crew/json.h - JSON in handlers, as values of jansson (https://jansson.readthedocs.io).
 *
 * A header of its own, because it needs <jansson.h>: libjansson-dev, and -ljansson in the
 * app's own link.
 */
#ifndef CREW_JSON_H
#define CREW_JSON_H

#include <crew/response.h>
#include <jansson.h>

#ifdef __cplusplus
extern "C" {
#endif

/* crew_response_json - append JSON to the body, in its shortest form; the body is
 * application/json unless a Content-Type was set. JSON stays the caller's. CREW_EINVAL:
 * it is null (as json_pack returns it for a mistake in its format), or cannot be written;
 * the caller gets 500 `failed`. CREW_ETOOLARGE: over --max-response. */
CREW_API int crew_response_json(crew_response *response, const json_t *json);

/* crew_response_json_new - the same, and JSON's reference is taken over, so that a
 * handler may end with
 *
 *     return crew_response_json_new(response, json_pack("{s:i}", "id", id)); */
CREW_API int crew_response_json_new(crew_response *response, json_t *json);

#ifdef __cplusplus
}
#endif
#endif
