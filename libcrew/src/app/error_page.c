/* Answers that are errors. */
#include "app/response.h"

#include "wire/http.h"

int crew_response_error(crew_response *response, int status, const char *text) {
    response->body.len = 0;
    response->content_type.len = 0;
    response->kind = RESPONSE_BYTES; /* it may have been a page, which TEXT is not */
    int error = crew_response_status(response, status);
    if (error != CREW_OK)
        return error;
    return crew_response_printf(response, "%d %s%s%s\n", status, http_reason(status),
                                text != NULL ? ": " : "", text != NULL ? text : "");
}
