/* Backend for requests that publish their body (CREW_PUBLISH).
 *
 * A publication cannot be withdrawn: if the web server disconnects, it goes on without
 * its request. Until the client reports its end it counts as in flight, body included. */
#ifndef BRIDGE_PUBLISH_H
#define BRIDGE_PUBLISH_H

#include "fcgi-bridge/http/request.h"

extern const struct request_backend publish_backend;

#endif
