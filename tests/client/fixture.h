/* A client and workers in one process, driven by poll(2), through the broker that
 * CREW_TEST_AMQP_URL names. */
#ifndef CREW_TESTS_CLIENT_FIXTURE_H
#define CREW_TESTS_CLIENT_FIXTURE_H

#include <crew/client.h>
#include <crew/worker.h>

#define FIXTURE_TIMEOUT_MS 15000

/* A worker of the fixture and what it does with its tasks. */
struct fixture_worker {
    crew_worker *worker;
    enum {
        WORKER_ANSWERS, /* begins and answers at once: the body comes back */
        WORKER_HOLDS,   /* begins, and answers when the test says so */
        WORKER_WAITS    /* does not even begin */
    } mode;
    crew_task *held[64];
    size_t held_count;
    unsigned begun;       /* tasks that were begun */
    unsigned refused;     /* tasks that could not be begun */
    unsigned queue_infos; /* answers to crew_worker_inspect_queue, and the latest one */
    uint32_t messages;
    uint32_t consumers;
};

struct fixture {
    char task[64]; /* a name of its own for each test */
    struct crew_broker broker;
    crew_client *client;
    struct fixture_worker workers[2];
};

/* How a call ended. */
struct outcome {
    unsigned times; /* that the callback was called */
    int error;
    int status;
    void *body;
    size_t body_bytes;
    char header[64]; /* value of the first header field */
};

void fixture_open(struct fixture *f, const char *url);
/* To the broker of CREW_TEST_AMQP_URL. 0, or -1: there is none. */
int fixture_open_shared(struct fixture *f);
void fixture_close(struct fixture *f);
/* Worker INDEX serves the fixture's task: created, or also connected and ready. */
struct fixture_worker *fixture_worker(struct fixture *f, size_t index, const char *task);
struct fixture_worker *fixture_ready_worker(struct fixture *f, size_t index);
/* Answer with the task's body and name. */
void fixture_echo(crew_task *task);

/* A plain call to the fixture's task with ten seconds. */
struct crew_call fixture_plain(const struct fixture *f, const char *body);
void fixture_start(struct fixture *f, const struct crew_call *call, struct outcome *o);
/* Wait until the callback has been called, once. */
void fixture_finish(struct fixture *f, struct outcome *o);

uint64_t fixture_now_ms(void);

void fixture_dispatch(struct fixture *f); /* what comes within 20 ms */
/* Dispatch until CONDITION holds; the test fails when it does not within the timeout. */
#define fixture_until(f, condition)                              \
    do {                                                         \
        uint64_t until_ = fixture_now_ms() + FIXTURE_TIMEOUT_MS; \
        while (!(condition) && fixture_now_ms() < until_)        \
            fixture_dispatch(f);                                 \
        assert_true(condition);                                  \
    } while (0)

crew_answer_fn outcome_note;
void outcome_fini(struct outcome *o);

#endif
