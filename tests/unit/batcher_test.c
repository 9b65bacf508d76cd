/* client/batcher.h, without a broker and without a clock: directed cases, and a
 * simulation of arrivals, answers, lost messages and cancels.
 *
 * Properties that hold after each step of the simulation:
 * - each entry is sent exactly once for each time it was enqueued, or still waits;
 * - entries of a queue are sent in the order in which they were enqueued;
 * - a batch holds at most max_batch entries of one queue, and several only if all of them
 *   are shareable, small, and together within BATCHER_MESSAGE_BYTES;
 * - an entry waits after a flush only while a batch of its queue is in flight;
 * - nothing waits without a deadline within BATCHER_IN_FLIGHT_MS. */
#include "client/batcher.h"
#include "unit.h"

#include <utlist.h>

#define MAX_BATCH 32
#define START_MS 1000000u /* longer than any worker counts after an answer */
#define FAST_US 20u
#define SLOW_US 5000u

/* ---- directed cases: one queue, a batch is answered as a whole ---- */

#define ENTRIES 100

struct fixture {
    struct batcher batcher;
    struct batch_entry entries[ENTRIES];
    struct batch batches[ENTRIES];
    bool released[ENTRIES];
    size_t used, sent;
    uint64_t now_ms;
};

static void fixture_init(struct fixture *f) {
    *f = (struct fixture){.now_ms = START_MS};
    batcher_init(&f->batcher, MAX_BATCH);
}

static void enqueue_sized(struct fixture *f, size_t bytes, bool shareable) {
    struct batch_entry *entry = &f->entries[f->used++];
    batcher_join(&f->batcher, entry, "queue", 5);
    batcher_enqueue(&f->batcher, entry, bytes, shareable);
}

static void enqueue(struct fixture *f, size_t count) {
    while (count-- > 0)
        enqueue_sized(f, 100, true);
}

/* How many batches left. */
static size_t flush(struct fixture *f) {
    struct batch_queue *queue;
    size_t before = f->sent;
    while ((queue = batcher_next_queue(&f->batcher)) != NULL)
        while (batcher_may_send(&f->batcher, queue, f->now_ms))
            batcher_fill(queue, &f->batches[f->sent++], f->now_ms);
    return f->sent - before;
}

static void answer(struct fixture *f, size_t index, uint64_t run_us, const char *worker) {
    struct batch *batch = &f->batches[index];
    while (batch->entries != NULL) {
        struct batch_entry *entry = batch->entries;
        batcher_note_answer(&f->batcher, entry, run_us, worker, strlen(worker),
                            f->now_ms);
        batcher_withdraw(&f->batcher, entry);
        batcher_leave(&f->batcher, entry);
    }
    batcher_release(&f->batcher, batch);
    f->released[index] = true;
}

/* The queue has learnt that its handlers take so long. */
static void learn(struct fixture *f, uint64_t run_us) {
    for (int i = 0; i < 20; i++) {
        enqueue(f, 1);
        assert_int_equal(flush(f), 1);
        answer(f, f->sent - 1, run_us, "worker-A");
    }
}

static void fixture_fini(struct fixture *f) {
    for (size_t i = 0; i < f->used; i++) {
        if (f->entries[i].queue == NULL)
            continue;
        batcher_withdraw(&f->batcher, &f->entries[i]);
        batcher_leave(&f->batcher, &f->entries[i]);
    }
    for (size_t i = 0; i < f->sent; i++)
        if (!f->released[i])
            batcher_release(&f->batcher, &f->batches[i]);
    batcher_fini(&f->batcher);
}

static void test_request_alone_is_sent_at_once(void **state) {
    (void)state;
    struct fixture f;
    fixture_init(&f);
    learn(&f, FAST_US);
    enqueue(&f, 1);
    assert_int_equal(flush(&f), 1);
    assert_int_equal(batcher_due_ms(&f.batcher), 0);
    fixture_fini(&f);
}

static void test_requests_of_unknown_run_time_are_not_batched(void **state) {
    (void)state;
    struct fixture f;
    fixture_init(&f);
    enqueue(&f, 10);
    assert_int_equal(flush(&f), 10);
    fixture_fini(&f);
}

static void test_requests_for_slow_handlers_are_not_batched(void **state) {
    (void)state;
    struct fixture f;
    fixture_init(&f);
    learn(&f, SLOW_US);
    enqueue(&f, 10);
    assert_int_equal(flush(&f), 10);
    fixture_fini(&f);
}

