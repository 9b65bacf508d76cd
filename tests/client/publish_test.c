/* Publishing, blocking and with a callback, and how a publication ends. What subscribers
 * see is in tests/interop/test_publish.py. */
#include "caller.h"
#include "cmocka_all.h"
#include "fixture.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static crew_client *client;

static int open_client(void **state) {
    (void)state;
    client = caller_open(NULL);
    return 0;
}

static int close_client(void **state) {
    (void)state;
    crew_client_free(client);
    return 0;
}

static const struct crew_publication hello = {.channel = "greetings",
                                              .content_type = "text/plain",
                                              .body = "hello",
                                              .body_bytes = 5};

/* The arguments of a callback, and what it does. */
struct told {
    int times;
    int error;
    int inner_error; /* of a blocking one inside the callback */
    unsigned more;   /* publications still to be made by the callback */
    char id[CREW_PUBLICATION_ID_BYTES];
};

static void note(void *arg, int error, const char *id) {
    struct told *told = arg;
    told->times++;
    told->error = error;
    snprintf(told->id, sizeof told->id, "%s", id);
    if (told->more == 0)
        return;
    told->more--;
    told->inner_error = crew_client_publish_wait(client, &hello, NULL);
    assert_int_equal(crew_client_publish(client, &hello, note, told), 0);
}

static void until_told(struct told *told, int times) {
    uint64_t end_ms = caller_now_ms() + FIXTURE_TIMEOUT_MS;
    struct pollfd fd = {.fd = crew_client_fd(client), .events = POLLIN};
    while (told->times < times && caller_now_ms() < end_ms)
        if (poll(&fd, 1, 100) > 0)
            crew_client_dispatch(client);
    assert_int_equal(told->times, times);
}

/* The number after the dot; all ids of a client have the same prefix. */
static unsigned long number_of(const char *id) {
    const char *dot = strrchr(id, '.');
    assert_non_null(dot);
    return strtoul(dot + 1, NULL, 10);
}

static void test_publish_without_subscribers(void **state) {
    (void)state;
    char first[CREW_PUBLICATION_ID_BYTES], second[CREW_PUBLICATION_ID_BYTES];
    assert_int_equal(crew_client_publish_wait(client, &hello, first), 0);
    assert_int_equal(crew_client_publish_wait(client, &hello, second), 0);
    assert_memory_equal(first, second, (size_t)(strrchr(first, '.') - first) + 1);
    assert_true(number_of(second) > number_of(first));
    assert_int_equal(crew_client_publish_wait(client, &hello, NULL), 0);
}

/* The confirm alone wakes the loop. */
static void test_callback_in_an_event_loop(void **state) {
    (void)state;
    struct told told = {.more = 3};
    uint64_t begin_ms = caller_now_ms();
    assert_int_equal(crew_client_publish(client, &hello, note, &told), 0);
    assert_int_equal(told.times, 0);
    until_told(&told, 4);
    assert_true(caller_now_ms() - begin_ms < 3000);
    assert_int_equal(told.error, 0);
    assert_int_equal(number_of(told.id), 4);
    assert_int_equal(told.inner_error, CREW_EINVAL); /* callbacks may not block */
}

static void test_publish_without_callback(void **state) {
    (void)state;
    assert_int_equal(crew_client_publish(client, &hello, NULL, NULL), 0);
    assert_int_equal(crew_client_publish_wait(client, &hello, NULL), 0);
}

static void test_invalid_publications_are_refused(void **state) {
    (void)state;
    static const char *const names[] = {NULL, "", "*", "a.#", "a\nb", "\xff"};
    char id[CREW_PUBLICATION_ID_BYTES] = "untouched";
    struct told told = {.times = 0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct crew_publication p = {.channel = names[i]};
        assert_int_equal(crew_client_publish(client, &p, note, &told), CREW_EINVAL);
        assert_int_equal(crew_client_publish_wait(client, &p, id), CREW_EINVAL);
    }
    assert_string_equal(id, "untouched");
    assert_int_equal(told.times, 0);
}

#define THREADS 8
#define EACH 50

static void *publish_many(void *arg) {
    int *failed = arg;
    for (int i = 0; i < EACH; i++)
        *failed += crew_client_publish_wait(client, &hello, NULL) != 0;
    return NULL;
}

static void test_publish_from_many_threads(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    int failed[THREADS] = {0};
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, publish_many, &failed[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        caller_join(threads[i]);
        assert_int_equal(failed[i], 0);
    }
}

/* No process listens on port 1. */
static void test_publish_without_broker_fails_at_once(void **state) {
    (void)state;
    crew_client *connected = client;
    client = caller_client("amqp://guest:guest@127.0.0.1:1/", NULL);
    struct told told = {.more = 2};
    uint64_t begin_ms = caller_now_ms();
    assert_int_equal(crew_client_publish(client, &hello, note, &told), 0);
    until_told(&told, 3);
    assert_int_equal(told.error, CREW_EBROKER);
    assert_int_equal(crew_client_publish_wait(client, &hello, NULL), CREW_EBROKER);
    assert_true(caller_now_ms() - begin_ms < 2000);
    crew_client_free(client);
    client = connected;
}

static void test_free_ends_open_publications(void **state) {
    (void)state;
    struct told told = {.times = 0};
    for (int i = 0; i < 10; i++)
        assert_int_equal(crew_client_publish(client, &hello, note, &told), 0);
    crew_client_free(client);
    client = NULL;
    assert_int_equal(told.times, 10);
    assert_int_equal(told.error, CREW_ECLOSED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_client, close_client)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_publish_without_subscribers),
        TEST(test_callback_in_an_event_loop),
        TEST(test_publish_without_callback),
        TEST(test_invalid_publications_are_refused),
        TEST(test_publish_from_many_threads),
        TEST(test_publish_without_broker_fails_at_once),
        TEST(test_free_ends_open_publications),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
