/* Serving a request: hooks, handler, error page. */
#ifndef CREW_APP_SERVE_H
#define CREW_APP_SERVE_H

#include "app/app.h"
#include "app/request.h"
#include "app/response.h"

/* Run the hooks and the handler for REQUEST's task. ROUTE_TASK is the task of the app's
 * routes. 0: RESPONSE is the answer. Else the outcome of the call; the reason has been
 * logged. CREW_ENOWORKERS: the app does not serve the task, and no hook was run. */
int serve(const struct crew_app *app, const char *route_task, crew_request *request,
          crew_response *response);

#endif
