/* An app with an error page. */
#include <crew/app.h>
#include <string.h>

static int page(crew_request *request, crew_response *response, int status,
                const char *text) {
    crew_request_log(request, CREW_LOG_INFO, "page %d", status);
    if (strcmp(text, "fail") == 0)
        return 3;
    if (strcmp(text, "spoil") == 0)
        return crew_response_header(response, "X", "a\nb");
    if (strcmp(text, "again") == 0)
        return crew_response_error(response, 418, text);
    crew_response_header(response, "Content-Type", "text/html");
    return crew_response_printf(response, "<p>%s: %d %s</p>", crew_request_path(request),
                                status, text);
}

/* The body has the error. */
static int erring(crew_request *request, crew_response *response) {
    size_t bytes;
    crew_response_header(response, "Content-Type", "image/png");
    crew_response_header(response, "Content-Encoding", "gzip");
    crew_response_header(response, "ETag", "\"1\"");
    crew_response_header(response, "Retry-After", "3");
    crew_response_text(response, "never seen");
    return crew_response_error(response, 409, crew_request_body(request, &bytes));
}

static int refusing(crew_request *request, crew_response *response) {
    (void)request;
    (void)response;
    return CREW_EBADREQUEST;
}

static int failing(crew_request *request, crew_response *response) {
    (void)request;
    crew_response_error(response, 409, "never seen");
    return 7;
}

static int answering_404(crew_request *request, crew_response *response) {
    (void)request;
    crew_response_status(response, 404);
    return crew_response_text(response, "my own");
}

static int before(crew_request *request, crew_response *response) {
    (void)request;
    return crew_response_error(response, 401, NULL);
}

static void after(crew_request *request, crew_response *response) {
    (void)request;
    if (crew_response_get_status(response) == 200)
        crew_response_error(response, 503, "late");
}

static int nothing(crew_request *request, crew_response *response) {
    (void)request;
    (void)response;
    return 0;
}

CREW_APP(app) {
    crew_app_error_page(app, page);
    crew_app_before(app, "/before", before);
    crew_app_after(app, "", after);
    crew_app_route(app, "POST", "/erring", erring);
    crew_app_route(app, "*", "/refusing", refusing);
    crew_app_route(app, "*", "/failing", failing);
    crew_app_route(app, "*", "/own", answering_404);
    crew_app_route(app, "*", "/after", nothing);
    crew_app_task(app, "refusing", refusing);
    return 0;
}
