/* report.so - a task by name: it gets every path below its location, and tells all. */
#include <crew/app.h>
#include <time.h>

/* ?ms=N: sleep first, unless told to stop. Then all CGI parameters, one NAME=value a
 * line, and a field that is there twice. */
static int report(crew_request *request, crew_response *response) {
    long ms = crew_request_query_number(request, "ms", 0, 60000, 0);
    for (; ms > 0 && !crew_request_stopping(request); ms -= 10)
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000000}, NULL);

    size_t count;
    const struct crew_pair *params = crew_request_params(request, &count);
    crew_response_header(response, "Content-Type", "text/x-report");
    crew_response_header(response, "Set-Cookie", "a=1");
    crew_response_header(response, "Set-Cookie", "b=2");
    for (size_t i = 0; i < count; i++) {
        crew_response_write(response, params[i].name, params[i].name_bytes);
        crew_response_write(response, "=", 1);
        crew_response_write(response, params[i].value, params[i].value_bytes);
        crew_response_write(response, "\n", 1);
    }
    return 0;
}

CREW_APP(app) {
    return crew_app_task(app, "report", report);
}
