/* holder URL PREFIX COUNT - a worker of the tasks PREFIX0, PREFIX1, ... that has as many
 * tasks in hand as there come: it stands for any number of workers with slow handlers.
 *
 * A request is answered at once, unless its body says
 *   hold      when another one says `release`
 *   await N   when N are held
 *
 * Says READY=1 over NOTIFY_SOCKET as the daemons do; SIGTERM ends it. */
#include "daemon/notify.h"
#include <crew/worker.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#define HELD_MAX 20000
#define NAME_BYTES 32
#define RUN_US 150000 /* what a slow handler says: no two requests share a message */

static crew_task *held[HELD_MAX];
static size_t held_count;
static crew_task *awaiting; /* a request that is answered when AWAITED are held */
static size_t awaited;

static void die(const char *why) {
    fprintf(stderr, "holder: %s\n", why);
    exit(2);
}

static void answer(crew_task *task) {
    const struct crew_answer ok = {.status = 200, .run_us = RUN_US};
    crew_task_answer(task, &ok);
    crew_task_done(task);
}

static void answer_if_held(void) {
    if (awaiting == NULL || held_count < awaited)
        return;
    answer(awaiting);
    awaiting = NULL;
}

static void hold(crew_task *task) {
    if (held_count == HELD_MAX)
        die("too many are held");
    held[held_count++] = task;
}

static void release(void) {
    for (size_t i = 0; i < held_count; i++)
        answer(held[i]);
    held_count = 0;
}

static void on_task(void *arg, crew_task *task) {
    (void)arg;
    struct crew_task_view view;
    char word[16];
    if (crew_task_begin(task) != CREW_OK)
        return;
    crew_task_view(task, &view);
    snprintf(word, sizeof word, "%.*s", (int)view.body_bytes, (const char *)view.body);
    if (strcmp(word, "hold") == 0) {
        hold(task);
    } else if (sscanf(word, "await %zu", &awaited) == 1) {
        awaiting = task;
    } else {
        if (strcmp(word, "release") == 0)
            release();
        answer(task);
    }
    answer_if_held();
}

static void serve(crew_worker *worker, const char *prefix, size_t count) {
    char(*texts)[NAME_BYTES] = calloc(count, sizeof *texts);
    const char **names = calloc(count, sizeof *names);
    if (texts == NULL || names == NULL)
        die("no memory");
    for (size_t i = 0; i < count; i++) {
        snprintf(texts[i], NAME_BYTES, "%s%zu", prefix, i);
        names[i] = texts[i];
    }
    if (crew_worker_serve(worker, names, count) != CREW_OK)
        die("these tasks cannot be served");
    free(texts);
    free(names);
}

static int termination(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static void run(crew_worker *worker, int end_fd) {
    struct pollfd fds[] = {{.fd = crew_worker_fd(worker), .events = POLLIN},
                           {.fd = end_fd, .events = POLLIN}};
    bool said = false;
    while (fds[1].revents == 0) {
        crew_worker_flush(worker);
        if (poll(fds, 2, -1) < 0) /* a signal, or a look at the counts */
            continue;
        crew_worker_dispatch(worker);
        if (!said && crew_worker_ready(worker))
            notify("READY=1");
        said = said || crew_worker_ready(worker);
    }
}

int main(int argc, char **argv) {
    struct crew_broker broker;
    char why[256];
    const struct crew_worker_options options = {.name = "holder",
                                                .prefetch = HELD_MAX,
                                                .on_task = on_task,
                                                .caller_driven_io = true};
    crew_worker *worker;
    crew_broker_init(&broker);
    if (argc != 4 || crew_broker_parse(&broker, argv[1], why, sizeof why) != CREW_OK)
        die("holder URL PREFIX COUNT");
    int end_fd = termination(); /* before there are threads */
    if (crew_worker_new(&broker, &options, &worker) != CREW_OK)
        die("no worker");
    serve(worker, argv[2], strtoul(argv[3], NULL, 10));
    run(worker, end_fd);
    crew_worker_free(worker);
    crew_broker_fini(&broker);
    return 0;
}
