/* Compress the body of a message that is to be published, or inflate one that was
 * received, on the session's background thread. */
#ifndef CREW_SESSION_COMPRESS_JOB_H
#define CREW_SESSION_COMPRESS_JOB_H

#include "base/buffer.h"
#include <stddef.h>

struct broker_session;
struct compress_job;

/* Runs on the session's thread, in broker_session_dispatch. BODY is the callee's to take
 * over (buffer_init it then); what is left in it is freed.
 *
 * RESULT 0: BODY is the result. CREW_ECLOSED: the session is being closed. Inflating:
 * gzip_inflate's error. Compressing: CREW_ETOOLARGE if the body does not get smaller;
 * BODY is the original then. */
typedef void compress_done_fn(void *arg, int result, struct buffer *body);

/* Both take IN over. The job is valid until DONE returns. */
struct compress_job *compress_job_deflate(struct broker_session *s, struct buffer *in,
                                          compress_done_fn *done, void *arg);
struct compress_job *compress_job_inflate(struct broker_session *s, struct buffer *in,
                                          size_t max_bytes, compress_done_fn *done,
                                          void *arg);

/* DONE will not be called. The job frees itself. */
void compress_job_cancel(struct compress_job *compress_job);

#endif
