/* crew/worker.h with a fake link: the life of tasks in directed cases, and a simulation
 * of deliveries, handlers, publish statuses and lost connections.
 *
 * Properties of the simulation:
 * - a task that must not be repeated is started at most once;
 * - a delivery is acked at most once;
 * - when both connections stay open, every answer is confirmed and everything that was
 *   delivered is acked; then the worker holds nothing. */
#include "fake_link.h"
#include "unit.h"
#include "wire/broker_names.h"
#include "wire/envelope.h"
#include <crew/worker.h>

#define TASK "t"
#define QUEUE NAME_TASK_QUEUE_PREFIX TASK
#define HELD_MAX 64
#define PREFETCH 4

struct fixture {
    crew_worker *worker;
    crew_task *offered[HELD_MAX]; /* not begun */
    size_t offered_count;
    size_t offers;
};

static struct fixture fixture;

static void on_task(void *arg, crew_task *task) {
    struct fixture *f = arg;
    assert_true(f->offered_count < HELD_MAX);
    f->offered[f->offered_count++] = task;
    f->offers++;
}

static void connect_and_settle(void) {
    for (enum fake_side side = FAKE_PUBLISHER; side < FAKE_SIDES; side++)
        if (!fake_is_open(side))
            fake_open(side);
    crew_worker_dispatch(fixture.worker);
    fake_accept_all_ops();
    crew_worker_dispatch(fixture.worker);
}

static int set_up(void **state) {
    (void)state;
    const char *const names[] = {TASK};
    const struct crew_worker_options options = {
        .prefetch = PREFETCH, .on_task = on_task, .task_arg = &fixture};
    crew_broker broker;
    fake_reset();
    memset(&fixture, 0, sizeof fixture);
    crew_broker_init(&broker);
    assert_int_equal(crew_worker_new(&broker, &options, &fixture.worker), 0);
    crew_broker_fini(&broker);
    assert_int_equal(crew_worker_serve(fixture.worker, names, 1), 0);
    connect_and_settle();
    assert_true(crew_worker_ready(fixture.worker));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    crew_worker_free(fixture.worker);
    return 0;
}

/* ---- requests in, replies out ---- */

struct request {
    const char *id;
    const char *reply_to;
    bool may_repeat;
    bool redelivered; /* by the broker */
    bool repeated;    /* by its caller */
};

#define BUDGET_MS 30000u

static uint64_t deliver(const struct request *r) {
    const struct message_header repeated = {NAME_REPEATED, NULL, 1};
    const struct message_properties p = {.content_type = WIRE_CONTENT_TYPE,
                                         .reply_to = r->reply_to,
                                         .headers = &repeated,
                                         .header_count = r->repeated};
    const struct wire_item item = {.kind = WIRE_REQUEST,
                                   .id = wire_text(r->id),
                                   .budget_ms = BUDGET_MS,
                                   .may_repeat = r->may_repeat};
    struct buffer body = BUFFER_INIT;
    wire_begin(&body);
    wire_put(&body, &item);
    uint64_t tag = fake_deliver(QUEUE, &p, &body, r->redelivered);
    buffer_fini(&body);
    crew_worker_dispatch(fixture.worker);
    return tag;
}

static void send_notice(enum wire_kind kind, const char *id) {
    const struct wire_item item = {
        .kind = (uint8_t)kind, .id = wire_text(id), .budget_ms = BUDGET_MS};
    const struct message_properties p = {.content_type = WIRE_CONTENT_TYPE};
    struct buffer body = BUFFER_INIT;
    wire_begin(&body);
    wire_put(&body, &item);
    fake_deliver(fake_broker.notice_queue, &p, &body, false);
    buffer_fini(&body);
    crew_worker_dispatch(fixture.worker);
}

static crew_task *take_offered(void) {
    assert_true(fixture.offered_count > 0);
    return fixture.offered[--fixture.offered_count];
}

static void answer(crew_task *task) {
    crew_task_answer(task,
                     &(struct crew_answer){.status = 200, .body = "ok", .body_bytes = 2});
    crew_task_done(task);
}

static void run_offered(void) {
    crew_task *task = take_offered();
    assert_int_equal(crew_task_begin(task), 0);
    answer(task);
    crew_worker_dispatch(fixture.worker);
}

static void finish(enum publish_status status) {
    fake_publish_status(status);
    crew_worker_dispatch(fixture.worker);
}

