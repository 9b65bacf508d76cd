#include "app/response_conditional.h"

#include "app/response.h"
#include "base/clock.h"
#include "wire/http_date.h"
#include <stdio.h>
#include <string.h>

enum { ETAG_BYTES = 256 };

/* etagc of RFC 9110 §8.8.3 */
static bool is_opaque(const char *text) {
    for (const char *at = text; *at != '\0'; at++)
        if (*at == '"' || *at == 0x7f || (unsigned char)*at <= ' ')
            return false;
    return strlen(text) < ETAG_BYTES;
}

/* Last-Modified must not be later than now (RFC 9110 §8.8.2.1). A time before 1970 is a
 * wrong clock. */
struct validators response_validators(const char *etag, time_t modified) {
    int64_t now_s = (int64_t)(clock_unix_ms() / 1000), modified_s = modified;
    if (modified_s > now_s)
        modified_s = now_s;
    return (struct validators){etag, modified_s > 0 ? modified_s : 0, now_s};
}

static void add_validators(crew_response *response, const struct validators *current) {
    char date[HTTP_DATE_BYTES];
    http_date_write(current->modified_s, date);
    if (current->etag != NULL)
        crew_response_header(response, "ETag", current->etag);
    if (current->modified_s != 0)
        crew_response_header(response, "Last-Modified", date);
}

bool response_is_decided(const crew_request *request, crew_response *response,
                         const struct validators *current) {
    if (response_has_begun(response))
        return false;
    const char *method = crew_request_method(request);
    const struct preconditions preconditions = {
        .reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0,
        .if_match = crew_request_header(request, "If-Match"),
        .if_none_match = crew_request_header(request, "If-None-Match"),
        .if_modified_since = crew_request_header(request, "If-Modified-Since"),
        .if_unmodified_since = crew_request_header(request, "If-Unmodified-Since"),
    };
    /* A method that changes the resource changes its validators, too. */
    if (preconditions.reads)
        add_validators(response, current);
    int status = conditional_status(&preconditions, current);
    if (status == 304)
        response_set_not_modified(response);
    else if (status != 0)
        crew_response_error(response, status, NULL);
    return status != 0 || response_is_invalid(response);
}

bool crew_response_conditional(const crew_request *request, crew_response *response,
                               const char *etag, time_t modified) {
    char quoted[ETAG_BYTES + 2];
    if (etag != NULL && !is_opaque(etag)) {
        response_invalid(response, CREW_EBADRESPONSE, CREW_EINVAL,
                         "an ETag with invalid characters", "");
        return true;
    }
    if (etag != NULL)
        snprintf(quoted, sizeof quoted, "\"%s\"", etag);
    const struct validators current =
        response_validators(etag != NULL ? quoted : NULL, modified);
    return response_is_decided(request, response, &current);
}
