/* The shared memory of supervisor and handler process (app-worker/ipc/task_ring.h): each
 * task is claimed once, whichever side is first. */
#include "app-worker/ipc/task_ring.h"
#include "unit.h"
#include <pthread.h>

enum { TASKS = 200000, BEHIND = 8 };

static struct task_ring *supervisor, *child;

static int begin(void **state) {
    int fd = -1;
    (void)state;
    supervisor = task_ring_new(&fd);
    assert_non_null(supervisor);
    child = task_ring_map(fd);
    assert_non_null(child);
    return 0;
}

static int end(void **state) {
    (void)state;
    task_ring_free(supervisor);
    task_ring_free(child);
    task_ring_free(NULL);
    return 0;
}

static void test_ring_one_side_claims(void **state) {
    (void)state;
    task_ring_offer(supervisor, 3, 17);
    assert_false(task_ring_claim(child, 3, 16));
    assert_false(task_ring_claim(child, 4, 17));
    assert_true(task_ring_claim(child, 3, 17));
    assert_false(task_ring_claim(supervisor, 3, 17));
    task_ring_offer(supervisor, 3, 18);
    assert_true(task_ring_claim(supervisor, 3, 18));
    assert_false(task_ring_claim(child, 3, 18));
}

static void test_ring_any_slot_number_is_harmless(void **state) {
    (void)state;
    task_ring_offer(supervisor, UINT32_MAX, 1);
    assert_true(task_ring_claim(child, UINT32_MAX, 1));
    assert_false(task_ring_claim(child, 1u << 31, 1));
}

static _Atomic unsigned claimed[TASKS + 1];

static void *claim_all(void *arg) {
    struct task_ring *ring = arg;
    for (uint32_t first = 1; first <= TASKS; first += TASK_RING_SLOTS)
        for (uint32_t g = first; g < first + TASK_RING_SLOTS && g <= TASKS; g++)
            if (task_ring_claim(ring, g % TASK_RING_SLOTS, g))
                claimed[g]++;
    return NULL;
}

/* The other side claims concurrently, as far as it keeps up. */
static void test_ring_concurrent_claims_are_exclusive(void **state) {
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, claim_all, child), 0);
    for (uint32_t g = 1; g <= TASKS + BEHIND; g++) {
        if (g <= TASKS)
            task_ring_offer(supervisor, g % TASK_RING_SLOTS, g);
        uint32_t old = g - BEHIND;
        if (g > BEHIND && task_ring_claim(supervisor, old % TASK_RING_SLOTS, old))
            claimed[old]++;
    }
    pthread_join(thread, NULL);
    for (uint32_t g = 1; g <= TASKS; g++)
        assert_int_equal(claimed[g], 1);
}

static void test_ring_stored_answers_are_read_until_they_are_sent(void **state) {
    struct buffer read = BUFFER_INIT;
    (void)state;
    assert_true(task_ring_store(child, "one", 3));
    assert_true(task_ring_store(child, "two", 3));
    task_ring_read(supervisor, &read);
    assert_int_equal(read.len, 6);
    assert_memory_equal(read.data, "onetwo", 6);
    task_ring_clear(child);
    buffer_reset(&read, 0);
    task_ring_read(supervisor, &read);
    assert_int_equal(read.len, 0);
    buffer_fini(&read);
}

static void test_ring_is_full(void **state) {
    static const uint8_t bytes[4096];
    struct buffer read = BUFFER_INIT;
    size_t stored = 0;
    (void)state;
    while (task_ring_store(child, bytes, sizeof bytes))
        stored += sizeof bytes;
    assert_int_equal(stored, 64 * 1024);
    task_ring_read(supervisor, &read);
    assert_int_equal(read.len, stored);
    assert_false(task_ring_store(child, bytes, SIZE_MAX));
    buffer_fini(&read);
}

/* A handler that writes into the page where it should not. */
static void test_ring_garbage_in_the_memory_is_not_followed(void **state) {
    uint32_t random = 1;
    (void)state;
    for (int round = 0; round < 100; round++) {
        uint8_t *page = (uint8_t *)(void *)child;
        struct buffer read = BUFFER_INIT;
        for (size_t i = 0; i < 512; i++) {
            random = random * 1664525u + 1013904223u;
            page[i] = (uint8_t)(random >> 24);
        }
        task_ring_read(supervisor, &read);
        assert_true(read.len <= 64 * 1024);
        task_ring_store(child, "x", 1);
        task_ring_claim(supervisor, random, random);
        buffer_fini(&read);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ring_one_side_claims, begin, end),
        cmocka_unit_test_setup_teardown(test_ring_any_slot_number_is_harmless, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_ring_concurrent_claims_are_exclusive, begin,
                                        end),
        cmocka_unit_test_setup_teardown(
            test_ring_stored_answers_are_read_until_they_are_sent, begin, end),
        cmocka_unit_test_setup_teardown(test_ring_is_full, begin, end),
        cmocka_unit_test_setup_teardown(test_ring_garbage_in_the_memory_is_not_followed,
                                        begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
