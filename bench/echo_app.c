/* echo_app.so - the task that crew_calls calls: the body goes back as it came. */
#include <crew/app.h>

static int echo(crew_request *request, crew_response *response) {
    size_t bytes;
    const void *body = crew_request_body(request, &bytes);
    return crew_response_write(response, body, bytes);
}

CREW_APP(app) {
    return crew_app_task(app, "echo", echo);
}
