/* Validators of a response, and what the request says about them. */
#include "app/conditional.h"
#include "wire/http_date.h"
#include "app/response.h"
#include "base/clock.h"
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

/* No time later than now may be sent (RFC 9110 §8.8.2.1), and one before 1970 is a clock
 * that was wrong. */
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

bool response_settled(const crew_request *request, crew_response *response,
                      const struct validators *current) {
    if (response->stream.begun)
        return false;
    const char *method = crew_request_method(request);
    const struct preconditions asked = {
        .reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0,
        .if_match = crew_request_header(request, "If-Match"),
        .if_none_match = crew_request_header(request, "If-None-Match"),
        .if_modified_since = crew_request_header(request, "If-Modified-Since"),
        .if_unmodified_since = crew_request_header(request, "If-Unmodified-Since"),
    };
    /* Those of what is read. What a method changes has other ones afterwards. */
    if (asked.reads)
        add_validators(response, current);
    int status = conditional_status(&asked, current);
    if (status == 304) {
        response->status = status;
        response->body.len = response->content_type.len = 0;
    } else if (status != 0) {
        crew_response_error(response, status, NULL);
    }
    return status != 0 || response->error != CREW_OK;
}

bool crew_response_conditional(const crew_request *request, crew_response *response,
                               const char *etag, time_t modified) {
    char quoted[ETAG_BYTES + 2];
    if (etag != NULL && !is_opaque(etag)) {
        response_invalid(response, CREW_EBADRESPONSE, CREW_EINVAL,
                         "an ETag with what it cannot hold", "");
        return true;
    }
    if (etag != NULL)
        snprintf(quoted, sizeof quoted, "\"%s\"", etag);
    const struct validators current =
        response_validators(etag != NULL ? quoted : NULL, modified);
    return response_settled(request, response, &current);
}
