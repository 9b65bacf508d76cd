/* An app for tests of the test client, linked into them: handlers that show what they get
 * and do what they are asked for. */
#include <crew/app.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- what came in ---- */

/* All parameters, one NAME=value per line. */
static int env(crew_request *request, crew_response *response) {
    size_t count;
    const struct crew_pair *params = crew_request_params(request, &count);
    for (size_t i = 0; i < count; i++)
        crew_response_printf(response, "%s=%s\n", params[i].name, params[i].value);
    return 0;
}

static int echo(crew_request *request, crew_response *response) {
    size_t bytes;
    const char *body = crew_request_body(request, &bytes);
    const char *type = crew_request_content_type(request);
    crew_response_printf(response, "%s %s?%s\n", crew_request_method(request),
                         crew_request_path(request), crew_request_query(request));
    crew_response_printf(response, "%s, %zu bytes\n", *type != '\0' ? type : "no type",
                         bytes);
    return crew_response_write(response, body, bytes);
}

static int count(crew_request *request, crew_response *response) {
    int *visits = crew_request_state(request);
    return crew_response_printf(response, "%s %d", crew_request_uuid(request), ++*visits);
}

/* ---- what goes out ---- */

static int failing(crew_request *request, crew_response *response) {
    (void)response;
    crew_request_log(request, CREW_LOG_DEBUG, "on my way %s", "down");
    return 7;
}

static int bad(crew_request *request, crew_response *response) {
    (void)request;
    return crew_response_header(response, "X", "a\r\nb");
}

/* ?n=N: N bytes, one of them zero. */
static int bytes(crew_request *request, crew_response *response) {
    long n = crew_request_query_number(request, "n", 0, 100000, 3);
    crew_response_header(response, "X-Twice", "one");
    crew_response_header(response, "X-Twice", "two");
    for (long i = 0; i < n; i++)
        crew_response_write(response, i == 1 ? "" : "x", 1);
    return 0;
}

/* ?to=LOCATION&status=N */
static int redirect(crew_request *request, crew_response *response) {
    const char *to = crew_request_query_value(request, "to");
    long status = crew_request_query_number(request, "status", 200, 599, 302);
    crew_response_status(response, (int)status);
    return to != NULL ? crew_response_header(response, "Location", to) : 0;
}

