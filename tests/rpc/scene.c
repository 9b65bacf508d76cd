#include "scene.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char client_name[] = "client", worker_name[] = "worker";

static void say(void *arg, enum crew_event_kind kind, const char *text) {
    fprintf(stderr, "# %s %d: %s\n", (const char *)arg, (int)kind, text);
}

void scene_open(struct scene *s, const char *url) {
    memset(s, 0, sizeof *s);
    char why[200];
    crew_broker_init(&s->broker);
    if (crew_broker_parse(&s->broker, url, why, sizeof why) != 0) {
        fprintf(stderr, "%s\n", why);
        abort();
    }
    struct crew_client_options options = {
        .gzip_above_bytes = 32768, .on_event = say, .event_arg = client_name};
    if (crew_client_new(&s->broker, &options, &s->client) != 0)
        abort();
}

void scene_close(struct scene *s) {
    crew_client_free(s->client);
    for (size_t i = 0; i < 2; i++)
        crew_worker_free(s->actors[i].worker);
    crew_broker_fini(&s->broker);
}

void actor_echo(crew_task *task) {
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
    struct actor *a = arg;
    if (a->manner != ACTOR_WAITS) {
        if (crew_task_begin(task) != 0) {
            a->refused++;
            return;
        }
        a->begun++;
    }
    if (a->manner == ACTOR_ANSWERS)
        actor_echo(task);
    else
        a->held[a->held_count++] = task;
}

static void on_queue(void *arg, const char *task, uint32_t messages, uint32_t consumers) {
    struct actor *a = arg;
    (void)task;
    a->looks++;
    a->messages = messages;
    a->consumers = consumers;
}

struct actor *scene_worker(struct scene *s, size_t place, const char *task) {
    struct actor *a = &s->actors[place];
    a->scene = s;
    struct crew_worker_options options = {.prefetch = 2,
                                          .gzip_above_bytes = 32768,
                                          .on_task = on_task,
                                          .task_arg = a,
                                          .on_queue_info = on_queue,
                                          .on_event = say,
                                          .event_arg = worker_name};
    if (crew_worker_new(&s->broker, &options, &a->worker) != 0 ||
        crew_worker_serve(a->worker, &task, 1) != 0)
        abort();
    crew_worker_set_prefetch(a->worker, 1);
    return a;
}

uint64_t scene_now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void scene_spin(struct scene *s) {
    struct pollfd fds[3] = {{.fd = crew_client_fd(s->client), .events = POLLIN}};
    for (size_t i = 0; i < 2; i++) {
        crew_worker *w = s->actors[i].worker;
        fds[i + 1].fd = w == NULL ? -1 : crew_worker_fd(w);
        fds[i + 1].events = POLLIN;
    }
    poll(fds, 3, 20);
    if (fds[0].revents != 0)
        crew_client_dispatch(s->client);
    for (size_t i = 0; i < 2; i++)
        if (s->actors[i].worker != NULL && fds[i + 1].revents != 0)
            crew_worker_dispatch(s->actors[i].worker);
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
