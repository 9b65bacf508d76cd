/* crewctl ping: a call that app-workers answer themselves when its turn in the queue has
 * come, so that nothing of the app runs. Like ping(8).
 */
#include "base/clock.h"
#include "base/xalloc.h"
#include "command.h"
#include "connection.h"
#include "exit_status.h"
#include "interrupt.h"
#include "latency.h"
#include "output.h"
#include "wire/limits.h"
#include <stdlib.h>
#include <utlist.h>

static struct {
    unsigned count;
    uint32_t interval_ms, expiration_ms;
} given = {.count = 1, .interval_ms = 1000, .expiration_ms = 5000};

const struct option_row ping_rows[] = {
    {OPTION_UNSIGNED, 'n', "count", NULL, &given.count, 0, UINT32_MAX, "N",
     "send N, 0 until interrupted (1)"},
    {OPTION_SECONDS, 'i', "interval", NULL, &given.interval_ms, 1, LIMIT_EXPIRATION_MS,
     "SECONDS", "between two (1)"},
    {OPTION_SECONDS, 0, "expiration", NULL, &given.expiration_ms, 1, LIMIT_EXPIRATION_MS,
     "SECONDS", "how long to wait for each (5)"},
    {.name = NULL},
};

struct run {
    struct connection connection;
    const char *task;
    struct echo *under_way;
    unsigned sent, ended;
    int worst; /* exit status of those without a reply */
    struct latency latency;
    uint64_t next_ms; /* when the next one is due */
};

struct echo {
    struct run *run;
    struct echo *prev, *next;
    crew_pending *pending;
    unsigned sequence;
    uint64_t began_us;
};

static bool is_last(const struct run *run) {
    return given.count != 0 && run->sent >= given.count;
}

/* ---- one of them ---- */

static void print_reply(const struct echo *echo, const struct crew_answer *answer,
                        uint64_t us) {
    output_text("reply from worker %s: ",
                answer->worker != NULL ? answer->worker : "unknown");
    if (given.count != 1)
        output_text("seq=%u ", echo->sequence);
    output_text("time=%.2f ms\n", (double)us / 1000);
}

static void forget(struct echo *echo) {
    DL_DELETE(echo->run->under_way, echo);
    free(echo);
}

static void no_reply(struct run *run, int error) {
    int status = exit_status_of(error);
    run->worst = status > run->worst ? status : run->worst;
    command_error("ping", run->task, error);
}

static void on_answer(void *arg, const struct crew_answer *answer) {
    struct echo *echo = arg;
    struct run *run = echo->run;
    uint64_t us = clock_us() - echo->began_us;
    run->ended++;
    if (answer->error != 0) {
        no_reply(run, answer->error);
    } else {
        latency_add(&run->latency, us);
        print_reply(echo, answer, us);
    }
    forget(echo);
}

static void send_one(struct run *run) {
    const struct crew_call call = {
        .form = CREW_PING, .task = run->task, .expiration_ms = given.expiration_ms};
    struct echo *echo = xcalloc(1, sizeof *echo);
    echo->run = run;
    echo->sequence = ++run->sent;
    echo->began_us = clock_us();
    DL_APPEND(run->under_way, echo);
    int error =
        crew_client_call(run->connection.client, &call, on_answer, echo, &echo->pending);
    if (error != 0) {
        run->ended++;
        no_reply(run, error);
        forget(echo);
    }
    run->next_ms = clock_ms() + given.interval_ms;
}

/* ---- all of them ---- */

static void send_them(struct run *run) {
    while (interrupt_signal() == 0 && output_flush()) {
        if (!is_last(run) && clock_ms() >= run->next_ms)
            send_one(run);
        if (is_last(run) && run->under_way == NULL)
            break;
        connection_turn(&run->connection, is_last(run) ? UINT64_MAX : run->next_ms);
    }
}

static void cancel_the_rest(struct run *run) {
    while (run->under_way != NULL) {
        crew_client_cancel(run->connection.client, run->under_way->pending);
        forget(run->under_way);
    }
}

/* What is under way when the user has had enough is not lost. */
static void print_summary(struct run *run) {
    size_t replies = run->latency.count;
    output_text(
        "\n--- %s: %u sent, %zu replies, %.0f%% lost\n", run->task, run->sent, replies,
        run->ended > 0 ? 100.0 * (double)(run->ended - replies) / (double)run->ended
                       : 0.0);
    if (replies > 0)
        output_text("min/median/max %.2f/%.2f/%.2f ms\n", latency_ms(&run->latency, 0),
                    latency_ms(&run->latency, 50), latency_ms(&run->latency, 100));
}

static int status_of(const struct run *run) {
    if (run->latency.count > 0)
        return EXIT_ANSWERED;
    return interrupt_signal() != 0 ? EXIT_SIGNAL + interrupt_signal() : run->worst;
}

int ping_run(const struct crew_broker *broker, char *const *words, size_t count) {
    struct run run = {.task = command_task(count > 0 ? words[0] : NULL)};
    if (count > 1)
        options_fail(&crewctl_options, "one word too many: \"%s\"", words[1]);
    int status = connection_open(&run.connection, broker, given.expiration_ms);
    if (status == 0) {
        interrupt_catch();
        send_them(&run);
        cancel_the_rest(&run);
        if (given.count != 1)
            print_summary(&run);
        status = status_of(&run);
    }
    connection_close(&run.connection);
    latency_fini(&run.latency);
    return status;
}
