#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char client_name[] = "client", worker_name[] = "worker";

static void log_event(void *arg, enum crew_event_kind kind, const char *text) {
    fprintf(stderr, "# %s %d: %s\n", (const char *)arg, (int)kind, text);
}

void fixture_open(struct fixture *f, const char *url) {
    *f = (struct fixture){0};
    static unsigned number;
    snprintf(f->task, sizeof f->task, "client.%d.%u", (int)getpid(), ++number);
    char why[200];
    crew_broker_init(&f->broker);
    if (crew_broker_parse(&f->broker, url, why, sizeof why) != 0) {
        fprintf(stderr, "%s\n", why);
        abort();
    }
    struct crew_client_options options = {
        .gzip_above_bytes = 32768, .on_event = log_event, .event_arg = client_name};
    if (crew_client_new(&f->broker, &options, &f->client) != 0)
        abort();
}

int fixture_open_shared(struct fixture *f) {
    const char *url = getenv("CREW_TEST_AMQP_URL");
    if (url == NULL)
        return -1;
    fixture_open(f, url);
    return 0;
}

void fixture_close(struct fixture *f) {
    crew_client_free(f->client);
    for (size_t i = 0; i < 2; i++)
        crew_worker_free(f->workers[i].worker);
    crew_broker_fini(&f->broker);
}

void fixture_echo(crew_task *task) {
    struct crew_task_view view;
    crew_task_view(task, &view);
    struct crew_pair name = {"X-Task", 6, view.task, strlen(view.task)};
    struct crew_answer answer = {.status = 201,
                                 .content_type = view.content_type,
                                 .pairs = &name,
                                 .pair_count = 1,
                                 .body = view.body,
                                 .body_bytes = view.body_bytes};
    crew_task_answer(task, &answer);
    crew_task_done(task);
}

static void on_task(void *arg, crew_task *task) {
    struct fixture_worker *a = arg;
    if (a->mode != WORKER_WAITS) {
        if (crew_task_begin(task) != 0) {
            a->refused++;
            return;
        }
        a->begun++;
    }
    if (a->mode == WORKER_ANSWERS)
        fixture_echo(task);
    else
        a->held[a->held_count++] = task;
}

static void on_queue(void *arg, const char *task, uint32_t messages, uint32_t consumers) {
    struct fixture_worker *a = arg;
    (void)task;
    a->queue_infos++;
    a->messages = messages;
    a->consumers = consumers;
}

struct fixture_worker *fixture_worker(struct fixture *f, size_t index, const char *task) {
    struct fixture_worker *a = &f->workers[index];
    struct crew_worker_options options = {.prefetch = 2,
                                          .gzip_above_bytes = 32768,
                                          .on_task = on_task,
                                          .task_arg = a,
                                          .on_queue_info = on_queue,
                                          .on_event = log_event,
                                          .event_arg = worker_name};
    if (crew_worker_new(&f->broker, &options, &a->worker) != 0 ||
        crew_worker_serve(a->worker, &task, 1) != 0)
        abort();
    crew_worker_set_prefetch(a->worker, 1);
    return a;
}

struct fixture_worker *fixture_ready_worker(struct fixture *f, size_t index) {
    struct fixture_worker *w = fixture_worker(f, index, f->task);
    fixture_until(f, crew_worker_ready(w->worker) && crew_client_ready(f->client));
    return w;
}

struct crew_call fixture_plain(const struct fixture *f, const char *body) {
    return (struct crew_call){.form = CREW_PLAIN,
                              .task = f->task,
                              .expiration_ms = 10000,
                              .content_type = "text/plain",
                              .body = body,
                              .body_bytes = strlen(body)};
}

void fixture_start(struct fixture *f, const struct crew_call *call, struct outcome *o) {
    memset(o, 0, sizeof *o);
    assert_int_equal(crew_client_call(f->client, call, outcome_note, o, NULL), 0);
}

void fixture_finish(struct fixture *f, struct outcome *o) {
    fixture_until(f, o->times > 0);
    assert_int_equal(o->times, 1);
}

uint64_t fixture_now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void fixture_dispatch(struct fixture *f) {
    struct pollfd fds[3] = {{.fd = crew_client_fd(f->client), .events = POLLIN}};
    for (size_t i = 0; i < 2; i++) {
        crew_worker *w = f->workers[i].worker;
        fds[i + 1].fd = w == NULL ? -1 : crew_worker_fd(w);
        fds[i + 1].events = POLLIN;
    }
    poll(fds, 3, 20);
    if (fds[0].revents != 0)
        crew_client_dispatch(f->client);
    for (size_t i = 0; i < 2; i++)
        if (f->workers[i].worker != NULL && fds[i + 1].revents != 0)
            crew_worker_dispatch(f->workers[i].worker);
}

void outcome_note(void *arg, const struct crew_answer *answer) {
    struct outcome *o = arg;
    o->times++;
    o->error = answer->error;
    o->status = answer->status;
    o->body = realloc(o->body, answer->body_bytes + 1);
    if (answer->body_bytes > 0)
        memcpy(o->body, answer->body, answer->body_bytes);
    o->body_bytes = answer->body_bytes;
    if (answer->pair_count > 0)
        snprintf(o->header, sizeof o->header, "%.*s", (int)answer->pairs[0].value_bytes,
                 answer->pairs[0].value);
}

void outcome_fini(struct outcome *o) {
    free(o->body);
}
