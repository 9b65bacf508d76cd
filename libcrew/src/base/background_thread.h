/* A background thread for work that would block an event loop: compressing and inflating
 * large bodies. It starts with the first job. Jobs run in the order they are added. */
#ifndef CREW_BASE_BACKGROUND_THREAD_H
#define CREW_BASE_BACKGROUND_THREAD_H

struct background_thread;

struct background_job {
    struct background_job *next;
    /* On the background thread. Null in DONE: the job was not run. */
    void (*run)(struct background_job *job);
    /* On the thread that calls background_thread_collect; frees the job. */
    void (*done)(struct background_job *job);
};

/* WAKEUP_FD is signalled (base/wakeup.h) when there are finished jobs to collect. */
struct background_thread *background_thread_new(int wakeup_fd);
void background_thread_add(struct background_thread *t, struct background_job *job);
/* Call DONE of all finished jobs. */
void background_thread_collect(struct background_thread *t);
/* Wait for the running job, then call DONE of all jobs, those that were not run included.
 * Null is fine. */
void background_thread_free(struct background_thread *t);

#endif
