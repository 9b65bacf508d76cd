/* extra_app.so - handlers for the tests that the examples do not have. */
#include <crew/app.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* An error instead of an answer. */
static int fail(crew_request *request, crew_response *response) {
    (void)request;
    crew_response_text(response, "never to be seen\n");
    return 1;
}

/* Header fields of one name, in an order, with bytes that are no UTF-8 between. */
static int cookies(crew_request *request, crew_response *response) {
    (void)request;
    crew_response_header(response, "Set-Cookie", "a=1");
    crew_response_header(response, "X-Between", "\xff\xfe\x80");
    crew_response_header(response, "Set-Cookie", "b=2");
    crew_response_header(response, "Set-Cookie", "c=3");
    return crew_response_text(response, "three\n");
}

/* One header field of 60,000 bytes. */
static int large(crew_request *request, crew_response *response) {
    (void)request;
    static char value[60001];
    memset(value, 'w', sizeof value - 1);
    crew_response_header(response, "X-Large", value);
    return crew_response_text(response, "large\n");
}

/* The parameters whose names begin with HTTP_X_, one a line, as they came. */
static int params(crew_request *request, crew_response *response) {
    size_t count;
    const struct crew_pair *pairs = crew_request_params(request, &count);
    crew_response_header(response, "Content-Type", "application/octet-stream");
    for (size_t i = 0; i < count; i++) {
        if (pairs[i].name_bytes < 7 || memcmp(pairs[i].name, "HTTP_X_", 7) != 0)
            continue;
        crew_response_write(response, pairs[i].name, pairs[i].name_bytes);
        crew_response_write(response, "=", 1);
        crew_response_write(response, pairs[i].value, pairs[i].value_bytes);
        crew_response_write(response, "\n", 1);
    }
    return 0;
}

/* How much of the time budget is left, in milliseconds. */
static int left(crew_request *request, crew_response *response) {
    return crew_response_printf(response, "%u", crew_request_left_ms(request));
}

/* The status is the handler's, the outcome's word is not. */
static int lie(crew_request *request, crew_response *response) {
    (void)request;
    crew_response_status(response, 503);
    crew_response_header(response, "Crew-Error", "no-workers");
    return crew_response_text(response, "mine\n");
}

/* Numbers, one a line, flushed by the hundred. */
static int count(crew_request *request, crew_response *response) {
    long n = crew_request_query_number(request, "n", 0, 100000000, 1000);
    crew_response_header(response, "X-Accel-Buffering", "yes");
    crew_response_header(response, "Content-Length", "3");
    for (long i = 0; i < n; i++) {
        crew_response_printf(response, "%ld\n", i);
        if (i % 100 == 0 && crew_response_flush(response) != 0)
            return 1;
    }
    return 0;
}

/* ?how=...: flushes a line, and when that has gone its way, something happens. */
static int broken(crew_request *request, crew_response *response) {
    const char *how = crew_request_query_value(request, "how");
    static char large[1024 * 1024];
    crew_response_text(response, "a line\n");
    crew_response_flush(response);
    usleep(200000);
    if (strcmp(how, "segv") == 0)
        raise(SIGSEGV);
    while (strcmp(how, "deaf") == 0)
        usleep(10000);
    while (strcmp(how, "hang") == 0 && !crew_request_stopping(request))
        usleep(10000);
    if (strcmp(how, "large") == 0)
        while (crew_response_write(response, large, sizeof large) == 0)
            ;
    if (strcmp(how, "late") == 0) /* a head is not changed any more, and all is well */
        crew_response_status(response, 500);
    return strcmp(how, "error") == 0;
}

/* A status that has no body, and one all the same. */
static int bodiless(crew_request *request, crew_response *response) {
    (void)request;
    crew_response_status(response, 204);
    crew_response_text(response, "of no use\n");
    return crew_response_flush(response);
}

/* ?task=...: calls it, and tells the status. */
static int calling(crew_request *request, crew_response *response) {
    const struct crew_call call = {.task = crew_request_query_value(request, "task")};
    const struct crew_answer *answer;
    crew_request_call(request, &call, &answer);
    return crew_response_printf(response, "%d", answer->status);
}

CREW_APP(app) {
    crew_app_route(app, "GET", "/fail", fail);
    crew_app_route(app, "GET", "/cookies", cookies);
    crew_app_route(app, "GET", "/large", large);
    crew_app_route(app, "GET", "/params", params);
    crew_app_route(app, "GET", "/left", left);
    crew_app_route(app, "*", "/lie", lie);
    crew_app_route(app, "*", "/count", count);
    crew_app_route(app, "*", "/broken", broken);
    crew_app_route(app, "GET", "/bodiless", bodiless);
    crew_app_route(app, "*", "/calling", calling);
    return 0;
}
