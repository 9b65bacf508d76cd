/* call URL http|plain|ping TASK COUNT EXPIRATION_MS GZIP_ABOVE [NAME=VALUE ...] < BODY
 *
 * Make COUNT calls at once through the public headers alone. For each answer, in the
 * order in which they come: a line `NUMBER WORD STATUS WORKER PAIRS BYTES` (the word is
 * `ok` when it is the handler's own answer, the worker `-` when it is not known), the
 * pairs as `NAME: VALUE` lines, and the body. */
#include <crew/client.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PAIRS 32
#define MAX_CALLS 256

static unsigned open_calls;
static unsigned numbers[MAX_CALLS];

static void die(const char *why) {
    fprintf(stderr, "call: %s\n", why);
    exit(2);
}

static void report(void *arg, enum crew_event_kind kind, const char *text) {
    (void)arg;
    if (kind == CREW_EVENT_WARNING)
        fprintf(stderr, "warning: %s\n", text);
}

static void print(void *arg, const struct crew_answer *a) {
    const unsigned *number = arg;
    printf("%u %s %d %s %zu %zu\n", *number,
           a->error == 0 ? "ok" : crew_error_word(a->error), a->status,
           a->worker == NULL ? "-" : a->worker, a->pair_count, a->body_bytes);
    for (size_t i = 0; i < a->pair_count; i++) {
        fwrite(a->pairs[i].name, 1, a->pairs[i].name_bytes, stdout);
        fputs(": ", stdout);
        fwrite(a->pairs[i].value, 1, a->pairs[i].value_bytes, stdout);
        putchar('\n');
    }
    fwrite(a->body, 1, a->body_bytes, stdout);
    open_calls--;
}

static void turn(crew_client *client) {
    struct pollfd fd = {.fd = crew_client_fd(client), .events = POLLIN};
    poll(&fd, 1, 1000);
    crew_client_dispatch(client);
}

static size_t read_pairs(struct crew_pair *pairs, char **words) {
    size_t count = 0;
    for (; *words != NULL && count < MAX_PAIRS; words++) {
        char *value = strchr(*words, '=');
        if (value == NULL)
            die("NAME=VALUE, please");
        pairs[count++] = (struct crew_pair){.name = *words,
                                            .name_bytes = (size_t)(value - *words),
                                            .value = value + 1,
                                            .value_bytes = strlen(value + 1)};
    }
    return count;
}

static size_t read_body(char **body) {
    size_t bytes = 0, room = (size_t)64 << 20;
    *body = malloc(room);
    if (*body == NULL)
        die("no memory");
    for (size_t n; (n = fread(*body + bytes, 1, room - bytes, stdin)) > 0;)
        bytes += n;
    return bytes;
}

static enum crew_form form_of(const char *word) {
    return strcmp(word, "http") == 0   ? CREW_HTTP
           : strcmp(word, "ping") == 0 ? CREW_PING
                                       : CREW_PLAIN;
}

static crew_client *connect_to(const char *url, size_t gzip_above_bytes) {
    crew_broker broker;
    crew_client *client;
    char why[200];
    crew_broker_init(&broker);
    if (crew_broker_parse(&broker, url, why, sizeof why) != 0)
        die(why);
    struct crew_client_options options = {.gzip_above_bytes = gzip_above_bytes,
                                          .on_event = report};
    if (crew_client_new(&broker, &options, &client) != 0)
        die("no client");
    crew_broker_fini(&broker);
    while (!crew_client_ready(client))
        turn(client);
    return client;
}

int main(int argc, char **argv) {
    if (argc < 7)
        die("call URL http|plain|ping TASK COUNT EXPIRATION_MS GZIP_ABOVE "
            "[NAME=VALUE ...]");
    struct crew_pair pairs[MAX_PAIRS];
    char *body;
    struct crew_call call = {
        .form = form_of(argv[2]),
        .task = argv[3],
        .expiration_ms = (uint32_t)strtoul(argv[5], NULL, 10),
        .content_type = "application/x-things",
        .pairs = pairs,
        .pair_count = read_pairs(pairs, argv + 7),
    };
    call.body_bytes = read_body(&body);
    call.body = body;

    crew_client *client = connect_to(argv[1], strtoul(argv[6], NULL, 10));
    unsigned count = (unsigned)strtoul(argv[4], NULL, 10);
    for (unsigned i = 0; i < count && i < MAX_CALLS; i++) {
        numbers[i] = i;
        if (crew_client_call(client, &call, print, &numbers[i], NULL) != 0)
            die("not a call");
        open_calls++;
    }
    while (open_calls > 0)
        turn(client);
    crew_client_free(client);
    free(body);
    return 0;
}
