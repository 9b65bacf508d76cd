/* Clients of the tests, and threads that wait in blocking calls. */
#ifndef CREW_TESTS_CLIENT_CALLER_H
#define CREW_TESTS_CLIENT_CALLER_H

#include <crew/client.h>
#include <pthread.h>

/* The broker of the tests, or fail. */
const char *caller_url(void);

/* Run COMMAND of tools/private-broker with these ARGUMENTS, for a test that has a broker
 * of its own. */
void caller_broker(const char *command, const char *arguments);

/* A task name of its own for each test. */
void caller_task(char *task, size_t task_bytes);

/* A client to the broker of URL (null: of the tests). caller_open waits until it is
 * ready. */
crew_client *caller_client(const char *url, const struct crew_client_options *options);
crew_client *caller_open(const struct crew_client_options *options);

/* A plain call that has ten seconds. */
struct crew_call caller_plain(const char *task, const char *body);

uint64_t caller_now_ms(void);

/* A thread in crew_client_call_wait. */
struct caller {
    crew_client *client;
    struct crew_call call;
    pthread_t thread;
    int error;
    struct crew_answer *answer; /* freed by caller_end */
};

void caller_start(struct caller *c, crew_client *client, const struct crew_call *call);
/* Its error. The test fails when it does not come back within a bound. */
int caller_end(struct caller *c);
/* The same for any thread: join it within the bound. */
void caller_join(pthread_t thread);

/* Whether thread TID sleeps in a system call; 0: no thread. */
bool caller_sleeps(int tid);

/* Call and wait on this thread; returns the error only. */
int caller_call(crew_client *client, const struct crew_call *call);

#endif