/* The items of the oldest message without a status. */
static size_t read_reply(const char *reply_to, struct wire_item *items, size_t max) {
    const struct message *m = fake_next_message();
    struct wire_reader reader;
    size_t count = 0;
    assert_non_null(m);
    assert_string_equal(m->p.routing_key, reply_to);
    assert_int_equal(wire_read(&reader, m->body.data, m->body.len), 0);
    while (count < max && wire_next(&reader, &items[count]) > 0)
        count++;
    return count;
}

static void expect_reply(const char *reply_to, const char *id, const char *error) {
    struct wire_item item;
    const char *word = error != NULL ? error : "";
    assert_int_equal(read_reply(reply_to, &item, 1), 1);
    assert_int_equal(item.kind, WIRE_ANSWER);
    assert_int_equal(item.id.len, strlen(id));
    assert_memory_equal(item.id.data, id, item.id.len);
    assert_int_equal(item.error.len, strlen(word));
    if (item.error.len > 0)
        assert_memory_equal(item.error.data, word, item.error.len);
    finish(PUBLISH_CONFIRMED);
}

/* ---- directed cases ---- */

static void test_acked_when_confirmed_and_done(void **state) {
    (void)state;
    uint64_t tag = deliver(&(struct request){.id = "a", .reply_to = "r"});
    crew_task *task = take_offered();
    assert_int_equal(crew_task_begin(task), 0);
    crew_task_answer(task, &(struct crew_answer){.status = 200});
    crew_worker_dispatch(fixture.worker);
    expect_reply("r", "a", NULL);
    assert_int_equal(fake_broker.acked[tag], 0); /* not done */
    assert_int_equal(crew_worker_held(fixture.worker), 1);
    crew_task_done(task);
    assert_int_equal(fake_broker.acked[tag], 1);
    assert_int_equal(crew_worker_held(fixture.worker), 0);
    tag = deliver(&(struct request){.id = "b", .reply_to = "r"});
    run_offered();
    assert_int_equal(fake_broker.acked[tag], 0); /* not confirmed */
    expect_reply("r", "b", NULL);
    assert_int_equal(fake_broker.acked[tag], 1);
}

static void test_a_returned_answer_is_settled(void **state) {
    (void)state;
    uint64_t tag = deliver(&(struct request){.id = "a", .reply_to = "r"});
    run_offered();
    finish(PUBLISH_RETURNED);
    assert_int_equal(fake_broker.acked[tag], 1);
    assert_null(fake_next_message());
}

static void test_a_lost_answer_is_sent_again(void **state) {
    (void)state;
    deliver(&(struct request){.id = "a", .reply_to = "r"});
    run_offered();
    assert_non_null(fake_next_message());
    fake_lose(FAKE_PUBLISHER, PUBLISH_UNKNOWN);
    crew_worker_dispatch(fixture.worker);
    assert_null(fake_next_message());
    connect_and_settle();
    expect_reply("r", "a", NULL);
    assert_int_equal(crew_worker_held(fixture.worker), 0);
}

/* The new delivery replaces the old one, and the answer goes to where the caller
 * listens. */
static void test_a_duplicate_in_hand_is_not_run_again(void **state) {
    (void)state;
    uint64_t first = deliver(&(struct request){.id = "a", .reply_to = "old"});
    uint64_t second =
        deliver(&(struct request){.id = "a", .reply_to = "new", .repeated = true});
    assert_int_equal(fixture.offers, 1);
    assert_int_equal(fake_broker.acked[first], 1);
    run_offered();
    expect_reply("new", "a", NULL);
    assert_int_equal(fake_broker.acked[second], 1);
}

static void test_a_duplicate_redirects_an_answer_that_was_sent(void **state) {
    (void)state;
    deliver(&(struct request){.id = "a", .reply_to = "old"});
    run_offered();
    deliver(&(struct request){.id = "a", .reply_to = "new", .repeated = true});
    expect_reply("old", "a", NULL);
    expect_reply("new", "a", NULL);
    assert_null(fake_next_message());
    assert_int_equal(fixture.offers, 1);
}

