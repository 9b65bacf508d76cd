/* emit_task - make 30 calls of `sleep` at once, and print their progress in one line.
 *
 *     emit_task [TASK [COUNT]]
 *
 * A program without an event loop: poll(2) waits for the client's descriptor,
 * crew_client_dispatch does what is due, and a callback gets each answer. Each call takes
 * 3 seconds; how many run at once depends on the number of handler processes.
 *
 *     cc -o emit_task emit_task.c $(pkg-config --cflags --libs crew)
 */
#include <crew/client.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define EXPIRATION_MS 600000
#define CONNECT_MS 5000

struct tally {
    unsigned sent, answered, failed;
    time_t began;
};

static void show(const struct tally *tally) {
    printf("\r%u of %u answered, %u failed, %ld s ", tally->answered, tally->sent,
           tally->failed, (long)(time(NULL) - tally->began));
    fflush(stdout);
}

static void on_answer(void *arg, const struct crew_answer *answer) {
    struct tally *tally = arg;
    if (answer->error == 0) {
        tally->answered++;
    } else {
        tally->failed++;
        fprintf(stderr, "\n%s\n", crew_strerror(answer->error));
    }
    show(tally);
}

static int emit(crew_client *client, const char *task, unsigned count,
                struct tally *tally) {
    const struct crew_call call = {.task = task, .expiration_ms = EXPIRATION_MS};
    int error = 0;
    while (tally->sent < count && error == 0) {
        error = crew_client_call(client, &call, on_answer, tally, NULL);
        if (error == 0)
            tally->sent++;
    }
    return error;
}

static void wait_for_all(crew_client *client, const struct tally *tally) {
    struct pollfd watched = {.fd = crew_client_fd(client), .events = POLLIN};
    while (tally->answered + tally->failed < tally->sent)
        if (poll(&watched, 1, -1) > 0 || errno != EINTR)
            crew_client_dispatch(client);
}

static int run(crew_client *client, const char *task, unsigned count) {
    struct tally tally = {.began = time(NULL)};
    char why[256];
    if (crew_client_wait_ready(client, CONNECT_MS, why, sizeof why) != 0) {
        fprintf(stderr, "no broker: %s\n", why);
        return EXIT_FAILURE;
    }
    int error = emit(client, task, count, &tally);
    if (error != 0)
        fprintf(stderr, "%s: %s\n", task, crew_strerror(error));
    wait_for_all(client, &tally);
    printf("\n");
    return error == 0 && tally.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv) {
    crew_broker broker;
    crew_client *client;
    char why[256];
    const char *url = getenv("CREW_AMQP_URL");
    crew_broker_init(&broker);
    if (url != NULL && crew_broker_parse(&broker, url, why, sizeof why) != 0) {
        fprintf(stderr, "CREW_AMQP_URL: %s\n", why);
        return 2;
    }
    if (crew_client_new(&broker, NULL, &client) != 0) {
        perror("emit_task");
        return EXIT_FAILURE;
    }
    int status = run(client, argc > 1 ? argv[1] : "sleep",
                     argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 30);
    crew_client_free(client);
    crew_broker_fini(&broker);
    return status;
}
