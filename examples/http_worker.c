/* http_worker.c - serve HTTP requests without app-worker: ./http_worker TASK
 *
 * A worker with an event loop of its own, which needs nothing but crew's public headers.
 * It answers each request with its method and path, and with its body if there is one. */
#include <crew/worker.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int name_is(const struct crew_pair *pair, const char *name) {
    return pair->name_bytes == strlen(name) &&
           memcmp(pair->name, name, pair->name_bytes) == 0;
}

/* The value of a CGI parameter (RFC 3875 §4.1); empty if it is not there. */
static struct crew_pair parameter(const struct crew_task_view *task, const char *name) {
    struct crew_pair pair;
    size_t offset = 0;
    while (crew_pairs_next(task->pairs, task->pairs_bytes, &offset, &pair))
        if (name_is(&pair, name))
            return pair;
    return (struct crew_pair){.value = ""};
}

static void answer(crew_task *task, const struct crew_task_view *view) {
    static const struct crew_pair type = {"Content-Type", 12, "text/plain", 10};
    struct crew_pair method = parameter(view, "REQUEST_METHOD");
    struct crew_pair path = parameter(view, "SCRIPT_NAME");
    size_t head_bytes = method.value_bytes + path.value_bytes + 2;
    char *text = malloc(head_bytes + view->body_bytes + 1);
    struct crew_answer out = {.error = CREW_EFAILED};
    if (text != NULL) {
        sprintf(text, "%.*s %.*s\n", (int)method.value_bytes, method.value,
                (int)path.value_bytes, path.value);
        memcpy(text + head_bytes, view->body, view->body_bytes);
        out = (struct crew_answer){.status = 200,
                                   .pairs = &type,
                                   .pair_count = 1,
                                   .body = text,
                                   .body_bytes = head_bytes + view->body_bytes};
    }
    crew_task_answer(task, &out);
    free(text);
}

static void on_task(void *arg, crew_task *task) {
    struct crew_task_view view;
    (void)arg;
    if (crew_task_begin(task) != CREW_OK)
        return; /* cancelled or expired: the handle is invalid */
    crew_task_view(task, &view);
    if (view.form == CREW_HTTP)
        answer(task, &view);
    else
        crew_task_answer(task, &(struct crew_answer){.error = CREW_EFAILED});
    crew_task_done(task);
}

static void on_event(void *arg, enum crew_event_kind kind, const char *text) {
    (void)arg;
    (void)kind;
    fprintf(stderr, "%s\n", text);
}

int main(int argc, char **argv) {
    const struct crew_worker_options options = {
        .prefetch = 16, .on_task = on_task, .on_event = on_event};
    const char *url = getenv("CREW_AMQP_URL"); /* null: the RabbitMQ of this machine */
    const char *task = argc > 1 ? argv[1] : "http";
    crew_broker broker;
    crew_worker *worker;
    crew_broker_init(&broker);
    if (url != NULL && crew_broker_parse(&broker, url, NULL, 0) != CREW_OK)
        return 2;
    if (crew_worker_new(&broker, &options, &worker) != CREW_OK ||
        crew_worker_serve(worker, &task, 1) != CREW_OK)
        return 1;
    struct pollfd fd = {.fd = crew_worker_fd(worker), .events = POLLIN};
    while (poll(&fd, 1, -1) >= 0)
        crew_worker_dispatch(worker);
    crew_worker_free(worker);
    crew_broker_fini(&broker);
    return 1;
}
