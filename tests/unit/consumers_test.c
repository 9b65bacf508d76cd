/* worker/consumers.h through the public worker, with a fake link: a simulation of what
 * the owner asks for, operations that are accepted and refused, consumers that the broker
 * cancels and connections that are lost.
 *
 * Properties that hold whenever nothing is pending and both connections are open:
 * - exactly the queues of the served tasks are consumed, and the worker is ready;
 * - the limit that the broker applies is the prefetch: over all queues, or for a single
 *   queue the lower one of the global and the consumer's own limit.
 * Always: no queue is consumed twice (fake_link.c). */
#include "fake_link.h"
#include "unit.h"
#include "wire/broker_names.h"
#include <crew/worker.h>

#define TASKS 4
#define STEPS 20000
#define RETRY_MS 5000u

static const char *const tasks[TASKS] = {"a", "b", "c", "d"};

struct simulation {
    crew_worker *worker;
    bool served[TASKS];
    size_t served_count;
    unsigned prefetch;
    unsigned seed;
};

static unsigned below(struct simulation *s, unsigned limit) {
    s->seed = s->seed * 1103515245u + 12345u;
    return (s->seed >> 8) % limit;
}

static void on_task(void *arg, crew_task *task) {
    (void)arg;
    (void)task;
}

static crew_worker *new_worker(unsigned prefetch) {
    crew_broker broker;
    crew_worker *worker;
    fake_reset();
    crew_broker_init(&broker);
    const struct crew_worker_options options = {.prefetch = prefetch, .on_task = on_task};
    assert_int_equal(crew_worker_new(&broker, &options, &worker), 0);
    crew_broker_fini(&broker);
    return worker;
}

static void queue_of(char queue[64], const char *task) {
    snprintf(queue, 64, "%s%s", NAME_TASK_QUEUE_PREFIX, task);
}

static const struct fake_consumer *consumer_of(const char *task) {
    char queue[64];
    queue_of(queue, task);
    return fake_find_consumer(queue);
}

/* ---- steps of the simulation ---- */

static void serve(struct simulation *s) {
    const char *names[TASKS];
    s->served_count = 0;
    for (size_t i = 0; i < TASKS; i++) {
        s->served[i] = below(s, 3) == 0;
        if (s->served[i])
            names[s->served_count++] = tasks[i];
    }
    assert_int_equal(crew_worker_serve(s->worker, names, s->served_count), 0);
}

static void set_prefetch(struct simulation *s) {
    s->prefetch = 1 + below(s, 8);
    crew_worker_set_prefetch(s->worker, s->prefetch);
}

static void change_connection(struct simulation *s) {
    enum fake_side side = below(s, 2) == 0 ? FAKE_PUBLISHER : FAKE_CONSUMER;
    if (!fake_is_open(side))
        fake_open(side);
    else if (below(s, 8) == 0)
        fake_lose(side, PUBLISH_UNKNOWN);
}

static void do_op(struct simulation *s) {
    enum fake_side side = below(s, 3) == 0 ? FAKE_PUBLISHER : FAKE_CONSUMER;
    const struct link_op *op = fake_next_op(side);
    if (op == NULL)
        return;
    if (op->kind == LINK_CONSUME && side == FAKE_CONSUMER && below(s, 4) == 0)
        fake_refuse_op(side);
    else
        fake_accept_op(side);
}

static void cancel_by_broker(struct simulation *s) {
    char queue[64];
    queue_of(queue, tasks[below(s, TASKS)]);
    if (fake_is_open(FAKE_CONSUMER) && fake_find_consumer(queue) != NULL)
        fake_cancel_consumer(queue);
}

static void step(struct simulation *s) {
    switch (below(s, 16)) {
    case 0:
        serve(s);
        break;
    case 1:
        set_prefetch(s);
        break;
    case 2:
        change_connection(s);
        break;
    case 3:
        cancel_by_broker(s);
        break;
    case 4:
        fake_broker.now_ms += below(s, 2000);
        break;
    default:
        do_op(s);
        break;
    }
    if (below(s, 3) > 0)
        crew_worker_dispatch(s->worker);
}

/* ---- what holds when all is done ---- */

static void settle(struct simulation *s) {
    for (enum fake_side side = FAKE_PUBLISHER; side < FAKE_SIDES; side++)
        if (!fake_is_open(side))
            fake_open(side);
    for (unsigned i = 0; i < 10; i++) {
        crew_worker_dispatch(s->worker);
        fake_accept_all_ops();
        crew_worker_dispatch(s->worker);
        fake_broker.now_ms += RETRY_MS;
    }
    assert_null(fake_next_op(FAKE_PUBLISHER));
    assert_null(fake_next_op(FAKE_CONSUMER));
}

static void check_limit(const struct simulation *s) {
    if (s->served_count != 1) {
        assert_true(s->served_count == 0 || fake_broker.global == s->prefetch);
        return;
    }
    for (size_t i = 0; i < TASKS; i++) {
        unsigned own = s->served[i] ? consumer_of(tasks[i])->own_limit : 0;
        unsigned global = fake_broker.global;
        if (s->served[i])
            assert_int_equal(global == 0 || (own != 0 && own < global) ? own : global,
                             s->prefetch);
    }
}

static void check(const struct simulation *s) {
    for (size_t i = 0; i < TASKS; i++)
        assert_int_equal(consumer_of(tasks[i]) != NULL, s->served[i]);
    assert_int_equal(crew_worker_ready(s->worker), s->served_count > 0);
    assert_int_equal(crew_worker_held(s->worker), 0);
    check_limit(s);
}

