/* A worker on a thread of its own. The body of a task says what it does:
 *
 *   fail, timeout, crash   it answers that error
 *   hold                   begun at once, answered when worker_thread_release says so
 *   quiet                  status 204 and no body, whatever follows the word
 *   anything else          comes back, with status 201 and X-Task, the task's name
 */
#ifndef CREW_TESTS_CLIENT_WORKER_THREAD_H
#define CREW_TESTS_CLIENT_WORKER_THREAD_H

#include <crew/worker.h>

struct worker_thread;

/* To the broker of URL; returns when it serves TASK. */
struct worker_thread *worker_thread_start(const char *url, const char *task,
                                          unsigned prefetch);
void worker_thread_stop(struct worker_thread *s);

unsigned worker_thread_begun(const struct worker_thread *s); /* tasks, held ones too */
void worker_thread_await(const struct worker_thread *s, unsigned begun);
void worker_thread_release(
    struct worker_thread *s); /* answer the held tasks, and hold no more */
const char *worker_thread_uuid(const struct worker_thread *s);

#endif