static void test_a_duplicate_gets_the_cached_answer(void **state) {
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        uint64_t tag = deliver(&(struct request){
            .id = "a", .reply_to = "r", .may_repeat = true, .redelivered = i > 0});
        if (i == 0)
            run_offered();
        expect_reply("r", "a", NULL);
        assert_int_equal(fake_broker.acked[tag], 1);
    }
    assert_int_equal(fixture.offers, 1);
    assert_int_equal(crew_worker_held(fixture.worker), 0);
}

/* After its deadline, or when PREFETCH newer answers are cached. */
static void test_an_answer_that_is_not_cached(void **state) {
    (void)state;
    const char *const ids[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i <= PREFETCH; i++) {
        deliver(&(struct request){.id = ids[i], .reply_to = "r"});
        run_offered();
        expect_reply("r", ids[i], NULL);
    }
    deliver(&(struct request){.id = "a", .reply_to = "r", .redelivered = true});
    expect_reply("r", "a", "lost");
    fake_broker.now_ms += BUDGET_MS;
    crew_worker_dispatch(fixture.worker);
    deliver(&(struct request){.id = "e", .reply_to = "r", .redelivered = true});
    expect_reply("r", "e", "lost");
    assert_int_equal(fixture.offers, PREFETCH + 1);
}

static void test_a_redelivered_task_runs_only_if_it_may_repeat(void **state) {
    (void)state;
    deliver(&(struct request){.id = "never", .reply_to = "r", .redelivered = true});
    expect_reply("r", "never", "lost");
    deliver(&(struct request){.id = "n2", .reply_to = "r", .repeated = true});
    expect_reply("r", "n2", "lost");
    assert_int_equal(fixture.offers, 0);
    deliver(&(struct request){
        .id = "always", .reply_to = "r", .redelivered = true, .may_repeat = true});
    run_offered();
    expect_reply("r", "always", NULL);
}

static void test_a_cancelled_task_is_not_run(void **state) {
    (void)state;
    send_notice(WIRE_CANCEL, "early");
    uint64_t tag = deliver(&(struct request){.id = "early", .reply_to = "r"});
    assert_int_equal(fixture.offers, 0);
    assert_int_equal(fake_broker.acked[tag], 1);
    tag = deliver(&(struct request){.id = "waiting", .reply_to = "r"});
    send_notice(WIRE_CANCEL, "waiting");
    assert_int_equal(crew_task_begin(take_offered()), CREW_ECANCELLED);
    assert_int_equal(fake_broker.acked[tag], 1);
    assert_null(fake_next_message());
    fake_broker.now_ms += BUDGET_MS;
    crew_worker_dispatch(fixture.worker);
    deliver(&(struct request){.id = "early", .reply_to = "r"}); /* forgotten */
    assert_int_equal(fixture.offers, 2);
}

static void test_answers_to_one_caller_share_a_message(void **state) {
    (void)state;
    const char *const callers[] = {"r", "other", "r", "r"};
    const char *const ids[] = {"a", "b", "c", "d"};
    uint64_t tags[4];
    struct wire_item items[4];
    for (size_t i = 0; i < 4; i++)
        tags[i] = deliver(&(struct request){.id = ids[i], .reply_to = callers[i]});
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(crew_task_begin(fixture.offered[i]), 0);
        answer(fixture.offered[i]);
    }
    fixture.offered_count = 0;
    crew_worker_dispatch(fixture.worker);
    assert_int_equal(read_reply("r", items, 4), 3);
    finish(PUBLISH_CONFIRMED);
    assert_int_equal(fake_broker.acked[tags[0]] + fake_broker.acked[tags[2]] +
                         fake_broker.acked[tags[3]],
                     3);
    assert_int_equal(fake_broker.acked[tags[1]], 0);
    expect_reply("other", "b", NULL);
    assert_int_equal(fake_broker.acked[tags[1]], 1);
}

static void test_a_long_run_sends_the_started_notice(void **state) {
    (void)state;
    struct wire_item item;
    deliver(&(struct request){.id = "a", .reply_to = "r"});
    crew_task *task = take_offered();
    assert_int_equal(crew_task_begin(task), 0);
    fake_broker.now_ms += 99;
    crew_worker_dispatch(fixture.worker);
    assert_null(fake_next_message());
    fake_broker.now_ms += 1;
    crew_worker_dispatch(fixture.worker);
    assert_int_equal(read_reply("r", &item, 1), 1);
    assert_int_equal(item.kind, WIRE_TAKEN);
    finish(PUBLISH_CONFIRMED);
    answer(task);
    crew_worker_dispatch(fixture.worker);
    expect_reply("r", "a", NULL);
}

