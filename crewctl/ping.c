/* crewctl ping: measures the latency of a task, like ping(8). Ping calls wait in the
 * task's queue and are answered by app-worker itself; no handler runs.
 */
#include "base/clock.h"
#include "base/xalloc.h"
#include "command.h"
#include "commands.h"
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
} values = {.count = 1, .interval_ms = 1000, .expiration_ms = 5000};

const struct option_row ping_rows[] = {
    {.kind = OPTION_UNSIGNED,
     .letter = 'n',
     .name = "count",
     .value = &values.count,
     .min = 0,
     .max = UINT32_MAX,
     .argument = "N",
     .help = "send N pings, 0: until interrupted (1)"},
    {.kind = OPTION_SECONDS,
     .letter = 'i',
     .name = "interval",
     .value = &values.interval_ms,
     .min = 1,
     .max = LIMIT_EXPIRATION_MS,
     .argument = "SECONDS",
     .help = "between two pings (1)"},
    {.kind = OPTION_SECONDS,
     .name = "expiration",
     .value = &values.expiration_ms,
     .min = 1,
     .max = LIMIT_EXPIRATION_MS,
     .argument = "SECONDS",
     .help = "how long to wait for each answer (5)"},
    {.name = NULL},
};

struct ping_run {
    struct connection connection;
    const char *task;
    struct echo *in_flight;
    unsigned sent, ended;
    int worst; /* highest exit status of pings without a reply */
    struct latency latency;
    uint64_t next_ms; /* when the next one is due */
};

struct echo {
    struct ping_run *run;
    struct echo *prev, *next;
    crew_pending *pending;
    unsigned sequence;
    uint64_t sent_us;
};

static bool is_last(const struct ping_run *run) {
    return values.count != 0 && run->sent >= values.count;
}

/* ---- one ping ---- */

static void print_reply(const struct echo *echo, const struct crew_answer *answer,
                        uint64_t us) {
    output_text("reply from worker %s: ",
                answer->worker != NULL ? answer->worker : "unknown");
    if (values.count != 1)
        output_text("seq=%u ", echo->sequence);
    output_text("time=%.2f ms\n", (double)us / 1000);
}

static void delete_echo(struct echo *echo) {
    DL_DELETE(echo->run->in_flight, echo);
    free(echo);
}

static void record_error(struct ping_run *run, int error) {
    int status = exit_status_of(error);
    run->worst = status > run->worst ? status : run->worst;
    command_error("ping", run->task, error);
}

static void on_answer(void *arg, const struct crew_answer *answer) {
    struct echo *echo = arg;
    struct ping_run *run = echo->run;
    uint64_t us = clock_us() - echo->sent_us;
    run->ended++;
    if (answer->error != 0) {
        record_error(run, answer->error);
    } else {
        latency_add(&run->latency, us);
        print_reply(echo, answer, us);
    }
    delete_echo(echo);
}

static void send_ping(struct ping_run *run) {
    const struct crew_call call = {
        .form = CREW_PING, .task = run->task, .expiration_ms = values.expiration_ms};
    struct echo *echo = xcalloc(1, sizeof *echo);
    echo->run = run;
    echo->sequence = ++run->sent;
    echo->sent_us = clock_us();
    DL_APPEND(run->in_flight, echo);
    int error =
        crew_client_call(run->connection.client, &call, on_answer, echo, &echo->pending);
    if (error != 0) {
        run->ended++;
        record_error(run, error);
        delete_echo(echo);
    }
    run->next_ms = clock_ms() + values.interval_ms;
}

/* ---- all pings ---- */

static void run_pings(struct ping_run *run) {
    while (interrupt_signal() == 0 && output_flush()) {
        if (!is_last(run) && clock_ms() >= run->next_ms)
            send_ping(run);
        if (is_last(run) && run->in_flight == NULL)
            break;
        connection_wait(&run->connection, is_last(run) ? UINT64_MAX : run->next_ms);
    }
}

static void cancel_pings(struct ping_run *run) {
    while (run->in_flight != NULL) {
        crew_client_cancel(run->connection.client, run->in_flight->pending);
        delete_echo(run->in_flight);
    }
}

/* Pings in flight when the user interrupts do not count as lost. */
static void print_summary(struct ping_run *run) {
    size_t replies = run->latency.count;
    output_text(
        "\n--- %s: %u sent, %zu replies, %.0f%% lost\n", run->task, run->sent, replies,
        run->ended > 0 ? 100.0 * (double)(run->ended - replies) / (double)run->ended
                       : 0.0);
    if (replies > 0)
        output_text("min/median/max %.2f/%.2f/%.2f ms\n", latency_ms(&run->latency, 0),
                    latency_ms(&run->latency, 50), latency_ms(&run->latency, 100));
}

static int status_of(const struct ping_run *run) {
    if (run->latency.count > 0)
        return EXIT_ANSWERED;
    return interrupt_signal() != 0 ? EXIT_SIGNAL + interrupt_signal() : run->worst;
}

int ping_run(const struct crew_broker *broker, char *const *arguments, size_t count) {
    struct ping_run run = {.task = command_task(count > 0 ? arguments[0] : NULL)};
    if (count > 1)
        command_usage("unexpected argument: \"%s\"", arguments[1]);
    int status = connection_open(&run.connection, broker, values.expiration_ms);
    if (status == 0) {
        interrupt_catch();
        run_pings(&run);
        cancel_pings(&run);
        if (values.count != 1)
            print_summary(&run);
        status = status_of(&run);
    }
    connection_close(&run.connection);
    latency_fini(&run.latency);
    return status;
}
