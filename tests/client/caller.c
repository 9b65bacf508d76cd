#include "caller.h"

#include "cmocka_all.h"
#include "fixture.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const char *caller_url(void) {
    const char *url = getenv("CREW_TEST_AMQP_URL");
    assert_non_null(url);
    return url;
}

void caller_broker(const char *command, const char *arguments) {
    char line[1000];
    snprintf(line, sizeof line, "%s %s '%s' %s >/dev/null", PRIVATE_BROKER, command,
             getenv("CREW_TEST_BROKER"), arguments);
    int status = system(line);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void caller_task(char *task, size_t task_bytes) {
    static unsigned number;
    snprintf(task, task_bytes, "client.%d.%u", (int)getpid(), ++number);
}

crew_client *caller_client(const char *url, const struct crew_client_options *options) {
    struct crew_broker broker;
    crew_client *client;
    crew_broker_init(&broker);
    assert_int_equal(
        crew_broker_parse(&broker, url != NULL ? url : caller_url(), NULL, 0), 0);
    assert_int_equal(crew_client_new(&broker, options, &client), 0);
    crew_broker_fini(&broker);
    return client;
}

crew_client *caller_open(const struct crew_client_options *options) {
    crew_client *client = caller_client(NULL, options);
    assert_int_equal(crew_client_wait_ready(client, FIXTURE_TIMEOUT_MS, NULL, 0), 0);
    return client;
}

struct crew_call caller_plain(const char *task, const char *body) {
    return (struct crew_call){.task = task,
                              .expiration_ms = 10000,
                              .content_type = "text/plain",
                              .body = body,
                              .body_bytes = strlen(body)};
}

uint64_t caller_now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void *run(void *arg) {
    struct caller *c = arg;
    c->error = crew_client_call_wait(c->client, &c->call, &c->answer);
    return NULL;
}

void caller_start(struct caller *c, crew_client *client, const struct crew_call *call) {
    *c = (struct caller){.client = client, .call = *call};
    assert_int_equal(pthread_create(&c->thread, NULL, run, c), 0);
}

void caller_join(pthread_t thread) {
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 2 * FIXTURE_TIMEOUT_MS / 1000;
    if (pthread_timedjoin_np(thread, NULL, &end) != 0)
        fail_msg("a thread does not come back");
}

int caller_end(struct caller *c) {
    caller_join(c->thread);
    crew_answer_free(c->answer);
    return c->error;
}

bool caller_sleeps(int tid) {
    char path[64], state = '?';
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    FILE *file = tid == 0 ? NULL : fopen(path, "r");
    if (file == NULL)
        return false;
    if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = '?';
    fclose(file);
    return state == 'S';
}

int caller_call(crew_client *client, const struct crew_call *call) {
    struct crew_answer *answer = NULL;
    int error = crew_client_call_wait(client, call, &answer);
    crew_answer_free(answer);
    return error;
}