/* ---- requeued ---- */

static uint64_t requeue(const struct request *r) {
    uint64_t tag = deliver(r);
    crew_task_requeue(take_offered());
    crew_worker_dispatch(fixture.worker);
    assert_string_equal(fake_next_message()->p.routing_key, QUEUE);
    return tag;
}

static void test_requeued_is_acked_when_confirmed(void **state) {
    (void)state;
    uint64_t tag = requeue(&(struct request){.id = "a", .reply_to = "r"});
    assert_int_equal(fake_broker.acked[tag], 0);
    /* Its copy may come before the confirm; it is to be run. */
    deliver(&(struct request){.id = "a", .reply_to = "r"});
    assert_int_equal(fixture.offers, 2);
    finish(PUBLISH_CONFIRMED);
    assert_int_equal(fake_broker.acked[tag], 1);
    run_offered();
    expect_reply("r", "a", NULL);
    assert_int_equal(crew_worker_held(fixture.worker), 0);
}

static void test_requeueing_that_is_refused_offers_it_again(void **state) {
    (void)state;
    uint64_t tag = requeue(&(struct request){.id = "a", .reply_to = "r"});
    finish(PUBLISH_NACKED);
    assert_int_equal(fixture.offers, 2);
    run_offered();
    expect_reply("r", "a", NULL);
    assert_int_equal(fake_broker.acked[tag], 1);
}

/* It may be in the queue again: only what may be repeated is run here. */
static void test_requeueing_with_unknown_outcome(void **state) {
    (void)state;
    requeue(&(struct request){.id = "never", .reply_to = "r"});
    fake_lose(FAKE_PUBLISHER, PUBLISH_UNKNOWN);
    crew_worker_dispatch(fixture.worker);
    connect_and_settle();
    expect_reply("r", "never", "lost");
    requeue(&(struct request){.id = "always", .reply_to = "r", .may_repeat = true});
    fake_lose(FAKE_PUBLISHER, PUBLISH_UNKNOWN);
    crew_worker_dispatch(fixture.worker);
    assert_int_equal(fixture.offers, 3);
    connect_and_settle();
    run_offered();
    expect_reply("r", "always", NULL);
}

/* ---- simulation ---- */

#define SIMULATED 300
#define RUNNING_MAX HELD_MAX

/* A message as the broker has it. */
struct simulated_request {
    char id[16];
    bool may_repeat;
    bool is_queued; /* in the queue, or delivered and not acked */
    bool is_redelivered;
    uint64_t tag; /* of its latest delivery over the present connection; 0: none */
    unsigned starts;
};

struct simulation {
    struct simulated_request requests[SIMULATED];
    crew_task *running[RUNNING_MAX];
    size_t running_count;
    unsigned seed;
};

static unsigned below(struct simulation *s, unsigned limit) {
    s->seed = s->seed * 1103515245u + 12345u;
    return (s->seed >> 8) % limit;
}

static size_t count_unacked(struct simulation *s) {
    size_t count = 0;
    for (size_t i = 0; i < SIMULATED; i++) {
        struct simulated_request *r = &s->requests[i];
        if (r->tag == 0)
            continue;
        assert_true(fake_broker.acked[r->tag] <= 1);
        assert_int_equal(fake_broker.rejected[r->tag], 0);
        if (fake_broker.acked[r->tag] == 1) {
            r->is_queued = false;
            r->tag = 0;
        }
        count += r->tag != 0;
    }
    return count;
}

static void deliver_some(struct simulation *s) {
    if (!fake_is_open(FAKE_CONSUMER) || fake_find_consumer(QUEUE) == NULL)
        return;
    size_t first = below(s, SIMULATED);
    for (size_t i = 0; i < SIMULATED && count_unacked(s) < PREFETCH; i++) {
        struct simulated_request *r = &s->requests[(first + i) % SIMULATED];
        if (!r->is_queued || r->tag != 0)
            continue;
        r->tag = deliver(&(struct request){.id = r->id,
                                           .reply_to = below(s, 2) == 0 ? "r" : "q",
                                           .may_repeat = r->may_repeat,
                                           .redelivered = r->is_redelivered});
        r->is_redelivered = true;
    }
}

