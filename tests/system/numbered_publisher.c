/* numbered_publisher URL NAME RATE CHANNEL... - publish RATE messages a second, numbered
 * from 1 on, until SIGTERM; then wait until each of them has ended.
 *
 * Message N has the body "NAME N" and goes to the channel CHANNEL[N % count]. Numbers
 * that are not confirmed are not published again; each run of them is a line on the
 * standard output, `FIRST LAST reason`. The last line is `said COUNT`. */
#include <crew/client.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 10
#define STOP_TIMEOUT_MS 120000 /* longer than the broker is ever down */
#define BODY_BYTES 64

struct numbers {
    crew_client *client;
    const char *name;
    char **channels;
    unsigned long channel_count;
    unsigned long last;  /* the newest number */
    unsigned long ended; /* how many the broker has, or never will */
};

/* A run of numbers that ended alike. */
static struct {
    unsigned long first, last;
    int error;
} lost;

static void die(const char *why) {
    fprintf(stderr, "numbers: %s\n", why);
    exit(2);
}

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void tell_lost(void) {
    if (lost.error != 0)
        printf("%lu %lu %s\n", lost.first, lost.last, crew_strerror(lost.error));
    lost.error = 0;
}

static void note_lost(unsigned long number, int error) {
    if (error != lost.error || number != lost.last + 1) {
        tell_lost();
        lost.first = number;
        lost.error = error;
    }
    lost.last = number;
}

struct said {
    struct numbers *numbers;
    unsigned long number;
};

static void on_published(void *arg, int error, const char *id) {
    (void)id;
    struct said *said = arg;
    said->numbers->ended++;
    if (error != CREW_OK)
        note_lost(said->number, error);
    free(said);
}

static void say_next(struct numbers *numbers) {
    char body[BODY_BYTES];
    struct said *said = malloc(sizeof *said);
    if (said == NULL)
        die("no memory");
    *said = (struct said){numbers, ++numbers->last};
    int bytes = snprintf(body, sizeof body, "%s %lu", numbers->name, said->number);
    const struct crew_publication publication = {
        .channel = numbers->channels[said->number % numbers->channel_count],
        .content_type = "text/plain",
        .body = body,
        .body_bytes = (size_t)bytes,
        .persistent = true,
        .expiration_ms = STOP_TIMEOUT_MS};
    if (crew_client_publish(numbers->client, &publication, on_published, said) != CREW_OK)
        die("a message is not accepted");
}

static void run(struct numbers *numbers, unsigned long rate, int end_fd) {
    struct pollfd fds[] = {{.fd = crew_client_fd(numbers->client), .events = POLLIN},
                           {.fd = end_fd, .events = POLLIN}};
    uint64_t began_ms = now_ms();
    while (fds[1].revents == 0) {
        unsigned long due = (unsigned long)((now_ms() - began_ms) * rate / 1000);
        while (numbers->last < due)
            say_next(numbers);
        poll(fds, 2, TICK_MS);
        crew_client_dispatch(numbers->client);
    }
    while (numbers->ended < numbers->last) {
        poll(fds, 1, -1);
        crew_client_dispatch(numbers->client);
    }
}

static int termination(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

int main(int argc, char **argv) {
    struct crew_broker broker;
    char why[256];
    crew_broker_init(&broker);
    if (argc < 5 || crew_broker_parse(&broker, argv[1], why, sizeof why) != CREW_OK)
        die("numbers URL NAME RATE CHANNEL...");
    int end_fd = termination(); /* before there are threads */
    struct numbers numbers = {
        .name = argv[2], .channels = argv + 4, .channel_count = (unsigned long)argc - 4};
    const struct crew_client_options options = {.name = argv[2]};
    if (crew_client_new(&broker, &options, &numbers.client) != CREW_OK)
        die("no client");
    if (crew_client_wait_ready(numbers.client, STOP_TIMEOUT_MS, why, sizeof why) !=
        CREW_OK)
        die(why);
    run(&numbers, strtoul(argv[3], NULL, 10), end_fd);
    tell_lost();
    printf("said %lu\n", numbers.last);
    crew_client_free(numbers.client);
    crew_broker_fini(&broker);
    return 0;
}
