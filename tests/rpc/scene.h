/* A client and workers in one process, driven by poll(2), through the broker that
 * CREW_TEST_AMQP_URL names. */
#ifndef CREW_TESTS_RPC_SCENE_H
#define CREW_TESTS_RPC_SCENE_H

#include <crew/client.h>
#include <crew/worker.h>

#define SCENE_BOUND_MS 15000

struct scene;

/* A worker of the scene and what it is told to do with its tasks. */
struct actor {
    struct scene *scene;
    crew_worker *worker;
    enum {
        ACTOR_ANSWERS, /* begins and answers at once: the body comes back */
        ACTOR_HOLDS,   /* begins, and answers when the test says so */
        ACTOR_WAITS    /* does not even begin */
    } manner;
    crew_task *held[64];
    size_t held_count;
    unsigned begun;   /* how often a task was begun */
    unsigned refused; /* how often begin said no */
    unsigned looks;   /* answers to crew_worker_inspect_queue, and the latest one */
    uint32_t messages;
    uint32_t consumers;
};

struct scene {
    struct crew_broker broker;
    crew_client *client;
    struct actor actors[2];
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

void scene_open(struct scene *s, const char *url);
void scene_close(struct scene *s);
struct actor *scene_worker(struct scene *s, size_t place, const char *task);
void actor_echo(crew_task *task);

uint64_t scene_now_ms(void);

void scene_spin(struct scene *s); /* one turn, at most 20 ms */
/* Turns until CONDITION holds; the test fails when it does not within the bound. */
#define scene_until(s, condition)                          \
    do {                                                   \
        uint64_t until_ = scene_now_ms() + SCENE_BOUND_MS; \
        while (!(condition) && scene_now_ms() < until_)    \
            scene_spin(s);                                 \
        assert_true(condition);                            \
    } while (0)

crew_answer_fn outcome_note;
void outcome_fini(struct outcome *o);

#endif
