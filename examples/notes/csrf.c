#include "csrf.h"

#include "session.h"
#include <string.h>

/* RFC 9110 §9.2.1. What is none of these changes something, plain calls included. */
static bool is_safe(const char *method) {
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
           strcmp(method, "OPTIONS") == 0;
}

/* In the same time wherever they differ, so that nobody can find the secret one character
 * after the other. */
static bool same_secret(const char *secret, const char *told) {
    if (strlen(told) != SECRET_CHARACTERS)
        return false;
    unsigned difference = 0;
    for (size_t i = 0; i < SECRET_CHARACTERS; i++)
        difference |= (unsigned)(secret[i] ^ told[i]);
    return difference == 0;
}

int csrf_check(crew_request *request, crew_response *response) {
    if (is_safe(crew_request_method(request)))
        return CREW_GO_ON;
    const struct broker_session *session = session_find(request, response);
    const char *told = crew_request_header(request, "X-CSRF-Token");
    if (told == NULL)
        told = crew_request_form_value(request, "csrf");
    if (session != NULL && told != NULL && same_secret(session->csrf, told))
        return CREW_GO_ON;
    return crew_response_error(response, 403,
                               "This did not come from a page of yours, or "
                               "the page is too old. Nothing was changed.");
}

void csrf_field(crew_request *request, crew_response *response) {
    const struct broker_session *session = session_find(request, response);
    crew_response_html(response, "<input type=\"hidden\" name=\"csrf\" value=\"%s\">\n",
                       session != NULL ? session->csrf : "");
}