static void lose(struct simulation *s, enum fake_side side) {
    if (!fake_is_open(side))
        return;
    count_unacked(s);
    fake_lose(side, below(s, 2) == 0 ? PUBLISH_UNKNOWN : PUBLISH_UNSENT);
    crew_worker_dispatch(fixture.worker);
    for (size_t i = 0; i < SIMULATED && side == FAKE_CONSUMER; i++)
        s->requests[i].tag = 0;
}

static void start_one(struct simulation *s) {
    if (fixture.offered_count == 0)
        return;
    crew_task *task = take_offered();
    struct crew_task_view view;
    size_t number;
    crew_task_view(task, &view);
    number = strtoul(view.id, NULL, 10);
    if (crew_task_begin(task) != 0)
        return;
    struct simulated_request *r = &s->requests[number];
    r->starts++;
    assert_true(r->starts == 1 || r->may_repeat);
    s->running[s->running_count++] = task;
}

static void answer_one(struct simulation *s) {
    if (s->running_count == 0)
        return;
    size_t i = below(s, (unsigned)s->running_count);
    crew_task *task = s->running[i];
    s->running[i] = s->running[--s->running_count];
    answer(task);
}

static void confirm_one(struct simulation *s) {
    static const enum publish_status likely[] = {PUBLISH_CONFIRMED, PUBLISH_CONFIRMED,
                                                 PUBLISH_CONFIRMED, PUBLISH_RETURNED};
    if (fake_is_open(FAKE_PUBLISHER) && fake_next_message() != NULL)
        fake_publish_status(likely[below(s, 4)]);
}

static void simulate_step(struct simulation *s) {
    switch (below(s, 40)) {
    case 0:
        lose(s, FAKE_CONSUMER);
        break;
    case 1:
        lose(s, FAKE_PUBLISHER);
        break;
    case 2:
    case 3:
        connect_and_settle();
        break;
    case 4:
        fake_broker.now_ms += below(s, 300);
        break;
    default:
        deliver_some(s);
        start_one(s);
        if (below(s, 2) == 0)
            answer_one(s);
        confirm_one(s);
        break;
    }
    if (below(s, 2) == 0)
        crew_worker_dispatch(fixture.worker);
    count_unacked(s);
}

static bool is_over(const struct simulation *s) {
    for (size_t i = 0; i < SIMULATED; i++)
        if (s->requests[i].is_queued)
            return false;
    return fake_next_message() == NULL && s->running_count == 0 &&
           fixture.offered_count == 0;
}

static void simulate_end(struct simulation *s) {
    connect_and_settle();
    for (unsigned i = 0; i < 10 * SIMULATED && !is_over(s); i++) {
        deliver_some(s);
        start_one(s);
        answer_one(s);
        confirm_one(s);
        crew_worker_dispatch(fixture.worker);
        count_unacked(s);
    }
    assert_true(is_over(s));
    assert_int_equal(crew_worker_held(fixture.worker), 0);
}

static void test_simulation(void **state) {
    (void)state;
    static struct simulation s;
    s = (struct simulation){.seed = 20240613};
    for (size_t i = 0; i < SIMULATED; i++) {
        snprintf(s.requests[i].id, sizeof s.requests[i].id, "%zu", i);
        s.requests[i].may_repeat = below(&s, 2) == 0;
        s.requests[i].is_queued = true;
    }
    for (unsigned i = 0; i < 3000; i++)
        simulate_step(&s);
    simulate_end(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_acked_when_confirmed_and_done),
        TEST(test_a_returned_answer_is_settled),
        TEST(test_a_lost_answer_is_sent_again),
        TEST(test_a_duplicate_in_hand_is_not_run_again),
        TEST(test_a_duplicate_redirects_an_answer_that_was_sent),
        TEST(test_a_duplicate_gets_the_cached_answer),
        TEST(test_an_answer_that_is_not_cached),
        TEST(test_a_redelivered_task_runs_only_if_it_may_repeat),
        TEST(test_a_cancelled_task_is_not_run),
        TEST(test_answers_to_one_caller_share_a_message),
        TEST(test_a_long_run_sends_the_started_notice),
        TEST(test_requeued_is_acked_when_confirmed),
        TEST(test_requeueing_that_is_refused_offers_it_again),
        TEST(test_requeueing_with_unknown_outcome),
        TEST(test_simulation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