/* ?set=SET-COOKIE&set=...; the body has them, one per line. */
static int cookies(crew_request *request, crew_response *response) {
    size_t count;
    char *body = strdup(crew_request_body(request, &count)), *rest;
    for (char *line = strtok_r(body, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        crew_response_header(response, "Set-Cookie", line);
    free(body);
    return 0;
}

static int cookie(crew_request *request, crew_response *response) {
    const char *value = crew_request_header(request, "Cookie");
    return crew_response_text(response, value != NULL ? value : "(none)");
}

/* ---- time ---- */

static void sleep_ms(long ms) {
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* Run until told to stop, at most ten seconds. */
static int work(crew_request *request, crew_response *response) {
    int rounds = 0;
    while (rounds < 1000 && !crew_request_stopping(request)) {
        sleep_ms(10);
        rounds++;
    }
    crew_request_log(request, CREW_LOG_INFO, "stopped after %d rounds", rounds);
    return crew_response_text(response, rounds < 1000 ? "stopped" : "done");
}

static int left(crew_request *request, crew_response *response) {
    return crew_response_printf(response, "%u", crew_request_left_ms(request));
}

/* ---- calls ---- */

/* Call the task that the body names. */
static int call(crew_request *request, crew_response *response) {
    size_t count;
    static const char word[] = "X-Word", neo[] = "Neo";
    const struct crew_pair header = {word, sizeof word - 1, neo, sizeof neo - 1};
    const struct crew_call made = {.task = crew_request_body(request, &count),
                                   .content_type = "text/x-question",
                                   .pairs = &header,
                                   .pair_count = 1,
                                   .body = "why?",
                                   .body_bytes = strlen("why?")};
    const struct crew_answer *answer;
    crew_request_call(request, &made, &answer);
    const char *outcome = crew_error_word(answer->error);
    return crew_response_printf(response, "%s %d %s [%.*s]",
                                outcome != NULL ? outcome : "ok", answer->status,
                                answer->content_type != NULL ? answer->content_type : "-",
                                (int)answer->body_bytes, (const char *)answer->body);
}

/* Call a, b and c as a group; the body is ALL, ANY or FIRST. */
static int group(crew_request *request, crew_response *response) {
    size_t count;
    const char *end = crew_request_body(request, &count);
    const struct crew_call calls[] = {
        {.task = "a", .expiration_ms = 9000}, {.task = "b"}, {.task = "c"}};
    const struct crew_group made = {.end = strcmp(end, "ANY") == 0     ? CREW_GROUP_ANY
                                           : strcmp(end, "FIRST") == 0 ? CREW_GROUP_FIRST
                                                                       : CREW_GROUP_ALL,
                                    .calls = calls,
                                    .count = 3,
                                    .expiration_ms = 2000};
    const struct crew_answer *answers[3];
    int error = crew_request_group(request, &made, answers);
    return crew_response_printf(response, "%d: %d %d %d", error, answers[0]->status,
                                answers[1]->status, answers[2]->status);
}

static int again(crew_request *request, crew_response *response) {
    const struct crew_call made = {.task = "again"};
    const struct crew_answer *answer;
    crew_request_call(request, &made, &answer);
    if (answer->error != 0)
        return crew_response_text(response, crew_error_word(answer->error));
    return crew_response_write(response, answer->body, answer->body_bytes);
}

/* Publish on the channel that the body names. */
static int publish(crew_request *request, crew_response *response) {
    size_t count;
    const char *channel = crew_request_body(request, &count);
    int error = crew_request_publish(request, channel, "text/x-news", "a\0b", 3);
    return crew_response_text(response, error == 0 ? "ok" : crew_strerror(error));
}

/* ---- the app ---- */

/* Fails if the argument is "broken". */
static int setup(crew_app *app, void **state) {
    if (crew_app_argc(app) > 1 && strcmp(crew_app_argv(app)[1], "broken") == 0)
        return 3;
    *state = calloc(1, sizeof(int));
    return *state == NULL;
}

CREW_APP(app) {
    crew_app_state(app, setup, free);
    crew_app_route(app, "*", "/env", env);
    crew_app_route(app, "*", "/echo", echo);
    crew_app_route(app, "*", "/a b", echo);
    crew_app_route(app, "*", "/deep/down/echo", echo);
    crew_app_route(app, "*", "/redirect", redirect);
    crew_app_route(app, "*", "/deep/down/redirect", redirect);
    crew_app_route(app, "*", "/cookies", cookies);
    crew_app_route(app, "*", "/deep/down/cookies", cookies);
    crew_app_route(app, "*", "/cookie", cookie);
    crew_app_route(app, "*", "/deep/down/cookie", cookie);
    crew_app_route(app, "*", "/deeper/cookie", cookie);
    crew_app_route(app, "GET", "/count", count);
    crew_app_route(app, "GET", "/failing", failing);
    crew_app_route(app, "GET", "/bad", bad);
    crew_app_route(app, "GET", "/bytes", bytes);
    crew_app_route(app, "GET", "/work", work);
    crew_app_route(app, "GET", "/left", left);
    crew_app_route(app, "POST", "/call", call);
    crew_app_route(app, "POST", "/group", group);
    crew_app_route(app, "POST", "/publish", publish);
    crew_app_task(app, "count", count);
    crew_app_task(app, "echo", echo);
    crew_app_task(app, "env", env);
    crew_app_task(app, "left", left);
    crew_app_task(app, "again", again);
    return 0;
}
