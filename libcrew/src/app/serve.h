/* A request's way through an app: its hooks, its handler, its error page. */
#ifndef CREW_APP_SERVE_H
#define CREW_APP_SERVE_H

#include "app/app.h"
#include "app/request.h"
#include "app/response.h"

/* serve - run what APP has for REQUEST's task. 0: RESPONSE is the answer. Else how the call
 * ends; the log knows why. CREW_ENOWORKERS: nothing, and no hook was run. */
int serve(const struct crew_app *app, const char *route_task, crew_request *request,
          crew_response *response);

#endif
