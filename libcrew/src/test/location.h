/* Where the Location of a redirect leads (RFC 3986 §5.2). */
#ifndef CREW_TEST_LOCATION_H
#define CREW_TEST_LOCATION_H

#include "test/params.h"
#include <stdbool.h>

/* True: a status of which Location says where the client shall go (RFC 9110 §15.4). */
bool location_is_redirect(int status);

/* Path and query, below the app's mount point, that LOCATION leads to from the request
 * with these CGI parameters; the caller frees it. Null: it leads out of the app. */
char *location_within_app(const char *location, const struct params *params);

#endif
