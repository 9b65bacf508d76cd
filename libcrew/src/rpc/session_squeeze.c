/* Compressing and inflating beside the loop. */
#include "base/memory.h"
#include "rpc/session.h"
#include "wire/gzip.h"
#include <stdlib.h>

static void run_deflate(struct offload_job *job) {
    struct session_squeeze *q = (struct session_squeeze *)job;
    q->result = gzip_deflate(&q->out, q->in.data, q->in.len) ? 0 : CREW_ETOOLARGE;
}

static void run_inflate(struct offload_job *job) {
    struct session_squeeze *q = (struct session_squeeze *)job;
    q->result = gzip_inflate(&q->out, q->in.data, q->in.len, q->max_bytes);
}

static void squeeze_done(struct offload_job *job) {
    struct session_squeeze *q = (struct session_squeeze *)job;
    if (job->run == NULL || q->session->closing)
        q->result = CREW_ECLOSED;
    q->done(q);
}

static struct session_squeeze *squeeze(struct session *s,
                                       void (*run)(struct offload_job *),
                                       struct buffer *in, size_t max_bytes, void *arg,
                                       void (*done)(struct session_squeeze *)) {
    struct session_squeeze *q = memory_zeroed(sizeof *q);
    q->session = s;
    q->job.run = run;
    q->job.done = squeeze_done;
    q->in = *in;
    buffer_init(in);
    q->max_bytes = max_bytes;
    q->arg = arg;
    q->done = done;
    offload_add(s->offload, &q->job);
    return q;
}

struct session_squeeze *session_deflate(struct session *s, struct buffer *in, void *arg,
                                        void (*done)(struct session_squeeze *)) {
    return squeeze(s, run_deflate, in, 0, arg, done);
}

struct session_squeeze *session_inflate(struct session *s, struct buffer *in,
                                        size_t max_bytes, void *arg,
                                        void (*done)(struct session_squeeze *)) {
    return squeeze(s, run_inflate, in, max_bytes, arg, done);
}

void session_squeeze_free(struct session_squeeze *q) {
    buffer_fini(&q->in);
    buffer_fini(&q->out);
    free(q);
}