/* One of 500 µs: no more than 4 of them, 2 ms of work, are in a message. */
static void test_batch_holds_a_bounded_amount_of_work(void **state) {
    (void)state;
    struct fixture f;
    fixture_init(&f);
    learn(&f, 500);
    enqueue(&f, 8);
    assert_int_equal(flush(&f), 2);
    assert_int_equal(f.batches[f.sent - 2].count, 4);
    assert_int_equal(f.batches[f.sent - 1].count, 4);
    fixture_fini(&f);
}

static void test_requests_for_fast_handlers_share_a_message(void **state) {
    (void)state;
    struct fixture f;
    fixture_init(&f);
    learn(&f, FAST_US);
    enqueue(&f, 20);
    assert_int_equal(flush(&f), 1);
    assert_int_equal(f.batches[f.sent - 1].count, 20);
    fixture_fini(&f);
}

static void test_full_batch_does_not_wait(void **state) {
    (void)state;
    struct fixture f;
    fixture_init(&f);
    learn(&f, FAST_US);
    enqueue(&f, 70);
    assert_int_equal(flush(&f), 2); /* the last 6 wait */
    assert_int_equal(f.batches[f.sent - 2].count, MAX_BATCH);
    assert_int_equal(f.batches[f.sent - 1].count, MAX_BATCH);
    fixture_fini(&f);
}

static void test_few_requests_wait_for_an_answer(void **state) {
    (void)state;
    struct fixture f;
    fixture_init(&f);
    learn(&f, FAST_US);
    enqueue(&f, 20);
    assert_int_equal(flush(&f), 1);
    enqueue(&f, 5); /* of 25 that are open */
    assert_int_equal(flush(&f), 0);
    answer(&f, f.sent - 1, FAST_US, "worker-A");
    assert_int_equal(flush(&f), 1);
    assert_int_equal(f.batches[f.sent - 1].count, 5);
    fixture_fini(&f);
}

static void test_half_of_the_open_requests_do_not_wait(void **state) {
    (void)state;
    struct fixture f;
    fixture_init(&f);
    learn(&f, FAST_US);
    enqueue(&f, 10);
    assert_int_equal(flush(&f), 1);
    enqueue(&f, 9);
    assert_int_equal(flush(&f), 1); /* 9 of 19 */
    fixture_fini(&f);
}

static void test_unanswered_batch_holds_others_up_for_a_bounded_time(void **state) {
    (void)state;
    struct fixture f;
    fixture_init(&f);
    learn(&f, FAST_US);
    enqueue(&f, 20);
    assert_int_equal(flush(&f), 1);
    enqueue(&f, 5);
    assert_int_equal(flush(&f), 0);
    uint64_t due_ms = batcher_due_ms(&f.batcher);
    assert_int_equal(due_ms, f.now_ms + BATCHER_IN_FLIGHT_MS);
    f.now_ms = due_ms - 1;
    batcher_expire(&f.batcher, f.now_ms);
    assert_int_equal(flush(&f), 0);
    f.now_ms = due_ms;
    batcher_expire(&f.batcher, f.now_ms);
    assert_int_equal(flush(&f), 1);
    assert_int_equal(batcher_due_ms(&f.batcher), 0);
    fixture_fini(&f);
}

static void test_each_worker_that_answers_may_have_a_batch(void **state) {
    (void)state;
    struct fixture f;
    fixture_init(&f);
    learn(&f, FAST_US);
    enqueue(&f, 1);
    flush(&f);
    answer(&f, f.sent - 1, FAST_US, "worker-B");
    enqueue(&f, 20);
    assert_int_equal(flush(&f), 1);
    enqueue(&f, 2);
    assert_int_equal(flush(&f), 1); /* for the second worker */
    enqueue(&f, 2);
    assert_int_equal(flush(&f), 0);
    fixture_fini(&f);
}

static void test_large_and_unshareable_entries_travel_alone(void **state) {
    (void)state;
    struct fixture f;
    fixture_init(&f);
    learn(&f, FAST_US);
    enqueue(&f, 2);
    enqueue_sized(&f, BATCHER_SMALL_BYTES + 1, true);
    enqueue_sized(&f, 100, false);
    enqueue(&f, 2);
    size_t first = f.sent;
    f.now_ms += BATCHER_IN_FLIGHT_MS;
    while (flush(&f) > 0)
        f.now_ms += BATCHER_IN_FLIGHT_MS, batcher_expire(&f.batcher, f.now_ms);
    assert_int_equal(f.sent - first, 4);
    assert_int_equal(f.batches[first].count, 2);
    assert_int_equal(f.batches[first + 1].count, 1);
    assert_int_equal(f.batches[first + 2].count, 1);
    assert_int_equal(f.batches[first + 3].count, 2);
    fixture_fini(&f);
}

