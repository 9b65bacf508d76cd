/* call.c - call a task and print its answer: ./call stat */
#include <crew/client.h>
#include <stdio.h>
#include <stdlib.h>

static int call_and_print(crew_client *client, const char *task) {
    const struct crew_call call = {.task = task};
    struct crew_answer *answer;
    char why[256];
    int error = crew_client_wait_ready(client, 5000, why, sizeof why);
    if (error != 0) {
        fprintf(stderr, "no broker: %s\n", why);
        return error;
    }
    error = crew_client_call_wait(client, &call, &answer);
    if (error != 0) {
        fprintf(stderr, "%s: %s\n", task, crew_strerror(error));
        return error;
    }
    fwrite(answer->body, 1, answer->body_bytes, stdout);
    crew_answer_free(answer);
    return 0;
}

int main(int argc, char **argv) {
    crew_broker broker;
    crew_client *client;
    const char *url = getenv("CREW_AMQP_URL"); /* null: RabbitMQ on localhost */
    crew_broker_init(&broker);
    if (url != NULL && crew_broker_parse(&broker, url, NULL, 0) != 0)
        return 2;
    if (crew_client_new(&broker, NULL, &client) != 0)
        return 1;
    int error = call_and_print(client, argc > 1 ? argv[1] : "stat");
    crew_client_free(client);
    crew_broker_fini(&broker);
    return error != 0;
}
