#include <crew/app.h>

static int hello(crew_request *request, crew_response *response) {
    const char *name = crew_request_query_value(request, "name");
    return crew_response_printf(response, "Hello, %s\n", name != NULL ? name : "world");
}

CREW_APP(app) {
    return crew_app_route(app, "GET", "/hello", hello);
}