static void test_message_is_bounded_in_bytes(void **state) {
    (void)state;
    struct fixture f;
    fixture_init(&f);
    learn(&f, FAST_US);
    for (int i = 0; i < 9; i++)
        enqueue_sized(&f, BATCHER_SMALL_BYTES, true);
    assert_int_equal(flush(&f), 2);
    assert_int_equal(f.batches[f.sent - 2].count, 4);
    assert_int_equal(f.batches[f.sent - 1].count, 4); /* the ninth waits */
    fixture_fini(&f);
}

/* More queues than are kept: those in use stay what they are. */
static void test_idle_queues_are_evicted(void **state) {
    (void)state;
    struct fixture f;
    struct batch_entry entry = {0};
    fixture_init(&f);
    enqueue(&f, 1);
    for (unsigned i = 0; i < 3 * BATCHER_MAX_QUEUES; i++) {
        char key[32];
        snprintf(key, sizeof key, "queue.%u", i);
        batcher_join(&f.batcher, &entry, key, strlen(key));
        assert_string_equal(batcher_key(entry.queue), key);
        batcher_leave(&f.batcher, &entry);
    }
    assert_string_equal(batcher_key(f.entries[0].queue), "queue");
    assert_int_equal(flush(&f), 1);
    fixture_fini(&f);
}

/* ---- simulation ---- */

#define KEYS 4
#define ITEMS 600
#define STEPS 200000
#define BATCHES (4 * ITEMS)

enum item_state { ITEM_UNUSED, ITEM_WAITING, ITEM_SENT };

struct item {
    struct batch_entry entry; /* first */
    enum item_state state;
    unsigned key;
    uint64_t sequence;
    size_t bytes;
    bool shareable;
};

struct flight {
    struct batch batch; /* first */
    bool used;
    bool status_known;
    unsigned key;
};

struct simulation {
    struct batcher batcher;
    struct item items[ITEMS];
    struct flight flights[BATCHES];
    unsigned run_us[KEYS];
    uint64_t now_ms;
    uint64_t next_sequence;
    uint64_t random;
    uint64_t enqueued, sent, cancelled, shared;
};

static unsigned random_below(struct simulation *s, unsigned limit) {
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return (unsigned)(s->random >> 33) % limit;
}

static size_t random_bytes(struct simulation *s) {
    switch (random_below(s, 8)) {
    case 0:
        return BATCHER_SMALL_BYTES + random_below(s, 100000);
    case 1:
        return random_below(s, BATCHER_SMALL_BYTES + 1);
    default:
        return random_below(s, 1000);
    }
}

static void put_into_queue(struct simulation *s, struct item *item) {
    item->state = ITEM_WAITING;
    item->sequence = s->next_sequence++;
    s->enqueued++;
    batcher_enqueue(&s->batcher, &item->entry, item->bytes, item->shareable);
}

static void arrive(struct simulation *s) {
    static const char *const keys[KEYS] = {"0Tfast", "0Tslow", "1Pmixed", "2Tidle"};
    struct item *item = &s->items[random_below(s, ITEMS)];
    if (item->state != ITEM_UNUSED)
        return;
    item->key = random_below(s, 16) == 0 ? 3 : random_below(s, KEYS - 1);
    item->bytes = random_bytes(s);
    item->shareable = random_below(s, 10) != 0;
    batcher_join(&s->batcher, &item->entry, keys[item->key], strlen(keys[item->key]));
    assert_string_equal(batcher_key(item->entry.queue), keys[item->key]);
    put_into_queue(s, item);
}

static void release_if_over(struct simulation *s, struct flight *flight) {
    if (flight->batch.entries != NULL || !flight->status_known)
        return;
    batcher_release(&s->batcher, &flight->batch);
    *flight = (struct flight){0};
}

