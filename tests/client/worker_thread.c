#include "worker_thread.h"

#include "cmocka_all.h"
#include "fixture.h"
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define HELD_MAX 2000

struct worker_thread {
    struct crew_broker broker;
    crew_worker *worker;
    pthread_t thread;
    int wakeup_fd;
    sem_t ready;
    bool said_ready;
    atomic_bool released;
    atomic_bool stopped;
    atomic_uint begun;
    crew_task *held[HELD_MAX];
    size_t held_count;
};

static const struct {
    const char *word;
    int error;
} errors[] = {
    {"fail", CREW_EFAILED}, {"timeout", CREW_ETIMEOUT}, {"crash", CREW_ECRASHED}};

static bool says(const struct crew_task_view *view, const char *word) {
    size_t bytes = strlen(word);
    return view->body_bytes >= bytes && memcmp(view->body, word, bytes) == 0;
}

static void answer(crew_task *task, const struct crew_task_view *view) {
    struct crew_answer a = {.status = says(view, "quiet") ? 204 : 0};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (says(view, errors[i].word))
            a.error = errors[i].error;
    if (a.error == 0 && a.status == 0) {
        fixture_echo(task);
        return;
    }
    crew_task_answer(task, &a);
    crew_task_done(task);
}

static void on_task(void *arg, crew_task *task) {
    struct worker_thread *s = arg;
    if (crew_task_begin(task) != 0)
        return;
    struct crew_task_view view;
    crew_task_view(task, &view);
    if (says(&view, "hold") && !atomic_load(&s->released) && s->held_count < HELD_MAX)
        s->held[s->held_count++] = task;
    else
        answer(task, &view);
    atomic_fetch_add(&s->begun, 1);
}

static void release(struct worker_thread *s) {
    for (size_t i = 0; i < s->held_count; i++)
        fixture_echo(s->held[i]);
    s->held_count = 0;
}

static void *run(void *arg) {
    struct worker_thread *s = arg;
    struct pollfd p[] = {{.fd = crew_worker_fd(s->worker), .events = POLLIN},
                         {.fd = s->wakeup_fd, .events = POLLIN}};
    while (!atomic_load(&s->stopped)) {
        poll(p, 2, -1);
        if (atomic_load(&s->released))
            release(s);
        eventfd_t count;
        if (p[1].revents != 0)
            eventfd_read(s->wakeup_fd, &count);
        crew_worker_dispatch(s->worker);
        if (!s->said_ready && crew_worker_ready(s->worker)) {
            s->said_ready = true;
            sem_post(&s->ready);
        }
    }
    return NULL;
}

static void await_ready(struct worker_thread *s) {
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += FIXTURE_TIMEOUT_MS / 1000;
    assert_int_equal(sem_timedwait(&s->ready, &end), 0);
}

struct worker_thread *worker_thread_start(const char *url, const char *task,
                                          unsigned prefetch) {
    struct worker_thread *s = calloc(1, sizeof *s);
    assert_non_null(s);
    crew_broker_init(&s->broker);
    assert_int_equal(crew_broker_parse(&s->broker, url, NULL, 0), 0);
    struct crew_worker_options options = {.prefetch = prefetch,
                                          .gzip_above_bytes = 32768,
                                          .on_task = on_task,
                                          .task_arg = s};
    s->wakeup_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sem_init(&s->ready, 0, 0);
    assert_int_equal(crew_worker_new(&s->broker, &options, &s->worker), 0);
    assert_int_equal(crew_worker_serve(s->worker, &task, 1), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, run, s), 0);
    await_ready(s);
    return s;
}

void worker_thread_stop(struct worker_thread *s) {
    if (s == NULL)
        return;
    atomic_store(&s->stopped, true);
    eventfd_write(s->wakeup_fd, 1);
    pthread_join(s->thread, NULL);
    crew_worker_free(s->worker);
    crew_broker_fini(&s->broker);
    sem_destroy(&s->ready);
    close(s->wakeup_fd);
    free(s);
}

unsigned worker_thread_begun(const struct worker_thread *s) {
    return atomic_load(&s->begun);
}

void worker_thread_await(const struct worker_thread *s, unsigned begun) {
    for (unsigned turns = FIXTURE_TIMEOUT_MS / 5;
         worker_thread_begun(s) < begun && turns > 0; turns--)
        usleep(5000);
    assert_in_range(worker_thread_begun(s), begun, UINT32_MAX);
}

void worker_thread_release(struct worker_thread *s) {
    atomic_store(&s->released, true);
    eventfd_write(s->wakeup_fd, 1);
}

const char *worker_thread_uuid(const struct worker_thread *s) {
    return crew_worker_uuid(s->worker);
}
