/* Redirects (RFC 9110 §15.4). */
#include "app/response.h"

#include <string.h>

static bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 ||
           status == 308;
}

int crew_response_redirect(crew_response *response, int status, const char *location) {
    if (!is_redirect(status))
        return response_invalid(response, CREW_EBADRESPONSE, CREW_EINVAL,
                                "not a redirect's status", "");
    int error = crew_response_header(response, "Location", location);
    return error != CREW_OK ? error : crew_response_status(response, status);
}

/* A path of this site. Browsers take "//host" for another host and "\" for "/", and
 * remove tabs and line ends first (URL Standard, "basic URL parser"). */
static bool is_local(const char *target) {
    if (target == NULL || target[0] != '/' || target[1] == '/')
        return false;
    for (const char *at = target; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f || *at == '\\')
            return false;
    return true;
}

int crew_response_redirect_local(crew_response *response, int status, const char *target,
                                 const char *fallback) {
    return crew_response_redirect(response, status, is_local(target) ? target : fallback);
}
