/* One thread beside, for work that would hold up a loop: compressing and inflating large
 * bodies. It starts with the first job. Jobs run in the order in which they came. */
#ifndef CREW_BASE_BACKGROUND_THREAD_H
#define CREW_BASE_BACKGROUND_THREAD_H

struct background_thread;

struct background_job {
    struct background_job *next;
    void (*run)(struct background_job *job); /* on the background thread */
    void (*done)(struct background_job
                     *job); /* on the thread that calls background_thread_collect;
                                              frees the job */
};

/* WAKE_FD is woken (wakeup_signal) when there is something to collect. */
struct background_thread *background_thread_new(int wakeup_fd);
void background_thread_add(struct background_thread *o, struct background_job *job);
void background_thread_collect(struct background_thread *o);
/* Waits for the job that runs, then calls DONE of all others without running them (their
 * RUN is skipped; job->run is set to null so that DONE can tell). Null is fine. */
void background_thread_free(struct background_thread *o);

#endif
