/* Design notes: each of PARALLEL slots has at most one call under way. A slot whose call
 * has ended goes to the idle ones and is used again after the turn, never inside a
 * callback, so that nothing here is entered twice.
 */
#include "series.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include "exit_status.h"
#include "interrupt.h"
#include <stdio.h>
#include <stdlib.h>

struct slot {
    struct run *run;
    struct slot *next_idle;
    crew_pending *pending; /* null: idle */
    uint64_t began_us;
};

struct run {
    struct series *series;
    crew_client *client;
    struct slot *slots;
    struct slot *idle;
    unsigned begun;
    bool stopped;
};

static void put_idle(struct slot *slot) {
    slot->pending = NULL;
    slot->next_idle = slot->run->idle;
    slot->run->idle = slot;
}

static void count_answer(struct series *series, const struct crew_answer *answer,
                         uint64_t us) {
    series->ended++;
    series->by_error[answer->error]++;
    if (answer->error != 0)
        return;
    latency_add(&series->latency, us);
    if (answer->status >= 400)
        series->error_statuses++;
}

static void on_answer(void *arg, const struct crew_answer *answer) {
    struct slot *slot = arg;
    struct run *run = slot->run;
    count_answer(run->series, answer, clock_us() - slot->began_us);
    put_idle(slot);
    if (!run->series->on_end(run->series->arg, answer))
        run->stopped = true;
}

static void begin(struct run *run) {
    struct slot *slot = run->idle;
    slot->began_us = clock_us();
    run->series->refused =
        crew_client_call(run->client, run->series->call, on_answer, slot, &slot->pending);
    if (run->series->refused == 0) {
        run->idle = slot->next_idle;
        run->begun++;
    } else {
        slot->pending = NULL;
        run->stopped = true;
    }
}

static void begin_what_may(struct run *run) {
    while (!run->stopped && run->begun < run->series->count && run->idle != NULL)
        begin(run);
}

static void cancel_the_rest(struct run *run) {
    for (unsigned i = 0; i < run->series->parallel; i++) {
        struct slot *slot = &run->slots[i];
        if (slot->pending != NULL) {
            crew_client_cancel(run->client, slot->pending);
            run->series->cancelled++;
        }
    }
}

void series_run(struct series *series, struct connection *connection) {
    struct run run = {.series = series, .client = connection->client};
    run.slots = xcalloc(1, series->parallel * sizeof *run.slots);
    for (unsigned i = series->parallel; i > 0; i--) {
        run.slots[i - 1].run = &run;
        put_idle(&run.slots[i - 1]);
    }
    uint64_t began_us = clock_us();
    begin_what_may(&run);
    while (series->ended < series->count && !run.stopped && interrupt_signal() == 0) {
        connection_turn(connection, UINT64_MAX);
        begin_what_may(&run);
    }
    series->lasted_us = clock_us() - began_us;
    cancel_the_rest(&run);
    free(run.slots);
}

static void print_counts(const struct series *series) {
    for (int error = 0; error < CREW_ERROR_COUNT; error++) {
        const char *word = error == 0 ? "answered" : crew_error_word(error);
        if (error == 0 || series->by_error[error] > 0)
            fprintf(stderr, "%-15s%u\n", word != NULL ? word : crew_strerror(error),
                    series->by_error[error]);
    }
    if (series->error_statuses > 0)
        fprintf(stderr, "%-15s%u (of the answered)\n", "status >= 400",
                series->error_statuses);
    if (series->cancelled > 0)
        fprintf(stderr, "%-15s%u\n", "cancelled", series->cancelled);
}

void series_print(struct series *series) {
    double seconds = (double)series->lasted_us / 1e6;
    fprintf(stderr, "%-15s%u, at most %u at a time\n", "calls", series->ended,
            series->parallel);
    print_counts(series);
    fprintf(stderr, "%-15s%.3f\n", "seconds", seconds);
    fprintf(stderr, "%-15s%.1f\n", "calls/s", series->ended / seconds);
    if (series->latency.count > 0)
        fprintf(stderr, "%-15smin %.2f, median %.2f, p99 %.2f, max %.2f\n", "latency ms",
                latency_ms(&series->latency, 0), latency_ms(&series->latency, 50),
                latency_ms(&series->latency, 99), latency_ms(&series->latency, 100));
}

int series_status(const struct series *series, bool fail_on_error_status) {
    if (interrupt_signal() != 0)
        return EXIT_SIGNAL + interrupt_signal();
    int worst = exit_status_of(series->refused);
    if (fail_on_error_status && series->error_statuses > 0 && worst < EXIT_ERROR_STATUS)
        worst = EXIT_ERROR_STATUS;
    for (int error = 0; error < CREW_ERROR_COUNT; error++) {
        int status = exit_status_of(error);
        if (series->by_error[error] > 0 && status > worst)
            worst = status;
    }
    return worst;
}
