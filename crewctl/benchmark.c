/* Design notes. Each of `concurrency` slots makes one call at a time. A slot whose call
 * has ended becomes idle and is reused after the dispatch, never inside a callback, so
 * that no function here is re-entered.
 */
#include "benchmark.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include "exit_status.h"
#include "interrupt.h"
#include <stdio.h>
#include <stdlib.h>

struct call_slot {
    struct run *run;
    struct call_slot *next_idle;
    crew_pending *pending; /* null: idle */
    uint64_t started_us;
};

struct run {
    struct benchmark *benchmark;
    crew_client *client;
    struct call_slot *slots;
    struct call_slot *idle;
    unsigned started;
    bool stopped;
};

static void make_idle(struct call_slot *slot) {
    slot->pending = NULL;
    slot->next_idle = slot->run->idle;
    slot->run->idle = slot;
}

static void count_answer(struct benchmark *benchmark, const struct crew_answer *answer,
                         uint64_t us) {
    benchmark->ended++;
    benchmark->by_error[answer->error]++;
    if (answer->error != 0)
        return;
    latency_add(&benchmark->latency, us);
    if (answer->status >= 400)
        benchmark->error_statuses++;
}

static void on_answer(void *arg, const struct crew_answer *answer) {
    struct call_slot *slot = arg;
    struct run *run = slot->run;
    count_answer(run->benchmark, answer, clock_us() - slot->started_us);
    make_idle(slot);
    if (!run->benchmark->on_answer(run->benchmark->arg, answer))
        run->stopped = true;
}

static void start_call(struct run *run) {
    struct call_slot *slot = run->idle;
    slot->started_us = clock_us();
    run->benchmark->start_error = crew_client_call(run->client, run->benchmark->call,
                                                   on_answer, slot, &slot->pending);
    if (run->benchmark->start_error == 0) {
        run->idle = slot->next_idle;
        run->started++;
    } else {
        slot->pending = NULL;
        run->stopped = true;
    }
}

static void start_calls(struct run *run) {
    while (!run->stopped && run->started < run->benchmark->count && run->idle != NULL)
        start_call(run);
}

static void cancel_calls(struct run *run) {
    for (unsigned i = 0; i < run->benchmark->concurrency; i++) {
        struct call_slot *slot = &run->slots[i];
        if (slot->pending != NULL) {
            crew_client_cancel(run->client, slot->pending);
            run->benchmark->cancelled++;
        }
    }
}

void benchmark_run(struct benchmark *benchmark, struct connection *connection) {
    struct run run = {.benchmark = benchmark, .client = connection->client};
    run.slots = xcalloc(1, benchmark->concurrency * sizeof *run.slots);
    for (unsigned i = benchmark->concurrency; i > 0; i--) {
        run.slots[i - 1].run = &run;
        make_idle(&run.slots[i - 1]);
    }
    uint64_t started_us = clock_us();
    start_calls(&run);
    while (benchmark->ended < benchmark->count && !run.stopped &&
           interrupt_signal() == 0) {
        connection_wait(connection, UINT64_MAX);
        start_calls(&run);
    }
    benchmark->duration_us = clock_us() - started_us;
    cancel_calls(&run);
    free(run.slots);
}

static void print_counts(const struct benchmark *benchmark) {
    for (int error = 0; error < CREW_ERROR_COUNT; error++) {
        const char *word = error == 0 ? "answered" : crew_error_word(error);
        if (error == 0 || benchmark->by_error[error] > 0)
            fprintf(stderr, "%-15s%u\n", word != NULL ? word : crew_strerror(error),
                    benchmark->by_error[error]);
    }
    if (benchmark->error_statuses > 0)
        fprintf(stderr, "%-15s%u (of the answered)\n", "status >= 400",
                benchmark->error_statuses);
    if (benchmark->cancelled > 0)
        fprintf(stderr, "%-15s%u\n", "cancelled", benchmark->cancelled);
}

void benchmark_print(struct benchmark *benchmark) {
    double seconds = (double)benchmark->duration_us / 1e6;
    fprintf(stderr, "%-15s%u, at most %u at a time\n", "calls", benchmark->ended,
            benchmark->concurrency);
    print_counts(benchmark);
    fprintf(stderr, "%-15s%.3f\n", "seconds", seconds);
    fprintf(stderr, "%-15s%.1f\n", "calls/s", benchmark->ended / seconds);
    if (benchmark->latency.count > 0)
        fprintf(stderr, "%-15smin %.2f, median %.2f, p99 %.2f, max %.2f\n", "latency ms",
                latency_ms(&benchmark->latency, 0), latency_ms(&benchmark->latency, 50),
                latency_ms(&benchmark->latency, 99),
                latency_ms(&benchmark->latency, 100));
}

int benchmark_status(const struct benchmark *benchmark, bool fail_on_error_status) {
    if (interrupt_signal() != 0)
        return EXIT_SIGNAL + interrupt_signal();
    int worst = exit_status_of(benchmark->start_error);
    if (fail_on_error_status && benchmark->error_statuses > 0 &&
        worst < EXIT_ERROR_STATUS)
        worst = EXIT_ERROR_STATUS;
    for (int error = 0; error < CREW_ERROR_COUNT; error++) {
        int status = exit_status_of(error);
        if (benchmark->by_error[error] > 0 && status > worst)
            worst = status;
    }
    return worst;
}