static void test_simulation(void **state) {
    (void)state;
    struct simulation s = {.seed = 20240611, .prefetch = 3, .worker = new_worker(3)};
    for (unsigned i = 0; i < STEPS; i++) {
        step(&s);
        if (below(&s, 20) == 0) {
            settle(&s);
            check(&s);
        }
    }
    crew_worker_free(s.worker);
}

/* ---- directed cases ---- */

static crew_worker *ready_worker(unsigned highest, const char *const *names,
                                 size_t count) {
    crew_worker *worker = new_worker(highest);
    assert_int_equal(crew_worker_serve(worker, names, count), 0);
    fake_open(FAKE_PUBLISHER);
    fake_open(FAKE_CONSUMER);
    crew_worker_dispatch(worker);
    fake_accept_all_ops();
    crew_worker_dispatch(worker);
    assert_true(crew_worker_ready(worker));
    return worker;
}

static void accept_all(crew_worker *worker) {
    do {
        fake_accept_all_ops();
        crew_worker_dispatch(worker);
    } while (fake_next_op(FAKE_CONSUMER) != NULL);
}

/* Up to the highest prefetch the consumer is never started again. */
static void test_one_queue_keeps_its_consumer(void **state) {
    (void)state;
    crew_worker *worker = ready_worker(8, tasks, 1);
    assert_int_equal(consumer_of("a")->own_limit, 8);
    assert_int_equal(fake_broker.global, 0);
    crew_worker_set_prefetch(worker, 2);
    assert_int_equal(fake_next_op(FAKE_CONSUMER)->kind, LINK_QOS);
    assert_null(fake_next_op(FAKE_CONSUMER)->next);
    accept_all(worker);
    assert_int_equal(fake_broker.global, 2);
    crew_worker_set_prefetch(worker, 8);
    assert_null(fake_next_op(FAKE_CONSUMER)->next);
    accept_all(worker);
    assert_int_equal(fake_broker.global, 0);
    crew_worker_free(worker);
}

/* Beyond it the consumer is started again without a limit of its own; on the next
 * connection it has the new highest one. */
static void test_a_higher_prefetch_is_global(void **state) {
    (void)state;
    crew_worker *worker = ready_worker(2, tasks, 1);
    crew_worker_set_prefetch(worker, 5);
    accept_all(worker);
    assert_int_equal(consumer_of("a")->own_limit, 0);
    assert_int_equal(fake_broker.global, 5);
    crew_worker_set_prefetch(worker, 4);
    accept_all(worker);
    fake_lose(FAKE_CONSUMER, PUBLISH_UNKNOWN);
    fake_open(FAKE_CONSUMER);
    crew_worker_dispatch(worker);
    accept_all(worker);
    assert_int_equal(consumer_of("a")->own_limit, 5);
    assert_int_equal(fake_broker.global, 4);
    crew_worker_free(worker);
}

static void test_several_queues_have_the_global_limit_only(void **state) {
    (void)state;
    crew_worker *worker = ready_worker(3, tasks, 2);
    assert_int_equal(consumer_of("a")->own_limit, 0);
    assert_int_equal(consumer_of("b")->own_limit, 0);
    assert_int_equal(fake_broker.global, 3);
    crew_worker_free(worker);
}

/* Refused queues are tried again after 100, 200, 400 ... ms, at most 5 s. */
static void test_a_refused_queue_is_retried_with_backoff(void **state) {
    (void)state;
    uint64_t expected_ms = 100;
    crew_worker *worker = new_worker(1);
    crew_worker_serve(worker, tasks, 1);
    fake_open(FAKE_PUBLISHER);
    fake_open(FAKE_CONSUMER);
    for (unsigned i = 0; i < 10; i++) {
        crew_worker_dispatch(worker);
        while (fake_next_op(FAKE_CONSUMER)->kind != LINK_CONSUME)
            fake_accept_op(FAKE_CONSUMER);
        fake_refuse_op(FAKE_CONSUMER);
        crew_worker_dispatch(worker);
        fake_broker.now_ms += expected_ms - 1;
        crew_worker_dispatch(worker);
        assert_null(fake_next_op(FAKE_CONSUMER));
        fake_broker.now_ms++;
        expected_ms = expected_ms * 2 < RETRY_MS ? expected_ms * 2 : RETRY_MS;
    }
    crew_worker_dispatch(worker);
    accept_all(worker);
    assert_true(crew_worker_ready(worker));
    crew_worker_free(worker);
}

/* Notices must come in before the worker is ready, and after its publisher has
 * reconnected. */
static void test_it_is_not_ready_without_notices(void **state) {
    (void)state;
    crew_worker *worker = ready_worker(1, tasks, 1);
    fake_lose(FAKE_PUBLISHER, PUBLISH_UNKNOWN);
    fake_open(FAKE_PUBLISHER);
    crew_worker_dispatch(worker);
    assert_false(crew_worker_ready(worker));
    accept_all(worker);
    assert_true(crew_worker_ready(worker));
    crew_worker_free(worker);
}

int main(void) {
    const struct CMUnitTest tests_to_run[] = {
        cmocka_unit_test(test_one_queue_keeps_its_consumer),
        cmocka_unit_test(test_a_higher_prefetch_is_global),
        cmocka_unit_test(test_several_queues_have_the_global_limit_only),
        cmocka_unit_test(test_a_refused_queue_is_retried_with_backoff),
        cmocka_unit_test(test_it_is_not_ready_without_notices),
        cmocka_unit_test(test_simulation),
    };
    return cmocka_run_group_tests(tests_to_run, NULL, NULL);
}
