/* What the files of the test client share: the crew_test itself. */
#ifndef CREW_TEST_TEST_ROOM_H
#define CREW_TEST_TEST_ROOM_H

#include "base/random.h"
#include "test/cookies.h"
#include "test/params.h"
#include <crew/host.h>
#include <crew/test.h>

/* Handlers whose calls are run by handlers, whose calls ...: a worker has an end of it
 * too (app-worker --max-processes). */
enum { TEST_DEPTH_MOST = 16 };

/* A response, and the request that it is for. */
struct exchange {
    struct crew_test_response response; /* first: who has the one has the other */
    struct crew_answer *answer;         /* which the response points into */
    struct crew_test_request request;   /* HTTP: what the test asked for, a copy */
    struct params params;               /* HTTP: what was made of it */
    struct exchange *next;
};

/* The handler that runs. Times are clock_ms(). */
struct test_run {
    uint64_t ends_at_ms;
    uint64_t stops_at_ms;
};

/* Who answers the calls of a task. */
struct callee {
    char *task;
    crew_test_call_fn *fn;
    void *arg;
    struct crew_answer *fixed; /* ARG of a fixed answer, or null */
    struct callee *next;
};

/* What a call of a handler's holds behind crew_call. */
struct seen_call {
    struct crew_answer *parts; /* a copy of its pairs, type and body */
    struct crew_answer *answer;
};

struct crew_test {
    /* One host for each handler that runs at a time: a handler, and those that it waits
     * for. The first is made by crew_test_new, the others when they are needed. */
    struct crew_host_options options;
    crew_host *hosts[TEST_DEPTH_MOST];
    struct test_run runs[TEST_DEPTH_MOST]; /* of the hosts */
    unsigned depth;                        /* handlers that run now */
    char *path;
    char **argv;
    char *route_task;
    char uuids[TEST_DEPTH_MOST][UUID_BYTES];

    struct params params; /* those that the test has set */
    struct cookies cookies;
    bool keeps_cookies;
    uint32_t left_ms;
    uint32_t stop_after_ms;
    unsigned long requests;

    struct exchange *exchanges; /* the latest first */
    struct callee *callees;
    struct crew_call *calls;
    struct seen_call *seen; /* beside CALLS */
    size_t call_count;
    struct crew_publication *publishes;
    struct crew_answer **publish_parts; /* beside them: a copy of type and body */
    size_t publish_count;
    int publish_error;
    struct crew_test_log *logs;
    size_t log_count;
};

/* ---- test.c ---- */

/* test_serves - whether the app has a handler for TASK. */
bool test_serves(const struct crew_test *test, const char *task);

/* test_run - let the app answer CALL, of a test or of a handler. ANSWER is good until the
 * next run at the same depth. */
void test_run(struct crew_test *test, const struct crew_call *call,
              struct crew_answer *answer);

/* ---- calls.c ---- */

/* The port's group. */
int test_group(void *arg, const struct crew_group *group,
               const struct crew_answer *answers[]);
void test_forget_calls(struct crew_test *test);
void test_forget_callees(struct crew_test *test);

/* ---- publishes.c ---- */

/* The port's publish. */
int test_publish(void *arg, const struct crew_publication *publication);
void test_forget_publishes(struct crew_test *test);

/* ---- logs.c ---- */

/* The port's log. */
void test_log(void *arg, enum crew_log_level level, const char *request_id,
              const char *text);
void test_forget_logs(struct crew_test *test);

/* ---- exchange.c ---- */

/* exchange_new - one that has failed with CREW_EINVAL, until exchange_end says otherwise.
 */
struct exchange *exchange_new(struct crew_test *test);
void exchange_keep_request(struct exchange *exchange,
                           const struct crew_test_request *request);

/* exchange_end - ANSWER, which is copied, is the response. */
void exchange_end(struct exchange *exchange, const struct crew_answer *answer);
void test_forget_exchanges(struct crew_test *test);

/* A copy of ANSWER; a program that cannot have it ends. */
struct crew_answer *test_answer_copy(const struct crew_answer *answer);

/* ---- environment.c ---- */

/* environment_make - what the handler gets of REQUEST. */
void environment_make(const struct crew_test *test,
                      const struct crew_test_request *request, struct params *params);

#endif
