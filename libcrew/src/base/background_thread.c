/* One thread beside, two queues: jobs that wait to run, and jobs that wait for their
 * done.
 *
 * Design notes. The thread starts with the first job, with all signals blocked, because
 * signals belong to the program's own threads. Should no thread be possible, jobs run
 * where they are added: slower, but nobody waits for ever.
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
    pthread_cond_t more;  /* something to run, or stopping */
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
    struct background_thread *o = xcalloc(1, sizeof *o);
    o->wakeup_fd = wakeup_fd;
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->more, NULL);
    queue_init(&o->waiting);
    queue_init(&o->finished);
    return o;
}

/* The next job to run; null: stop. */
static struct background_job *wait_for_job(struct background_thread *o) {
    struct background_job *job = NULL;
    pthread_mutex_lock(&o->lock);
    while (!o->stopping && o->waiting.first == NULL)
        pthread_cond_wait(&o->more, &o->lock);
    if (!o->stopping)
        job = queue_take(&o->waiting);
    pthread_mutex_unlock(&o->lock);
    return job;
}

static void run_job(struct background_thread *o, struct background_job *job) {
    job->run(job);
    pthread_mutex_lock(&o->lock);
    queue_add(&o->finished, job);
    pthread_mutex_unlock(&o->lock);
    wakeup_signal(o->wakeup_fd);
}

static void *run_jobs(void *arg) {
    struct background_thread *o = arg;
    struct background_job *job;
    while ((job = wait_for_job(o)) != NULL)
        run_job(o, job);
    return NULL;
}

static bool start_thread(struct background_thread *o) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    o->started = pthread_create(&o->thread, NULL, run_jobs, o) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return o->started;
}

void background_thread_add(struct background_thread *o, struct background_job *job) {
    if (!o->started && !start_thread(o)) {
        run_job(o, job);
        return;
    }
    pthread_mutex_lock(&o->lock);
    queue_add(&o->waiting, job);
    pthread_cond_signal(&o->more);
    pthread_mutex_unlock(&o->lock);
}

void background_thread_collect(struct background_thread *o) {
    pthread_mutex_lock(&o->lock);
    struct background_job *job = o->finished.first;
    queue_init(&o->finished);
    pthread_mutex_unlock(&o->lock);
    while (job != NULL) {
        struct background_job *next = job->next; /* done frees the job */
        job->done(job);
        job = next;
    }
}

static void stop_thread(struct background_thread *o) {
    pthread_mutex_lock(&o->lock);
    o->stopping = true;
    pthread_cond_signal(&o->more);
    pthread_mutex_unlock(&o->lock);
    if (o->started)
        pthread_join(o->thread, NULL);
}

void background_thread_free(struct background_thread *o) {
    if (o == NULL)
        return;
    stop_thread(o);
    struct background_job *job;
    while ((job = queue_take(&o->waiting)) != NULL) {
        job->run = NULL; /* tells DONE that it did not run */
        queue_add(&o->finished, job);
    }
    background_thread_collect(o);
    pthread_cond_destroy(&o->more);
    pthread_mutex_destroy(&o->lock);
    free(o);
}
