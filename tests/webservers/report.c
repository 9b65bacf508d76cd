/* report.so - a task by name: it gets every path below its location, and tells all. */
#include <crew/app.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A field as long as a test wants it. */
static void long_field(crew_response *response, size_t bytes) {
    char *value = calloc(1, bytes + 1);
    if (value)
        crew_response_header(response, "X-Long", memset(value, 'v', bytes));
    free(value);
}

/* ?break=1: flushes a line, and when that has gone its way, fails. */
static int fail_halfway(crew_response *response) {
    crew_response_text(response, "a line\n");
    crew_response_flush(response);
    nanosleep(&(struct timespec){.tv_nsec = 300 * 1000000}, NULL);
    return 1;
}

/* ?ms=N: sleep first, unless told to stop. ?field=N: a field of N bytes. Then all CGI
 * parameters, one NAME=value a line, and a field that is there twice. */
static int report(crew_request *request, crew_response *response) {
    long ms = crew_request_query_number(request, "ms", 0, 60000, 0);
    for (; ms > 0 && !crew_request_stopping(request); ms -= 10)
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000000}, NULL);

    long bytes = crew_request_query_number(request, "field", 0, 1000000, 0);
    if (bytes > 0)
        long_field(response, (size_t)bytes);

    if (crew_request_query_value(request, "break") != NULL)
        return fail_halfway(response);

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
