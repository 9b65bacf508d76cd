/* Two queues: jobs to run, and finished jobs whose DONE is not called yet.
 *
 * Design notes. The thread starts with the first job, with all signals blocked: the
 * program's own threads handle them. If it cannot be created, jobs are run by
 * background_thread_add: slower, but they are done.
 */
#include "base/background_thread.h"

#include "base/wakeup.h"
#include "base/xalloc.h"
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

struct queue {
    struct background_job *first;
    struct background_job **end;
};

struct background_thread {
    int wakeup_fd;
    bool started;
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t more;  /* there is a job, or stopping */
    bool stopping;
    struct queue waiting;
    struct queue finished;
};

static void queue_init(struct queue *q) {
    q->first = NULL;
    q->end = &q->first;
}

static void queue_add(struct queue *q, struct background_job *job) {
    job->next = NULL;
    *q->end = job;
    q->end = &job->next;
}

static struct background_job *queue_take(struct queue *q) {
    struct background_job *job = q->first;
    if (job != NULL) {
        q->first = job->next;
        if (q->first == NULL)
            q->end = &q->first;
    }
    return job;
}

struct background_thread *background_thread_new(int wakeup_fd) {
    struct background_thread *t = xcalloc(1, sizeof *t);
    t->wakeup_fd = wakeup_fd;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->more, NULL);
    queue_init(&t->waiting);
    queue_init(&t->finished);
    return t;
}

/* The next job to run; null: the thread ends. */
static struct background_job *wait_for_job(struct background_thread *t) {
    struct background_job *job = NULL;
    pthread_mutex_lock(&t->lock);
    while (!t->stopping && t->waiting.first == NULL)
        pthread_cond_wait(&t->more, &t->lock);
    if (!t->stopping)
        job = queue_take(&t->waiting);
    pthread_mutex_unlock(&t->lock);
    return job;
}

static void run_job(struct background_thread *t, struct background_job *job) {
    job->run(job);
    pthread_mutex_lock(&t->lock);
    queue_add(&t->finished, job);
    pthread_mutex_unlock(&t->lock);
    wakeup_signal(t->wakeup_fd);
}

static void *run_jobs(void *arg) {
    struct background_thread *t = arg;
    struct background_job *job;
    while ((job = wait_for_job(t)) != NULL)
        run_job(t, job);
    return NULL;
}

static bool start_thread(struct background_thread *t) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    t->started = pthread_create(&t->thread, NULL, run_jobs, t) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return t->started;
}

void background_thread_add(struct background_thread *t, struct background_job *job) {
    if (!t->started && !start_thread(t)) {
        run_job(t, job);
        return;
    }
    pthread_mutex_lock(&t->lock);
    queue_add(&t->waiting, job);
    pthread_cond_signal(&t->more);
    pthread_mutex_unlock(&t->lock);
}

void background_thread_collect(struct background_thread *t) {
    pthread_mutex_lock(&t->lock);
    struct background_job *job = t->finished.first;
    queue_init(&t->finished);
    pthread_mutex_unlock(&t->lock);
    while (job != NULL) {
        struct background_job *next = job->next; /* done frees the job */
        job->done(job);
        job = next;
    }
}

static void stop_thread(struct background_thread *t) {
    pthread_mutex_lock(&t->lock);
    t->stopping = true;
    pthread_cond_signal(&t->more);
    pthread_mutex_unlock(&t->lock);
    if (t->started)
        pthread_join(t->thread, NULL);
}

void background_thread_free(struct background_thread *t) {
    if (t == NULL)
        return;
    stop_thread(t);
    struct background_job *job;
    while ((job = queue_take(&t->waiting)) != NULL) {
        job->run = NULL; /* for DONE: it was not run */
        queue_add(&t->finished, job);
    }
    background_thread_collect(t);
    pthread_cond_destroy(&t->more);
    pthread_mutex_destroy(&t->lock);
    free(t);
}
