/* watch_uv - call a task every second and print its answer, until Ctrl-C.
 *
 *     watch_uv [TASK [TIMES]]
 *
 * A program with an event loop: libuv watches the client's descriptor along with its own
 * timers and signals. Other loops work in the same way. No call blocks the loop, and the
 * program keeps running when the broker is disconnected.
 *
 *     cc -o watch_uv watch_uv.c $(pkg-config --cflags --libs crew libuv)
 */
#include <crew/client.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#define INTERVAL_MS 1000

struct watch {
    crew_client *client;
    const char *task;
    unsigned long left; /* calls still to be made */
    unsigned in_flight;
    uv_poll_t poll;
    uv_timer_t timer;
    uv_signal_t interrupt;
};

static void stop(struct watch *watch) {
    uv_poll_stop(&watch->poll);
    uv_timer_stop(&watch->timer);
    uv_signal_stop(&watch->interrupt);
}

static void on_answer(void *arg, const struct crew_answer *answer) {
    struct watch *watch = arg;
    if (answer->error == 0)
        printf("%.*s\n", (int)answer->body_bytes, (const char *)answer->body);
    else
        printf("%s\n", crew_strerror(answer->error));
    fflush(stdout);
    watch->in_flight--;
    if (watch->left == 0 && watch->in_flight == 0)
        stop(watch);
}

static void on_event(void *arg, enum crew_event_kind kind, const char *text) {
    (void)arg;
    (void)kind;
    fprintf(stderr, "%s\n", text);
}

static void on_readable(uv_poll_t *poll, int status, int events) {
    (void)status;
    (void)events;
    struct watch *watch = poll->data;
    crew_client_dispatch(watch->client);
}

/* No call is made before the client is connected, as it would fail. */
static void on_time(uv_timer_t *timer) {
    struct watch *watch = timer->data;
    const struct crew_call call = {.task = watch->task, .expiration_ms = 10000};
    if (watch->left == 0 || !crew_client_ready(watch->client))
        return;
    if (crew_client_call(watch->client, &call, on_answer, watch, NULL) == 0)
        watch->in_flight++;
    watch->left--;
}

static void on_interrupt(uv_signal_t *interrupt, int number) {
    (void)number;
    stop(interrupt->data);
}

static void run(struct watch *watch) {
    uv_loop_t *loop = uv_default_loop();
    watch->poll.data = watch->timer.data = watch->interrupt.data = watch;
    uv_poll_init(loop, &watch->poll, crew_client_fd(watch->client));
    uv_timer_init(loop, &watch->timer);
    uv_signal_init(loop, &watch->interrupt);
    uv_poll_start(&watch->poll, UV_READABLE, on_readable);
    uv_timer_start(&watch->timer, on_time, 0, INTERVAL_MS);
    uv_signal_start(&watch->interrupt, on_interrupt, SIGINT);
    uv_run(loop, UV_RUN_DEFAULT);
}

int main(int argc, char **argv) {
    struct watch watch = {.task = argc > 1 ? argv[1] : "stat",
                          .left = argc > 2 ? strtoul(argv[2], NULL, 10) : UINT32_MAX};
    const struct crew_client_options options = {.name = "watch_uv", .on_event = on_event};
    crew_broker broker;
    const char *url = getenv("CREW_AMQP_URL");
    crew_broker_init(&broker);
    if (url != NULL && crew_broker_parse(&broker, url, NULL, 0) != 0) {
        fprintf(stderr, "CREW_AMQP_URL is not a broker's URL\n");
        return 2;
    }
    if (crew_client_new(&broker, &options, &watch.client) != 0) {
        perror("watch_uv");
        return EXIT_FAILURE;
    }
    run(&watch);
    crew_client_free(watch.client);
    crew_broker_fini(&broker);
    return EXIT_SUCCESS;
}
