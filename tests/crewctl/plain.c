/* plain.so - tasks for the tests of crewctl. */
#include <crew/app.h>

/* An error status with header fields. */
static int teapot(crew_request *request, crew_response *response) {
    (void)request;
    crew_response_status(response, 418);
    crew_response_header(response, "Content-Type", "text/tea");
    crew_response_header(response, "Kind", "short and stout");
    return crew_response_text(response, "I'm a teapot");
}

/* Answers with the caller's header fields. */
static int header(crew_request *request, crew_response *response) {
    const char *colour = crew_request_header(request, "Colour");
    const char *size = crew_request_header(request, "Size");
    return crew_response_printf(response, "%s|%s", colour != NULL ? colour : "-",
                                size != NULL ? size : "-");
}

CREW_APP(app) {
    crew_app_task(app, "teapot", teapot);
    crew_app_task(app, "header", header);
    return 0;
}
