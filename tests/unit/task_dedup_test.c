/* worker/task_dedup.h: directed cases, and a simulation against a list of all that
 * happened.
 *
 * Properties that hold after each step of the simulation:
 * - an entry in the table is found by its key, one that was removed is not;
 * - the cache holds at most max_cached answers and TASK_DEDUP_CACHE_BYTES;
 * - no entry is taken before it expires, unless the cache exceeds its bounds, and then
 *   the oldest is taken; none stays after it has expired;
 * - an id is cancelled from when it is remembered until its deadline. */
#include "unit.h"
#include "wire/limits.h"
#include "worker/task_dedup.h"

#define MIB ((size_t)1024 * 1024)

static struct task_dedup_entry *find(const struct task_dedup *d, const char *key) {
    return task_dedup_find(d, key, strlen(key));
}

/* ---- directed cases ---- */

static void test_a_task_in_hand_is_found(void **state) {
    (void)state;
    struct task_dedup d;
    struct task_dedup_entry a = {0}, b = {0};
    task_dedup_init(&d, 2);
    task_dedup_add(&d, &a, "a");
    task_dedup_add(&d, &b, "b");
    assert_ptr_equal(find(&d, "a"), &a);
    assert_ptr_equal(find(&d, "b"), &b);
    assert_null(find(&d, "c"));
    assert_int_equal(task_dedup_count_in_hand(&d), 2);
    task_dedup_remove(&d, &a);
    task_dedup_remove(&d, &a);
    assert_null(find(&d, "a"));
    assert_int_equal(task_dedup_count_in_hand(&d), 1);
    task_dedup_remove(&d, &b);
    assert_null(task_dedup_first(&d));
    task_dedup_fini(&d);
}

/* Two tasks may have one key: a task that is being requeued, and its copy. */
static void test_two_tasks_with_one_key(void **state) {
    (void)state;
    struct task_dedup d;
    struct task_dedup_entry a = {0}, b = {0};
    task_dedup_init(&d, 2);
    task_dedup_add(&d, &a, "key");
    task_dedup_add(&d, &b, "key");
    task_dedup_remove(&d, &a);
    assert_ptr_equal(find(&d, "key"), &b);
    task_dedup_remove(&d, &b);
    assert_null(find(&d, "key"));
    task_dedup_fini(&d);
}

static void test_a_cached_answer_is_found_until_it_expires(void **state) {
    (void)state;
    struct task_dedup d;
    struct task_dedup_entry a = {0};
    task_dedup_init(&d, 2);
    task_dedup_add(&d, &a, "a");
    assert_false(task_dedup_cache(&d, &a, 10, 1000, 1000)); /* it expires now */
    assert_true(task_dedup_cache(&d, &a, 10, 1000, 999));
    assert_int_equal(task_dedup_count_in_hand(&d), 0);
    assert_int_equal(task_dedup_next_expiry_ms(&d), 1000);
    assert_null(task_dedup_take_expired(&d, 999));
    assert_ptr_equal(find(&d, "a"), &a);
    assert_ptr_equal(task_dedup_take_expired(&d, 1000), &a);
    assert_int_equal(task_dedup_next_expiry_ms(&d), 0);
    task_dedup_remove(&d, &a);
    task_dedup_fini(&d);
}

static void test_a_redelivered_task_leaves_the_cache(void **state) {
    (void)state;
    struct task_dedup d;
    struct task_dedup_entry a = {0};
    task_dedup_init(&d, 2);
    task_dedup_add(&d, &a, "a");
    assert_true(task_dedup_cache(&d, &a, 10, 1000, 0));
    task_dedup_uncache(&d, &a);
    assert_int_equal(task_dedup_count_in_hand(&d), 1);
    assert_null(task_dedup_take_expired(&d, 2000));
    assert_ptr_equal(find(&d, "a"), &a);
    task_dedup_remove(&d, &a);
    task_dedup_fini(&d);
}

static void test_the_oldest_answers_are_dropped(void **state) {
    (void)state;
    struct task_dedup d;
    struct task_dedup_entry e[4] = {0};
    const char *keys[] = {"0", "1", "2", "3"};
    task_dedup_init(&d, 2);
    for (size_t i = 0; i < 4; i++) {
        task_dedup_add(&d, &e[i], keys[i]);
        assert_true(task_dedup_cache(&d, &e[i], 10, 1000 - i, 0));
    }
    assert_ptr_equal(task_dedup_take_expired(&d, 0), &e[0]);
    assert_ptr_equal(task_dedup_take_expired(&d, 0), &e[1]);
    assert_null(task_dedup_take_expired(&d, 0));
    task_dedup_set_max_cached(&d, 1);
    assert_ptr_equal(task_dedup_take_expired(&d, 0), &e[2]);
    for (size_t i = 0; i < 4; i++)
        task_dedup_remove(&d, &e[i]);
    task_dedup_fini(&d);
}

