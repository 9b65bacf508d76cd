/* The broker is killed, stopped, does not respond or closes connections while threads
 * wait in blocking calls: each returns what the header says, or is answered once the
 * broker is available again. */
#include "caller.h"
#include "cmocka_all.h"
#include "fixture.h"
#include "worker_thread.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EACH 8

static struct worker_thread *server;
static crew_client *client;
static char task[64];

static int open_client(void **state) {
    (void)state;
    caller_task(task, sizeof task);
    server = worker_thread_start(caller_url(), task, 4 * EACH);
    client = caller_open(NULL);
    return 0;
}

static int close_client(void **state) {
    (void)state;
    crew_client_free(client);
    worker_thread_stop(server);
    return 0;
}

static void start_each(struct caller callers[EACH], crew_client *c,
                       const struct crew_call *call) {
    for (size_t i = 0; i < EACH; i++)
        caller_start(&callers[i], c, call);
}

static void expect_each(struct caller callers[EACH], int error) {
    for (size_t i = 0; i < EACH; i++)
        assert_int_equal(caller_end(&callers[i]), error);
}

static void *wait_for_group(void *arg) {
    struct crew_call calls[] = {caller_plain(task, "hold"), caller_plain(task, "x")};
    struct crew_group group = {.calls = calls, .count = 2};
    struct crew_answer *answers[2];
    int *errors = arg;
    errors[0] = crew_client_group_wait(client, &group, answers);
    for (size_t i = 0; i < 2; i++) {
        errors[i + 1] = answers[i]->error;
        crew_answer_free(answers[i]);
    }
    return NULL;
}

/* Without a broker, calls fail at once. */
static void expect_outage(void) {
    char why[300] = "";
    struct crew_queue queue;
    struct crew_call call = caller_plain(task, "x");
    uint64_t begin_ms = caller_now_ms();
    assert_false(crew_client_ready(client));
    assert_int_equal(caller_call(client, &call), CREW_EBROKER);
    assert_int_equal(crew_client_queue_wait(client, task, 5000, &queue), CREW_EBROKER);
    assert_int_equal(crew_client_wait_ready(client, 100, why, sizeof why), CREW_EBROKER);
    assert_non_null(strstr(why, "127.0.0.1"));
    assert_null(strstr(why, "guest"));
    assert_true(caller_now_ms() - begin_ms < 2000);
}

static void test_broker_is_killed(void **state) {
    (void)state;
    struct caller never[EACH], always[EACH], hasty[EACH];
    struct crew_call call = caller_plain(task, "hold");
    call.expiration_ms = 60000;
    start_each(never, client, &call);
    call.repeat = CREW_REPEAT_ALWAYS;
    start_each(always, client, &call);
    call.expiration_ms = 3000;
    start_each(hasty, client, &call);
    pthread_t group;
    int group_errors[3];
    assert_int_equal(pthread_create(&group, NULL, wait_for_group, group_errors), 0);
    worker_thread_await(server, 3 * EACH + 2);
    struct crew_call after = caller_plain(task, "after");
    assert_int_equal(caller_call(client, &after),
                     0); /* the group's own expiration was shorter */

    caller_broker("kill", "");
    expect_each(never, CREW_ELOST);
    caller_join(group);
    assert_int_equal(group_errors[0], CREW_ELOST);
    assert_int_equal(group_errors[1], CREW_ELOST);
    assert_int_equal(group_errors[2], 0);
    expect_outage();
    expect_each(hasty, CREW_ELOST); /* the outcome is unknown */

    caller_broker("restart", "");
    assert_int_equal(crew_client_wait_ready(client, FIXTURE_TIMEOUT_MS, NULL, 0), 0);
    worker_thread_release(server);
    expect_each(always, 0);
    call = caller_plain(task, "as before");
    assert_int_equal(caller_call(client, &call), 0);
}

static void test_broker_closes_all_connections(void **state) {
    (void)state;
    struct caller never[EACH], always[EACH];
    struct crew_call call = caller_plain(task, "hold");
    call.expiration_ms = 60000;
    start_each(never, client, &call);
    call.repeat = CREW_REPEAT_ALWAYS;
    start_each(always, client, &call);
    worker_thread_await(server, 2 * EACH);
    caller_broker("ctl", "close_all_connections 'for a test'");
    expect_each(never, CREW_ELOST);
    worker_thread_release(server);
    expect_each(always, 0);
}

/* Only heartbeats detect this. */
static void test_broker_does_not_respond(void **state) {
    (void)state;
    struct crew_broker broker_with_pulse;
    crew_client *c;
    crew_broker_init(&broker_with_pulse);
    assert_int_equal(crew_broker_parse(&broker_with_pulse, caller_url(), NULL, 0), 0);
    broker_with_pulse.heartbeat_s = 1;
    assert_int_equal(crew_client_new(&broker_with_pulse, NULL, &c), 0);
    crew_broker_fini(&broker_with_pulse);
    assert_int_equal(crew_client_wait_ready(c, FIXTURE_TIMEOUT_MS, NULL, 0), 0);
    struct caller callers[EACH];
    struct crew_call call = caller_plain(task, "hold");
    call.expiration_ms = 60000;
    start_each(callers, c, &call);
    worker_thread_await(server, EACH);
    caller_broker("pause", "");
    uint64_t begin_ms = caller_now_ms();
    expect_each(callers, CREW_ELOST);
    assert_true(caller_now_ms() - begin_ms < 8000);
    begin_ms = caller_now_ms();
    crew_client_free(c);
    assert_true(caller_now_ms() - begin_ms < 2500);
    caller_broker("resume", "");
}

/* The user may log in, but not declare the reply queue. */
static void test_missing_permissions_are_reported(void **state) {
    (void)state;
    char url[200], why[300] = "";
    const char *at = strchr(caller_url(), '@');
    snprintf(url, sizeof url, "amqp://nobody:secret%s", at);
    caller_broker("ctl", "add_user nobody secret");
    caller_broker("ctl", "set_permissions nobody '^$' '^$' '^$'");
    crew_client *c = caller_client(url, NULL);
    assert_int_equal(crew_client_wait_ready(c, 2000, why, sizeof why), CREW_EBROKER);
    if (strstr(why, "crew.") == NULL)
        fail_msg("\"%s\" does not name what may not be made", why);
    assert_null(strstr(why, "secret"));
    crew_client_free(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_client, close_client)

int main(void) {
    signal(SIGPIPE, SIG_DFL); /* it must not be raised */
    const struct CMUnitTest tests[] = {
        TEST(test_broker_is_killed),
        TEST(test_broker_closes_all_connections),
        TEST(test_broker_does_not_respond),
        TEST(test_missing_permissions_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
