#include "session/compress_job.h"

#include "base/xalloc.h"
#include "session/broker_session.h"
#include "wire/gzip.h"
#include <stdlib.h>

struct compress_job {
    struct background_job job; /* first: a background job is turned back into this */
    struct broker_session *session;
    struct buffer in;
    struct buffer out;
    size_t max_bytes; /* limit of an inflated body */
    int result;
    compress_done_fn *done; /* null: cancelled */
    void *arg;
};

static void run_deflate(struct background_job *background_job) {
    struct compress_job *job = (struct compress_job *)background_job;
    job->result = gzip_deflate(&job->out, job->in.data, job->in.len) ? 0 : CREW_ETOOLARGE;
}

static void run_inflate(struct background_job *background_job) {
    struct compress_job *job = (struct compress_job *)background_job;
    job->result = gzip_inflate(&job->out, job->in.data, job->in.len, job->max_bytes);
}

static void finish(struct background_job *background_job) {
    struct compress_job *job = (struct compress_job *)background_job;
    bool has_run = background_job->run != NULL;
    if (!has_run || broker_session_is_closing(job->session))
        job->result = CREW_ECLOSED;
    if (job->done != NULL)
        job->done(job->arg, job->result, job->result == 0 ? &job->out : &job->in);
    buffer_fini(&job->in);
    buffer_fini(&job->out);
    free(job);
}

static struct compress_job *start(struct broker_session *s, struct buffer *in,
                                  compress_done_fn *done, void *arg,
                                  void (*run)(struct background_job *)) {
    struct compress_job *job = xcalloc(1, sizeof *job);
    job->session = s;
    job->job.run = run;
    job->job.done = finish;
    job->in = *in;
    buffer_init(in);
    job->done = done;
    job->arg = arg;
    return job;
}

struct compress_job *compress_job_deflate(struct broker_session *s, struct buffer *in,
                                          compress_done_fn *done, void *arg) {
    struct compress_job *job = start(s, in, done, arg, run_deflate);
    broker_session_run(s, &job->job);
    return job;
}

struct compress_job *compress_job_inflate(struct broker_session *s, struct buffer *in,
                                          size_t max_bytes, compress_done_fn *done,
                                          void *arg) {
    struct compress_job *job = start(s, in, done, arg, run_inflate);
    job->max_bytes = max_bytes;
    broker_session_run(s, &job->job);
    return job;
}

void compress_job_cancel(struct compress_job *job) {
    job->done = NULL;
}
