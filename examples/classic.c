/* classic.so - tasks by name.
 *
 * Each task below has a queue of its own, crew.tasks.NAME. The web server selects the
 * task of a location (fastcgi_param CREW_TASK test), and any AMQP client can call it as
 * well: a handler serves both.
 *
 *     app-worker build/examples/classic.so
 */
#include <crew/app.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- state ---- */

/* Handlers share a state that is set up once per handler process: here a counter, often a
 * database connection. A process serves one request at a time, so no lock is needed. */
struct served {
    unsigned long tasks;
};

static int served_setup(crew_app *app, void **state) {
    (void)app;
    *state = calloc(1, sizeof(struct served));
    return *state == NULL;
}

static void served_teardown(void *state) {
    free(state);
}

static unsigned long count_task(const crew_request *request) {
    struct served *served = crew_request_state(request);
    return ++served->tasks;
}

/* ---- handlers ---- */

/* The shortest useful handler: read the request, write the response, return. */
static int test(crew_request *request, crew_response *response) {
    count_task(request);
    return crew_response_text(response, "Wake up Neo.\n");
}

/* Each handler process has a UUID. With several workers this shows how requests are
 * distributed. */
static int stat(crew_request *request, crew_response *response) {
    unsigned long tasks = count_task(request);
    return crew_response_printf(response, "I'm worker \"%s\". And I serve %lu tasks",
                                crew_request_uuid(request), tasks);
}

/* A handler that never returns. At the deadline its caller gets 504, and the process is
 * replaced; other requests are not affected. */
static int dead(crew_request *request, crew_response *response) {
    count_task(request);
    volatile bool waiting = true;
    while (waiting)
        ;
    return crew_response_text(response, "Nobody has ever read this.\n");
}

/* Handlers may block. Other requests wait in the queue, not in the web server. */
static int slow(crew_request *request, crew_response *response) {
    count_task(request);
    sleep(3);
    return crew_response_text(response, "Slept for 3 seconds.\n");
}

/* The result of a call in one line. A failed call is a result, too. */
static int print_result(crew_response *response, const char *label,
                        const struct crew_answer *answer) {
    if (answer->error != 0)
        return crew_response_printf(response, "%s result: %s\n", label,
                                    crew_strerror(answer->error));
    const char *body = answer->body;
    size_t bytes = answer->body_bytes;
    if (bytes > 0 && body[bytes - 1] == '\n')
        bytes--;
    return crew_response_printf(response, "%s result: %.*s\n", label, (int)bytes, body);
}

/* A handler can call other tasks, several at once. It waits for them within its own
 * deadline. The answers are in the order of the calls. */
static int parallel(crew_request *request, crew_response *response) {
    count_task(request);
    const struct crew_call calls[] = {{.task = "test"}, {.task = "stat"}};
    const struct crew_group group = {.calls = calls, .count = 2};
    const struct crew_answer *answers[2];
    crew_request_group(request, &group, answers);
    print_result(response, "Test", answers[0]);
    return print_result(response, "Stat", answers[1]);
}

/* Publish the request's body on the channel "test". */
static int publish(crew_request *request, crew_response *response) {
    count_task(request);
    size_t bytes;
    const void *body = crew_request_body(request, &bytes);
    const char *type = crew_request_content_type(request);
    (void)response; /* an empty one */
    return crew_request_publish(request, "test", type[0] != '\0' ? type : NULL, body,
                                bytes);
}

/* ---- the app ---- */

CREW_APP(app) {
    crew_app_state(app, served_setup, served_teardown);
    crew_app_task(app, "test", test);
    crew_app_task(app, "stat", stat);
    crew_app_task(app, "dead", dead);
    crew_app_task(app, "sleep", slow);
    crew_app_task(app, "parallel", parallel);
    crew_app_task(app, "publish", publish);
    return 0;
}
