/* publisher URL CHANNEL COUNT WINDOW EXPIRATION_MS - publish the numbers from 1 to COUNT,
 * persistent, WINDOW of them under way at a time, and each until it is published: one
 * that certainly was not (CREW_EBROKER) is published anew, and whatever comes behind it
 * waits. Prints how each other one ended that did not end well, and "done". */
#include <crew/client.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

static struct {
    crew_client *client;
    const char *channel;
    uint32_t expiration_ms;
    unsigned long count, window;
    unsigned long next; /* to be published */
    unsigned long under_way;
    unsigned long again; /* the first that was not; 0: none */
} run;

static void turn(void) {
    struct pollfd fd = {.fd = crew_client_fd(run.client), .events = POLLIN};
    poll(&fd, 1, 1000);
    crew_client_dispatch(run.client);
}

static void on_published(void *arg, int error, const char *id) {
    unsigned long number = (unsigned long)(uintptr_t)arg;
    run.under_way--;
    if (error == CREW_EBROKER && (run.again == 0 || number < run.again))
        run.again = number;
    else if (error != 0 && error != CREW_EBROKER)
        printf("%lu %s %s\n", number, id, crew_error_word(error));
}

static void report(void *arg, enum crew_event_kind kind, const char *text) {
    (void)arg;
    fprintf(stderr, "# %d %s\n", (int)kind, text);
}

static int publish(unsigned long number) {
    char text[32];
    const struct crew_publication publication = {
        .channel = run.channel,
        .content_type = "text/plain",
        .body = text,
        .body_bytes = (size_t)snprintf(text, sizeof text, "%lu", number),
        .persistent = true,
        .expiration_ms = run.expiration_ms};
    run.under_way++;
    return crew_client_publish(run.client, &publication, on_published,
                               (void *)(uintptr_t)number);
}

static void publish_all(void) {
    while (run.next <= run.count || run.under_way > 0 || run.again != 0) {
        if (run.again != 0 && run.under_way == 0) {
            run.next = run.again;
            run.again = 0;
        }
        while (run.again == 0 && run.next <= run.count && run.under_way < run.window &&
               crew_client_ready(run.client))
            if (publish(run.next++) != 0)
                exit(1);
        turn();
    }
}

int main(int argc, char **argv) {
    const struct crew_client_options options = {.on_event = report};
    crew_broker broker;
    setvbuf(stdout, NULL, _IOLBF, 0);
    crew_broker_init(&broker);
    if (argc < 6 || crew_broker_parse(&broker, argv[1], NULL, 0) != 0 ||
        crew_client_new(&broker, &options, &run.client) != 0)
        return 2;
    run.channel = argv[2];
    run.count = strtoul(argv[3], NULL, 10);
    run.window = strtoul(argv[4], NULL, 10);
    run.expiration_ms = (uint32_t)strtoul(argv[5], NULL, 10);
    run.next = 1;
    publish_all();
    puts("done");
    crew_client_free(run.client);
    crew_broker_fini(&broker);
    return 0;
}
