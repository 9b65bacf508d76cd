/* Waiters: each times out once, in the order of their timeouts, unless it was removed.
 * The timeouts are a few milliseconds. */
#include "cmocka_all.h"

#include "fcgi-bridge/pubsub/waiters.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 400

struct client {
    struct waiter waiter;
    uint64_t due_ms;
    unsigned timeouts;
    bool removed;
};

static uv_loop_t loop;
static struct waiters waiters;
static struct client clients[COUNT];
static uint64_t last_due_ms;
static struct client *postpone;     /* by its first timeout */
static struct client *remove_other; /* during the next timeout */

static struct client *client_of(struct waiter *waiter) {
    return (struct client *)((char *)waiter - offsetof(struct client, waiter));
}

static void add(struct client *client, uint64_t timeout_ms) {
    client->due_ms = uv_now(&loop) + timeout_ms;
    waiters_add(&waiters, &client->waiter, timeout_ms);
}

static void on_timeout(struct waiter *waiter) {
    struct client *client = client_of(waiter);
    client->timeouts++;
    assert_true(client->due_ms >= last_due_ms);
    assert_true(client->due_ms <= uv_now(&loop));
    assert_false(client->removed);
    last_due_ms = client->due_ms;
    if (remove_other != NULL) {
        waiters_remove(&waiters, &remove_other->waiter);
        remove_other->removed = true;
        remove_other = NULL;
    }
    if (client == postpone) {
        postpone = NULL;
        client->due_ms = uv_now(&loop) + 1;
        waiters_set_timeout(&waiters, waiter, 1);
    } else {
        waiters_remove(&waiters, waiter);
    }
}

static int setup(void **state) {
    (void)state;
    memset(clients, 0, sizeof clients);
    last_due_ms = 0;
    postpone = remove_other = NULL;
    assert_int_equal(uv_loop_init(&loop), 0);
    return waiters_init(&waiters, &loop, COUNT, on_timeout);
}

static int teardown(void **state) {
    (void)state;
    waiters_fini(&waiters);
    uv_close((uv_handle_t *)&waiters.timer, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

static void test_order(void **state) {
    (void)state;
    add(&clients[0], 3);
    add(&clients[1], 1);
    add(&clients[2], 2);
    assert_ptr_equal(waiters_first(&waiters), &clients[1].waiter);
    uv_run(&loop, UV_RUN_DEFAULT);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(clients[i].timeouts, 1);
    assert_null(waiters_first(&waiters));
}

static void test_remove(void **state) {
    (void)state;
    waiters_remove(&waiters, &clients[0].waiter); /* never added */
    add(&clients[0], 0);
    add(&clients[1], 1);
    waiters_remove(&waiters, &clients[0].waiter);
    waiters_remove(&waiters, &clients[0].waiter);
    assert_ptr_equal(waiters_first(&waiters), &clients[1].waiter);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(clients[0].timeouts, 0);
    assert_int_equal(clients[1].timeouts, 1);
}

/* Even if both are due in the same iteration of the loop. */
static void test_remove_during_a_timeout(void **state) {
    (void)state;
    add(&clients[0], 0);
    add(&clients[1], 0);
    remove_other = &clients[1];
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(clients[0].timeouts + clients[1].timeouts, 1);
}

static void test_postpone_during_its_timeout(void **state) {
    (void)state;
    postpone = &clients[0];
    add(&clients[0], 0);
    add(&clients[1], 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(clients[0].timeouts, 2);
    assert_int_equal(clients[1].timeouts, 1);
}

static void test_full(void **state) {
    (void)state;
    waiters.max = 2;
    add(&clients[0], 1000);
    assert_false(waiters_full(&waiters));
    add(&clients[1], 1000);
    assert_true(waiters_full(&waiters));
    waiters_remove(&waiters, &clients[0].waiter);
    assert_false(waiters_full(&waiters));
    waiters_remove(&waiters, &clients[1].waiter);
}

/* Random timeouts, postponements and removals before the loop runs. */
static void test_random(void **state) {
    (void)state;
    unsigned seed = 7;
    for (size_t i = 0; i < COUNT; i++)
        add(&clients[i], (uint64_t)(rand_r(&seed) % 5));
    for (size_t n = 0; n < 2 * COUNT; n++) {
        struct client *client = &clients[rand_r(&seed) % COUNT];
        uint64_t timeout_ms = (uint64_t)(rand_r(&seed) % 5);
        if (client->removed)
            continue;
        if (rand_r(&seed) % 4 == 0) {
            waiters_remove(&waiters, &client->waiter);
            client->removed = true;
        } else {
            client->due_ms = uv_now(&loop) + timeout_ms;
            waiters_set_timeout(&waiters, &client->waiter, timeout_ms);
        }
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(clients[i].timeouts, clients[i].removed ? 0 : 1);
    assert_int_equal(waiters.count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remove, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remove_during_a_timeout, setup, teardown),
        cmocka_unit_test_setup_teardown(test_postpone_during_its_timeout, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