static void test_the_cache_is_bounded_in_bytes(void **state) {
    (void)state;
    struct task_dedup d;
    struct task_dedup_entry e[3] = {0};
    const char *keys[] = {"0", "1", "2"};
    task_dedup_init(&d, 100);
    for (size_t i = 0; i < 3; i++)
        task_dedup_add(&d, &e[i], keys[i]);
    assert_false(task_dedup_cache(&d, &e[0], TASK_DEDUP_CACHE_BYTES + 1, 1000, 0));
    assert_true(task_dedup_cache(&d, &e[0], 40 * MIB, 1000, 0));
    assert_true(task_dedup_cache(&d, &e[1], 24 * MIB, 1000, 0));
    assert_null(task_dedup_take_expired(&d, 0));
    assert_true(task_dedup_cache(&d, &e[2], TASK_DEDUP_CACHE_BYTES, 1000, 0));
    assert_ptr_equal(task_dedup_take_expired(&d, 0), &e[0]);
    assert_ptr_equal(task_dedup_take_expired(&d, 0), &e[1]);
    assert_null(task_dedup_take_expired(&d, 0));
    for (size_t i = 0; i < 3; i++)
        task_dedup_remove(&d, &e[i]);
    task_dedup_fini(&d);
}

static void test_a_cancel_is_remembered_until_its_deadline(void **state) {
    (void)state;
    struct task_dedup d;
    task_dedup_init(&d, 1);
    assert_false(task_dedup_is_cancelled(&d, "id", 2));
    task_dedup_remember_cancelled(&d, "id", 2, 1000);
    task_dedup_remember_cancelled(&d, "id", 2, 9000); /* the first one counts */
    assert_true(task_dedup_is_cancelled(&d, "id", 2));
    assert_false(task_dedup_is_cancelled(&d, "id+", 3));
    assert_int_equal(task_dedup_next_expiry_ms(&d), 1000);
    task_dedup_forget_cancelled(&d, 999);
    assert_true(task_dedup_is_cancelled(&d, "id", 2));
    task_dedup_forget_cancelled(&d, 1000);
    assert_false(task_dedup_is_cancelled(&d, "id", 2));
    task_dedup_fini(&d);
}

static void test_cancels_are_bounded(void **state) {
    (void)state;
    struct task_dedup d;
    char id[16];
    task_dedup_init(&d, 1);
    for (unsigned i = 0; i <= LIMIT_CANCELLED_IDS; i++) {
        int bytes = snprintf(id, sizeof id, "%u", i);
        task_dedup_remember_cancelled(&d, id, (size_t)bytes, 1000);
        assert_int_equal(task_dedup_is_cancelled(&d, id, (size_t)bytes),
                         i < LIMIT_CANCELLED_IDS);
    }
    char long_id[LIMIT_ITEM_ID_BYTES + 1] = {0};
    task_dedup_forget_cancelled(&d, 1000);
    task_dedup_remember_cancelled(&d, long_id, sizeof long_id, 2000);
    assert_false(task_dedup_is_cancelled(&d, long_id, sizeof long_id));
    task_dedup_fini(&d);
}

/* ---- simulation ---- */

#define TASKS 64
#define IDS 32
#define STEPS 20000

struct simulated_task {
    struct task_dedup_entry entry; /* first */
    char key[8];
    bool is_known, is_cached;
    size_t bytes, number; /* of its caching */
    uint64_t expires_ms;
};

struct simulation {
    struct task_dedup dedup;
    struct simulated_task tasks[TASKS];
    uint64_t cancelled_until_ms[IDS];
    size_t max_cached, cachings;
    uint64_t now_ms;
    unsigned seed;
};

static unsigned below(struct simulation *s, unsigned limit) {
    s->seed = s->seed * 1103515245u + 12345u;
    return (s->seed >> 8) % limit;
}

static void count_cached(const struct simulation *s, size_t *count, size_t *bytes,
                         const struct simulated_task **oldest) {
    *count = *bytes = 0;
    *oldest = NULL;
    for (size_t i = 0; i < TASKS; i++) {
        const struct simulated_task *t = &s->tasks[i];
        if (!t->is_cached)
            continue;
        *count += 1;
        *bytes += t->bytes;
        if (*oldest == NULL || t->number < (*oldest)->number)
            *oldest = t;
    }
}

