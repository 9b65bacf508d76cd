#include "csrf.h"

#include "session.h"
#include <string.h>

/* Safe methods (RFC 9110 §9.2.1). All others, and plain calls, change something. */
static bool is_safe(const char *method) {
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
           strcmp(method, "OPTIONS") == 0;
}

/* Takes the same time wherever the strings differ, so that the secret cannot be guessed
 * character by character. */
static bool same_secret(const char *secret, const char *received) {
    if (strlen(received) != SECRET_CHARACTERS)
        return false;
    unsigned difference = 0;
    for (size_t i = 0; i < SECRET_CHARACTERS; i++)
        difference |= (unsigned)(secret[i] ^ received[i]);
    return difference == 0;
}

int csrf_check(crew_request *request, crew_response *response) {
    if (is_safe(crew_request_method(request)))
        return CREW_GO_ON;
    const struct session *session = session_find(request, response);
    const char *received = crew_request_header(request, "X-CSRF-Token");
    if (received == NULL)
        received = crew_request_form_value(request, "csrf");
    if (session != NULL && received != NULL && same_secret(session->csrf, received))
        return CREW_GO_ON;
    return crew_response_error(response, 403,
                               "This did not come from a page of yours, or "
                               "the page is too old. Nothing was changed.");
}

void csrf_field(crew_request *request, crew_response *response) {
    const struct session *session = session_find(request, response);
    crew_response_html(response, "<input type=\"hidden\" name=\"csrf\" value=\"%s\">\n",
                       session != NULL ? session->csrf : "");
}
