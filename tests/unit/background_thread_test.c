/* base/background_thread.h and base/wakeup.h */
#include "base/background_thread.h"
#include "base/wakeup.h"
#include "unit.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

struct numbered_job {
    struct background_job job; /* first: a pointer to it is cast to this struct */
    int number;
    sem_t *hold; /* run waits for it, if not null */
    sem_t *began;
    pthread_t ran_on;
};

static int ran[1000], finished[1000];
static bool was_run[1000];
static atomic_int ran_count;
static int finished_count;

static void run(struct background_job *job) {
    struct numbered_job *mine = (struct numbered_job *)job;
    mine->ran_on = pthread_self();
    if (mine->hold != NULL) {
        sem_post(mine->began);
        sem_wait(mine->hold);
    }
    ran[atomic_fetch_add(&ran_count, 1)] = mine->number;
}

static void done(struct background_job *job) {
    struct numbered_job *mine = (struct numbered_job *)job;
    was_run[mine->number] = job->run != NULL;
    if (job->run != NULL)
        assert_false(pthread_equal(mine->ran_on, pthread_self()));
    finished[finished_count++] = mine->number;
    free(mine);
}

static struct numbered_job *add(struct background_thread *o, int number, sem_t *began,
                                sem_t *hold) {
    struct numbered_job *mine = calloc(1, sizeof *mine);
    assert_non_null(mine);
    *mine = (struct numbered_job){.job = {.run = run, .done = done},
                                  .number = number,
                                  .began = began,
                                  .hold = hold};
    background_thread_add(o, &mine->job);
    return mine;
}

static bool readable(int fd, int timeout_ms) {
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    return poll(&poller, 1, timeout_ms) == 1;
}

static int reset(void **state) {
    (void)state;
    atomic_store(&ran_count, 0);
    finished_count = 0;
    return 0;
}

static void test_wakeup_is_readable_until_cleared(void **state) {
    (void)state;
    int fd = wakeup_open();
    assert_true(fd >= 0);
    assert_false(readable(fd, 0));
    wakeup_clear(fd); /* does not block */
    wakeup_signal(fd);
    wakeup_signal(fd);
    assert_true(readable(fd, 0));
    wakeup_clear(fd);
    assert_false(readable(fd, 0));
    close(fd);
}

static void test_background_thread_runs_jobs_in_order(void **state) {
    (void)state;
    int fd = wakeup_open();
    struct background_thread *o = background_thread_new(fd);
    for (int i = 0; i < 1000; i++)
        add(o, i, NULL, NULL);
    while (finished_count < 1000) {
        assert_true(readable(fd, 10000));
        wakeup_clear(fd);
        background_thread_collect(o);
    }
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(ran[i], i);
        assert_int_equal(finished[i], i);
        assert_true(was_run[i]);
    }
    background_thread_free(o);
    close(fd);
}

/* The kernel's state of this process's first thread: 'S' while it sleeps. */
static char main_thread_state(void) {
    char path[64], line[256] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)getpid());
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    return strrchr(line, ')')[2];
}

static atomic_bool freeing;

/* Release the running job once background_thread_free waits for it. */
static void *release_when_waiting(void *arg) {
    sem_t *hold = arg;
    while (!atomic_load(&freeing) || main_thread_state() != 'S')
        sched_yield();
    sem_post(hold);
    return NULL;
}

static void
test_background_thread_free_waits_for_the_running_job_and_skips_the_others(void **state) {
    (void)state;
    sem_t began, hold;
    sem_init(&began, 0, 0);
    sem_init(&hold, 0, 0);
    int fd = wakeup_open();
    struct background_thread *o = background_thread_new(fd);
    add(o, 0, &began, &hold);
    add(o, 1, NULL, NULL);
    add(o, 2, NULL, NULL);
    sem_wait(&began);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, release_when_waiting, &hold), 0);
    atomic_store(&freeing, true);
    background_thread_free(o);
    pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&ran_count), 1);
    assert_int_equal(finished_count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(finished[i], i);
        assert_int_equal(was_run[i], i == 0);
    }
    close(fd);
}

static void test_background_thread_free_of_null_and_unused(void **state) {
    (void)state;
    background_thread_free(NULL);
    background_thread_free(background_thread_new(-1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wakeup_is_readable_until_cleared),
        cmocka_unit_test_setup(test_background_thread_runs_jobs_in_order, reset),
        cmocka_unit_test_setup(
            test_background_thread_free_waits_for_the_running_job_and_skips_the_others,
            reset),
        cmocka_unit_test(test_background_thread_free_of_null_and_unused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