static void withdraw(struct simulation *s, struct item *item) {
    struct flight *flight = (struct flight *)item->entry.batch;
    batcher_withdraw(&s->batcher, &item->entry);
    assert_null(item->entry.batch);
    assert_false(item->entry.waiting);
    if (flight != NULL)
        release_if_over(s, flight);
}

static void leave(struct simulation *s, struct item *item) {
    withdraw(s, item);
    batcher_leave(&s->batcher, &item->entry);
    item->state = ITEM_UNUSED;
}

static struct item *random_item(struct simulation *s, enum item_state state) {
    struct item *item = &s->items[random_below(s, ITEMS)];
    return item->state == state ? item : NULL;
}

static void answer_one(struct simulation *s) {
    struct item *item = random_item(s, ITEM_SENT);
    char worker[16];
    if (item == NULL)
        return;
    snprintf(worker, sizeof worker, "worker-%u", random_below(s, 3));
    uint64_t run_us = random_below(s, 20) == 0 ? 0 : s->run_us[item->key];
    batcher_note_answer(&s->batcher, &item->entry, run_us, worker, strlen(worker),
                        s->now_ms);
    leave(s, item);
}

static void cancel_one(struct simulation *s) {
    struct item *item = random_item(s, ITEM_WAITING);
    if (item == NULL)
        return;
    s->cancelled++;
    leave(s, item);
}

static struct flight *random_flight(struct simulation *s) {
    struct flight *flight = &s->flights[random_below(s, BATCHES)];
    return flight->used && !flight->status_known ? flight : NULL;
}

static void confirm_one(struct simulation *s) {
    struct flight *flight = random_flight(s);
    if (flight == NULL)
        return;
    flight->status_known = true;
    release_if_over(s, flight);
}

/* Each of its requests is sent again, alone, or fails. */
static void lose_one(struct simulation *s) {
    struct flight *flight = random_flight(s);
    if (flight == NULL)
        return;
    struct batch_entry *entry = flight->batch.entries, *next;
    flight->status_known = true;
    if (entry == NULL)
        release_if_over(s, flight);
    for (; entry != NULL; entry = next) {
        struct item *item = (struct item *)entry;
        next = entry->next;
        withdraw(s, item);
        item->shareable = false;
        if (random_below(s, 2) == 0)
            put_into_queue(s, item);
        else
            leave(s, item);
    }
}

static struct flight *unused_flight(struct simulation *s) {
    size_t i = 0;
    while (i + 1 < BATCHES && s->flights[i].used)
        i++;
    assert_false(s->flights[i].used);
    return &s->flights[i];
}

/* Marks the entries of a batch as sent. */
static void check_batch(struct simulation *s, struct flight *flight) {
    struct batch_entry *entry;
    size_t count = 0, bytes = 0;
    bool all_shareable = true;
    uint64_t last_sequence = 0;
    assert_non_null(flight->batch.entries);
    flight->key = ((struct item *)flight->batch.entries)->key;
    DL_FOREACH (flight->batch.entries, entry) {
        struct item *item = (struct item *)entry;
        assert_int_equal(item->state, ITEM_WAITING);
        assert_int_equal(item->key, flight->key);
        assert_true(count == 0 || item->sequence > last_sequence);
        assert_ptr_equal(entry->batch, &flight->batch);
        all_shareable =
            all_shareable && item->shareable && item->bytes <= BATCHER_SMALL_BYTES;
        last_sequence = item->sequence;
        item->state = ITEM_SENT;
        count++;
        bytes += item->bytes;
    }
    assert_int_equal(count, flight->batch.count);
    assert_in_range(count, 1, MAX_BATCH);
    if (count > 1) {
        assert_true(all_shareable);
        assert_true(bytes <= BATCHER_MESSAGE_BYTES);
    }
    for (size_t i = 0; i < ITEMS; i++)
        if (s->items[i].state == ITEM_WAITING && s->items[i].key == flight->key)
            assert_true(s->items[i].sequence > last_sequence);
    s->sent += count;
    s->shared += count > 1;
}

static void check_waiting(struct simulation *s) {
    bool in_flight[KEYS] = {false};
    for (size_t i = 0; i < BATCHES; i++) {
        const struct flight *flight = &s->flights[i];
        if (flight->used && flight->batch.entries != NULL &&
            flight->batch.sent_ms + BATCHER_IN_FLIGHT_MS > s->now_ms)
            in_flight[flight->key] = true;
    }
    for (size_t i = 0; i < ITEMS; i++) {
        const struct item *item = &s->items[i];
        if (item->state != ITEM_WAITING)
            continue;
        assert_true(item->entry.waiting);
        assert_true(in_flight[item->key]);
        assert_in_range(batcher_due_ms(&s->batcher), s->now_ms + 1,
                        s->now_ms + BATCHER_IN_FLIGHT_MS);
    }
}

