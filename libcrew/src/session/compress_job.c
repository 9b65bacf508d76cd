/* Compressing and inflating beside the loop. */
#include "base/xalloc.h"
#include "session/broker_session.h"
#include "wire/gzip.h"
#include <stdlib.h>

static void run_deflate(struct background_job *job) {
    struct compress_job *q = (struct compress_job *)job;
    q->result = gzip_deflate(&q->out, q->in.data, q->in.len) ? 0 : CREW_ETOOLARGE;
}

static void run_inflate(struct background_job *job) {
    struct compress_job *q = (struct compress_job *)job;
    q->result = gzip_inflate(&q->out, q->in.data, q->in.len, q->max_bytes);
}

static void compress_done(struct background_job *job) {
    struct compress_job *q = (struct compress_job *)job;
    if (job->run == NULL || q->session->closing)
        q->result = CREW_ECLOSED;
    q->done(q);
}

static struct compress_job *compress_job(struct broker_session *s,
                                         void (*run)(struct background_job *),
                                         struct buffer *in, size_t max_bytes, void *arg,
                                         void (*done)(struct compress_job *)) {
    struct compress_job *q = xcalloc(1, sizeof *q);
    q->session = s;
    q->job.run = run;
    q->job.done = compress_done;
    q->in = *in;
    buffer_init(in);
    q->max_bytes = max_bytes;
    q->arg = arg;
    q->done = done;
    background_thread_add(s->background, &q->job);
    return q;
}

struct compress_job *compress_start(struct broker_session *s, struct buffer *in,
                                    void *arg, void (*done)(struct compress_job *)) {
    return compress_job(s, run_deflate, in, 0, arg, done);
}

struct compress_job *decompress_start(struct broker_session *s, struct buffer *in,
                                      size_t max_bytes, void *arg,
                                      void (*done)(struct compress_job *)) {
    return compress_job(s, run_inflate, in, max_bytes, arg, done);
}

void compress_job_free(struct compress_job *q) {
    buffer_fini(&q->in);
    buffer_fini(&q->out);
    free(q);
}