static bool take_one(struct simulation *s) {
    size_t count, bytes;
    const struct simulated_task *oldest;
    count_cached(s, &count, &bytes, &oldest);
    bool exceeds = count > s->max_cached || bytes > TASK_DEDUP_CACHE_BYTES;
    struct simulated_task *taken =
        (struct simulated_task *)task_dedup_take_expired(&s->dedup, s->now_ms);
    if (taken == NULL) {
        assert_false(exceeds);
        return false;
    }
    assert_true(taken->is_cached);
    assert_true(exceeds ? taken == oldest : taken->expires_ms <= s->now_ms);
    task_dedup_remove(&s->dedup, &taken->entry);
    taken->is_known = taken->is_cached = false;
    return true;
}

static void cache(struct simulation *s, struct simulated_task *t) {
    t->bytes = below(s, 8) == 0 ? below(s, 80) * MIB : below(s, 1000);
    t->expires_ms = s->now_ms + below(s, 50);
    t->number = ++s->cachings;
    t->is_cached =
        task_dedup_cache(&s->dedup, &t->entry, t->bytes, t->expires_ms, s->now_ms);
    assert_int_equal(t->is_cached,
                     t->expires_ms > s->now_ms && t->bytes <= TASK_DEDUP_CACHE_BYTES);
}

static void change_task(struct simulation *s, struct simulated_task *t) {
    if (!t->is_known) {
        task_dedup_add(&s->dedup, &t->entry, t->key);
        t->is_known = true;
    } else if (!t->is_cached && below(s, 3) > 0) {
        cache(s, t);
    } else if (t->is_cached && below(s, 2) == 0) {
        task_dedup_uncache(&s->dedup, &t->entry);
        t->is_cached = false;
    } else {
        task_dedup_remove(&s->dedup, &t->entry);
        t->is_known = t->is_cached = false;
    }
}

static void change_cancelled(struct simulation *s) {
    uint8_t id = (uint8_t)below(s, IDS);
    uint64_t until_ms = s->now_ms + 1 + below(s, 100);
    task_dedup_remember_cancelled(&s->dedup, &id, 1, until_ms);
    if (s->cancelled_until_ms[id] <= s->now_ms)
        s->cancelled_until_ms[id] = until_ms;
}

static void check(const struct simulation *s) {
    size_t count, bytes, known = 0;
    const struct simulated_task *oldest;
    uint64_t next_ms = task_dedup_next_expiry_ms(&s->dedup);
    for (size_t i = 0; i < TASKS; i++) {
        const struct simulated_task *t = &s->tasks[i];
        known += t->is_known;
        assert_ptr_equal(find(&s->dedup, t->key), t->is_known ? &t->entry : NULL);
        assert_true(!t->is_cached ||
                    (t->expires_ms > s->now_ms && next_ms <= t->expires_ms));
    }
    count_cached(s, &count, &bytes, &oldest);
    assert_int_equal(task_dedup_count_in_hand(&s->dedup), known - count);
    assert_true(count <= s->max_cached && bytes <= TASK_DEDUP_CACHE_BYTES);
    for (uint8_t id = 0; id < IDS; id++)
        assert_int_equal(task_dedup_is_cancelled(&s->dedup, &id, 1),
                         s->cancelled_until_ms[id] > s->now_ms);
}

static void test_simulation(void **state) {
    (void)state;
    struct simulation s = {.now_ms = 1, .max_cached = 10, .seed = 20240607};
    task_dedup_init(&s.dedup, s.max_cached);
    for (size_t i = 0; i < TASKS; i++)
        snprintf(s.tasks[i].key, sizeof s.tasks[i].key, "%zu", i);
    for (size_t step = 0; step < STEPS; step++) {
        s.now_ms += below(&s, 3);
        if (below(&s, 100) == 0) {
            s.max_cached = 1 + below(&s, 20);
            task_dedup_set_max_cached(&s.dedup, s.max_cached);
        }
        task_dedup_forget_cancelled(&s.dedup, s.now_ms);
        change_task(&s, &s.tasks[below(&s, TASKS)]);
        change_cancelled(&s);
        while (take_one(&s))
            continue;
        check(&s);
    }
    for (size_t i = 0; i < TASKS; i++)
        task_dedup_remove(&s.dedup, &s.tasks[i].entry);
    task_dedup_fini(&s.dedup);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_task_in_hand_is_found),
        cmocka_unit_test(test_two_tasks_with_one_key),
        cmocka_unit_test(test_a_cached_answer_is_found_until_it_expires),
        cmocka_unit_test(test_a_redelivered_task_leaves_the_cache),
        cmocka_unit_test(test_the_oldest_answers_are_dropped),
        cmocka_unit_test(test_the_cache_is_bounded_in_bytes),
        cmocka_unit_test(test_a_cancel_is_remembered_until_its_deadline),
        cmocka_unit_test(test_cancels_are_bounded),
        cmocka_unit_test(test_simulation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
