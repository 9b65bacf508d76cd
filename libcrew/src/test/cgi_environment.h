/* The CGI parameters that a web server makes of a request (RFC 3875 §4.1): those of
 * nginx's fastcgi_params, with the PATH_INFO of README.md. */
#ifndef CREW_TEST_CGI_ENVIRONMENT_H
#define CREW_TEST_CGI_ENVIRONMENT_H

#include "test/cookie_jar.h"
#include "test/params.h"
#include <crew/test.h>

/* Append the parameters of REQUEST to PARAMS, which is empty. DEFAULTS are those that the
 * test has set for all requests; REQUEST's own replace them. */
void cgi_environment_make(const struct params *defaults, const struct cookie_jar *cookies,
                          const struct crew_test_request *request, struct params *params);

#endif
