/* An app for tests of the host: one handler per property. */
#include <crew/app.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int setup(crew_app *app, void **state) {
    if (crew_app_argc(app) != 2 || strcmp(crew_app_argv(app)[1], "argument") != 0)
        return 1;
    *state = malloc(sizeof(int));
    if (*state == NULL)
        return 1;
    *(int *)*state = 0;
    return 0;
}

static void teardown(void *state) {
    free(state);
}

static int counter(crew_request *request, crew_response *response) {
    int *count = crew_request_state(request);
    return crew_response_printf(response, "%d %s %s", ++*count,
                                crew_request_uuid(request),
                                crew_request_node_uuid(request));
}

static int failing(crew_request *request, crew_response *response) {
    (void)request;
    crew_response_text(response, "never seen");
    return 7;
}

static int refusing(crew_request *request, crew_response *response) {
    (void)request;
    crew_response_header(response, "Content-Type", "image/png");
    crew_response_text(response, "never seen");
    return CREW_EBADREQUEST;
}

static int invalid(crew_request *request, crew_response *response) {
    (void)request;
    return crew_response_header(response, "X", "a\r\nb");
}

static int large(crew_request *request, crew_response *response) {
    (void)request;
    return crew_response_printf(response, "%2000d", 1);
}

static int logging(crew_request *request, crew_response *response) {
    crew_request_log(request, CREW_LOG_INFO, "%s, %d", "a line", 1);
    return crew_response_text(response,
                              crew_request_stopping(request) ? "stopping" : "running");
}

/* Call the task that the body names. */
static int calling(crew_request *request, crew_response *response) {
    size_t bytes;
    struct crew_call call = {.task = crew_request_body(request, &bytes)};
    call.expiration_ms = bytes > 3 ? 60000 : 0;
    const struct crew_answer *answer;
    int error = crew_request_call(request, &call, &answer);
    return crew_response_printf(response, "%d %d", error, answer->status);
}

/* Call the task that the body names, and another one; write the status of each. */
static int grouping(crew_request *request, crew_response *response) {
    size_t bytes;
    const struct crew_call call = {.task = crew_request_body(request, &bytes)};
    const struct crew_call calls[] = {call, call, {.task = "other"}};
    const struct crew_group group = {
        .end = CREW_GROUP_ANY, .calls = calls, .count = 3, .expiration_ms = 60000};
    const struct crew_answer *answers[3];
    int error = crew_request_group(request, &group, answers);
    return crew_response_printf(response, "%d: %d %d %d", error, answers[0]->status,
                                answers[1]->status, answers[2]->status);
}

/* Publish on the channel that the body names. */
static int publishing(crew_request *request, crew_response *response) {
    size_t bytes;
    int error = crew_request_publish(request, crew_request_body(request, &bytes), NULL,
                                     "hello", 5);
    return crew_response_printf(response, "%d", error);
}

/* Flush two parts; then return the error that the body names, if any. */
static int streaming(crew_request *request, crew_response *response) {
    size_t bytes;
    const char *error = crew_request_body(request, &bytes);
    crew_response_text(response, "one");
    crew_response_flush(response);
    crew_response_text(response, "two");
    int told = crew_response_flush(response);
    return told != 0 ? told : (int)strtol(error, NULL, 10);
}

static int posted(crew_request *request, crew_response *response) {
    (void)request;
    return crew_response_text(response, "posted");
}

static int number(crew_request *request, crew_response *response) {
    return crew_response_printf(response, "%ld",
                                crew_request_path_number(request, "n", 1, 99, -1));
}

CREW_APP(app) {
    crew_app_state(app, setup, teardown);
    crew_app_task(app, "failing", failing);
    crew_app_task(app, "counter", counter);
    crew_app_task(app, "calling", calling);
    crew_app_task(app, "grouping", grouping);
    crew_app_task(app, "publishing", publishing);
    crew_app_route(app, "GET", "/counter", counter);
    crew_app_route(app, "POST", "/counter", posted);
    crew_app_route(app, "GET", "/number/:n", number);
    crew_app_route(app, "GET", "/failing", failing);
    crew_app_route(app, "GET", "/refusing", refusing);
    crew_app_route(app, "GET", "/invalid", invalid);
    crew_app_route(app, "GET", "/large", large);
    crew_app_route(app, "GET", "/logging", logging);
    crew_app_route(app, "*", "/streaming", streaming);
    return 0;
}
