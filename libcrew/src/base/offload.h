/* One thread beside, for work that would hold up a loop: compressing and inflating large
 * bodies. It starts with the first job. Jobs run in the order in which they came. */
#ifndef CREW_BASE_OFFLOAD_H
#define CREW_BASE_OFFLOAD_H

struct offload;

struct offload_job {
    struct offload_job *next;
    void (*run)(struct offload_job *job);  /* on the offload thread */
    void (*done)(struct offload_job *job); /* on the thread that calls offload_collect;
                                              frees the job */
};

/* WAKE_FD is woken (wake_up) when there is something to collect. */
struct offload *offload_new(int wake_fd);
void offload_add(struct offload *o, struct offload_job *job);
void offload_collect(struct offload *o);
/* Waits for the job that runs, then calls DONE of all others without running them (their
 * RUN is skipped; job->run is set to null so that DONE can tell). Null is fine. */
void offload_free(struct offload *o);

#endif