static size_t flush_all(struct simulation *s) {
    struct batch_queue *queue;
    size_t batches = 0;
    batcher_expire(&s->batcher, s->now_ms);
    while ((queue = batcher_next_queue(&s->batcher)) != NULL)
        while (batcher_may_send(&s->batcher, queue, s->now_ms)) {
            struct flight *flight = unused_flight(s);
            batcher_fill(queue, &flight->batch, s->now_ms);
            flight->used = true;
            check_batch(s, flight);
            batches++;
        }
    assert_int_equal(batcher_active_count(&s->batcher), 0);
    check_waiting(s);
    return batches;
}

static size_t count_waiting(const struct simulation *s) {
    size_t count = 0;
    for (size_t i = 0; i < ITEMS; i++)
        count += s->items[i].state == ITEM_WAITING;
    return count;
}

static void step(struct simulation *s) {
    switch (random_below(s, 32)) {
    case 0:
        s->now_ms += random_below(s, 30);
        break;
    case 1:
        cancel_one(s);
        break;
    case 2:
        lose_one(s);
        break;
    case 3:
        s->run_us[2] = random_below(s, 2) == 0 ? FAST_US : SLOW_US;
        break;
    case 4:
    case 5:
    case 6:
    case 7:
        for (int i = 0; i < 8; i++)
            confirm_one(s);
        break;
    case 8:
    case 9:
        flush_all(s);
        break;
    default:
        if (random_below(s, 2) == 0)
            arrive(s);
        else
            answer_one(s);
        break;
    }
}

/* No worker answers any more: everything is sent all the same, step by step. */
static void drain(struct simulation *s) {
    flush_all(s);
    for (size_t left; (left = count_waiting(s)) > 0;) {
        s->now_ms = batcher_due_ms(&s->batcher);
        assert_true(flush_all(s) > 0);
        assert_true(count_waiting(s) < left);
    }
    assert_int_equal(batcher_due_ms(&s->batcher), 0);
}

static void end(struct simulation *s) {
    for (size_t i = 0; i < ITEMS; i++)
        if (s->items[i].state != ITEM_UNUSED)
            leave(s, &s->items[i]);
    for (size_t i = 0; i < BATCHES; i++) {
        s->flights[i].status_known = true;
        if (s->flights[i].used)
            release_if_over(s, &s->flights[i]);
    }
    batcher_fini(&s->batcher);
}

static void simulate(uint64_t seed) {
    static struct simulation s;
    s = (struct simulation){.now_ms = START_MS,
                            .random = seed,
                            .run_us = {FAST_US, SLOW_US, FAST_US, FAST_US}};
    batcher_init(&s.batcher, MAX_BATCH);
    for (unsigned i = 0; i < STEPS; i++)
        step(&s);
    drain(&s);
    assert_int_equal(s.enqueued, s.sent + s.cancelled);
    assert_true(s.shared > 100); /* the simulation reaches what it is to test */
    end(&s);
}

static void test_simulated_traffic(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++)
        simulate(seed * 0x9e3779b97f4a7c15u);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_alone_is_sent_at_once),
        cmocka_unit_test(test_requests_of_unknown_run_time_are_not_batched),
        cmocka_unit_test(test_requests_for_slow_handlers_are_not_batched),
        cmocka_unit_test(test_batch_holds_a_bounded_amount_of_work),
        cmocka_unit_test(test_requests_for_fast_handlers_share_a_message),
        cmocka_unit_test(test_full_batch_does_not_wait),
        cmocka_unit_test(test_few_requests_wait_for_an_answer),
        cmocka_unit_test(test_half_of_the_open_requests_do_not_wait),
        cmocka_unit_test(test_unanswered_batch_holds_others_up_for_a_bounded_time),
        cmocka_unit_test(test_each_worker_that_answers_may_have_a_batch),
        cmocka_unit_test(test_large_and_unshareable_entries_travel_alone),
        cmocka_unit_test(test_message_is_bounded_in_bytes),
        cmocka_unit_test(test_idle_queues_are_evicted),
        cmocka_unit_test(test_simulated_traffic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
