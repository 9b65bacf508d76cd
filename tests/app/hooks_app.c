/* An app whose hooks and handlers log in which order they run. */
#include <crew/app.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int destroyed;

static void destroy_user(void *user) {
    destroyed++;
    free(user);
}

static void say(crew_request *request, const char *what) {
    crew_request_log(request, CREW_LOG_INFO, "%s", what);
}

/* ---- before ---- */

static int before_all(crew_request *request, crew_response *response) {
    say(request, "before all");
    crew_response_header(response, "X-Before", "1");
    return CREW_GO_ON;
}

static int before_paths(crew_request *request, crew_response *response) {
    (void)response;
    say(request, "before paths");
    return CREW_GO_ON;
}

/* ?do= selects what it returns. */
static int before_admin(crew_request *request, crew_response *response) {
    const char *wanted = crew_request_query_value(request, "do");
    const char *id = crew_request_path_value(request, "id");
    crew_request_log(request, CREW_LOG_INFO, "before admin %s", id != NULL ? id : "-");
    if (wanted == NULL)
        return crew_response_error(response, 401, "log in");
    if (strcmp(wanted, "redirect") == 0) {
        crew_response_status(response, 303);
        return crew_response_header(response, "Location", "/login");
    }
    if (strcmp(wanted, "refuse") == 0)
        return CREW_EBADREQUEST;
    if (strcmp(wanted, "fail") == 0)
        return -1;
    if (strcmp(wanted, "spoil") == 0)
        crew_response_status(response, 1);
    crew_request_set(request, "user", strdup("nobody"), destroy_user);
    crew_request_set(request, "user", strdup(wanted), destroy_user);
    crew_request_set(request, "user", crew_request_get(request, "user"), destroy_user);
    return CREW_GO_ON;
}

static int before_admin_too(crew_request *request, crew_response *response) {
    (void)response;
    say(request, "before admin too");
    return CREW_GO_ON;
}

/* ---- after ---- */

static void after_all(crew_request *request, crew_response *response) {
    crew_request_log(request, CREW_LOG_INFO, "after all %d",
                     crew_response_get_status(response));
}

static void after_paths(crew_request *request, crew_response *response) {
    say(request, "after paths");
    crew_response_header(response, "X-After", "1");
}

static void after_admin(crew_request *request, crew_response *response) {
    (void)response;
    const char *user = crew_request_get(request, "user");
    crew_request_log(request, CREW_LOG_INFO, "after admin %s", user != NULL ? user : "-");
}

static void after_replaced(crew_request *request, crew_response *response) {
    (void)request;
    crew_response_error(response, 503, "not now");
}

static void after_spoiled(crew_request *request, crew_response *response) {
    (void)request;
    crew_response_header(response, "X", "a\nb");
}

/* ---- handlers ---- */

static int admin(crew_request *request, crew_response *response) {
    say(request, "handler");
    return crew_response_printf(response, "%s %s", crew_request_path_value(request, "id"),
                                (const char *)crew_request_get(request, "user"));
}

static int text(crew_request *request, crew_response *response) {
    say(request, "handler");
    return crew_response_text(response, "text");
}

static int failing(crew_request *request, crew_response *response) {
    (void)response;
    say(request, "handler");
    return 7;
}

static int count(crew_request *request, crew_response *response) {
    (void)request;
    return crew_response_printf(response, "%d", destroyed);
}

CREW_APP(app) {
    crew_app_before(app, "", before_all);
    crew_app_after(app, "", after_all);
    crew_app_before(app, "/", before_paths);
    crew_app_after(app, "/", after_paths);
    crew_app_before(app, "/admin", before_admin);
    crew_app_before(app, "/admin", before_admin_too);
    crew_app_after(app, "/admin", after_admin);
    crew_app_after(app, "/replaced", after_replaced);
    crew_app_after(app, "/spoiled", after_spoiled);
    crew_app_route(app, "GET", "/admin/:id", admin);
    crew_app_route(app, "GET", "/administrator", text);
    crew_app_route(app, "GET", "/replaced", text);
    crew_app_route(app, "GET", "/spoiled", text);
    crew_app_route(app, "GET", "/failing", failing);
    crew_app_task(app, "text", text);
    crew_app_task(app, "count", count);
    return 0;
}
