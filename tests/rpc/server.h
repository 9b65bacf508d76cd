/* A worker on a thread of its own. What it does with a task stands in the task's body:
 *
 *   fail, timeout, crash   it answers that error
 *   hold                   begun at once, answered when server_release says so
 *   quiet                  status 204 and no body, however much comes behind the word
 *   anything else          comes back, with status 201 and X-Task, the task's name
 */
#ifndef CREW_TESTS_RPC_SERVER_H
#define CREW_TESTS_RPC_SERVER_H

#include <crew/worker.h>

struct server;

/* To the broker of URL; returns when it serves TASK. */
struct server *server_start(const char *url, const char *task, unsigned prefetch);
void server_stop(struct server *s);

unsigned server_begun(const struct server *s); /* tasks, held ones too */
void server_await(const struct server *s, unsigned begun);
void server_release(struct server *s); /* answer what is held, and hold no more */
const char *server_uuid(const struct server *s);

#endif
