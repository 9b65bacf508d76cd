/* crew_calls - calls of a task through libcrew's client, measured as amqp_pump measures
 * bare ones.
 *
 *     crew_calls URL TASK WAY OUTSTANDING BODY-BYTES SECONDS
 *
 * WAY says how the calls are made:
 *   async   OUTSTANDING calls are always under way, the program's own loop waits for them
 *   wait    one call after the other, each with crew_client_call_wait
 *   group   groups of OUTSTANDING calls, one group after the other; latency is a group's
 *
 * The task echoes. Every answer is checked; the line of samples.h is printed.
 */
#include "samples.h"
#include <crew/broker.h>
#include <crew/client.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 10000 /* for the broker, and of each call */

struct caller {
    crew_client *client;
    struct crew_call call;
    size_t outstanding, under_way;
    uint64_t end_us;
    struct samples samples;
};

static void fail(const char *what, const char *why) {
    fprintf(stderr, "crew_calls: %s: %s\n", what, why);
    exit(1);
}

static void check(int error, const char *what) {
    if (error != 0)
        fail(what, crew_strerror(error));
}

static void check_answer(const struct caller *caller, const struct crew_answer *answer) {
    check(answer->error, "call");
    if (answer->body_bytes != caller->call.body_bytes ||
        memcmp(answer->body, caller->call.body, answer->body_bytes) != 0)
        fail("answer", "not what was sent");
}

/* ---- async: any event loop will do, this is the smallest ---- */

static void turn(crew_client *client) {
    crew_client_flush(client);
    struct pollfd readable = {.fd = crew_client_fd(client), .events = POLLIN};
    int ready = poll(&readable, 1, PATIENCE_MS);
    if (ready == 0 || (ready < 0 && errno != EINTR))
        fail("poll", ready == 0 ? "nothing happens" : strerror(errno));
    crew_client_dispatch(client);
}

/* One of the calls under way; when it has ended, another one takes its place. */
struct async_call {
    struct caller *caller;
    uint64_t begun_us;
};

static void async_answered(void *arg, const struct crew_answer *answer);

static void async_begin(struct async_call *one) {
    one->begun_us = now_us();
    check(crew_client_call(one->caller->client, &one->caller->call, async_answered, one,
                           NULL),
          "call");
}

static void async_answered(void *arg, const struct crew_answer *answer) {
    struct async_call *one = arg;
    check_answer(one->caller, answer);
    samples_add(&one->caller->samples, one->begun_us);
    if (now_us() < one->caller->end_us)
        async_begin(one);
    else
        one->caller->under_way--;
}

static void call_async(struct caller *caller) {
    struct async_call *calls = calloc(caller->outstanding, sizeof *calls);
    if (calls == NULL)
        fail("calls", "out of memory");
    caller->under_way = caller->outstanding;
    for (size_t i = 0; i < caller->outstanding; i++) {
        calls[i].caller = caller;
        async_begin(&calls[i]);
    }
    while (caller->under_way > 0)
        turn(caller->client);
    samples_print(&caller->samples, 1);
    free(calls);
}

/* ---- blocking ---- */

static void call_wait(struct caller *caller) {
    do {
        uint64_t begun_us = now_us();
        struct crew_answer *answer;
        check(crew_client_call_wait(caller->client, &caller->call, &answer), "call");
        check_answer(caller, answer);
        samples_add(&caller->samples, begun_us);
        crew_answer_free(answer);
    } while (now_us() < caller->end_us);
    samples_print(&caller->samples, 1);
}

static void group_wait(struct caller *caller, const struct crew_group *group,
                       struct crew_answer *answers[]) {
    uint64_t begun_us = now_us();
    check(crew_client_group_wait(caller->client, group, answers), "group");
    for (size_t i = 0; i < group->count; i++) {
        check_answer(caller, answers[i]);
        crew_answer_free(answers[i]);
    }
    samples_add(&caller->samples, begun_us);
}

static void call_group(struct caller *caller) {
    size_t count = caller->outstanding;
    struct crew_call *calls = calloc(count, sizeof *calls);
    struct crew_answer **answers = calloc(count, sizeof(struct crew_answer *));
    if (calls == NULL || answers == NULL)
        fail("group", "out of memory");
    for (size_t i = 0; i < count; i++)
        calls[i] = caller->call;
    struct crew_group group = {.end = CREW_GROUP_ALL, .calls = calls, .count = count};
    do
        group_wait(caller, &group, answers);
    while (now_us() < caller->end_us);
    samples_print(&caller->samples, count);
    free(answers);
    free(calls);
}

/* ---- the whole ---- */

static const struct {
    const char *name;
    void (*run)(struct caller *caller);
} ways[] = {{"async", call_async}, {"wait", call_wait}, {"group", call_group}};

static void run_way(struct caller *caller, const char *name, double seconds) {
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (strcmp(name, ways[i].name) == 0) {
            samples_begin(&caller->samples);
            caller->end_us = now_us() + (uint64_t)(seconds * 1e6);
            ways[i].run(caller);
            return;
        }
    }
    fail(name, "no such way");
}

static crew_client *connected(const char *url) {
    crew_broker broker;
    crew_broker_init(&broker);
    char why[256];
    if (crew_broker_parse(&broker, url, why, sizeof why) != 0)
        fail("URL", why);
    struct crew_client_options options = {.name = "crew_calls", .caller_driven_io = true};
    crew_client *client;
    check(crew_client_new(&broker, &options, &client), "client");
    if (crew_client_wait_ready(client, PATIENCE_MS, why, sizeof why) != 0)
        fail("broker", why);
    crew_broker_fini(&broker);
    return client;
}

int main(int argc, char **argv) {
    if (argc != 7) {
        fprintf(stderr,
                "usage: crew_calls URL TASK WAY OUTSTANDING BODY-BYTES SECONDS\n");
        return 2;
    }
    size_t body_bytes = strtoul(argv[5], NULL, 10);
    void *body = malloc(body_bytes + 1);
    if (body == NULL)
        fail("body", "out of memory");
    random_bytes(body, body_bytes);
    struct caller caller = {.client = connected(argv[1]),
                            .call = {.form = CREW_PLAIN,
                                     .task = argv[2],
                                     .expiration_ms = PATIENCE_MS,
                                     .body = body,
                                     .body_bytes = body_bytes},
                            .outstanding = strtoul(argv[4], NULL, 10)};
    run_way(&caller, argv[3], strtod(argv[6], NULL));
    crew_client_free(caller.client);
    free(body);
    return 0;
}
