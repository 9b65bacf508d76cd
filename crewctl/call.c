/* crewctl call: makes a plain call and prints the body of its answer. */
#include "benchmark.h"
#include "body.h"
#include "command.h"
#include "commands.h"
#include "connection.h"
#include "exit_status.h"
#include "interrupt.h"
#include "output.h"
#include "wire/http_fields.h"
#include "wire/limits.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COUNT = 10000000, MAX_PARALLEL = 10000 };

static struct {
    struct body_source body;
    struct option_list headers;
    uint32_t expiration_ms;
    unsigned priority;
    bool persistent, repeat;
    const char *no_workers, *gzip;
    bool include, fail, print;
    unsigned count, concurrency;
} values = {.expiration_ms = 30000,
            .no_workers = "wait",
            .gzip = "auto",
            .count = 1,
            .concurrency = 1};

const struct option_row call_rows[] = {
    BODY_OPTIONS(values.body),
    {.kind = OPTION_TEXT,
     .name = "gzip",
     .value = &values.gzip,
     .argument = "WHEN",
     .help = "compress the body: auto (above 32 KiB), never or always (auto)"},
    {.kind = OPTION_HEADING, .help = "Call:"},
    {.kind = OPTION_LIST,
     .name = "header",
     .value = &values.headers,
     .argument = "NAME:VALUE",
     .help = "a header field for the handler; may be repeated"},
    {.kind = OPTION_SECONDS,
     .name = "expiration",
     .value = &values.expiration_ms,
     .min = 1,
     .max = LIMIT_EXPIRATION_MS,
     .argument = "SECONDS",
     .help = "for queue and handler together (30)"},
    {.kind = OPTION_UNSIGNED,
     .name = "priority",
     .value = &values.priority,
     .min = 0,
     .max = 255,
     .argument = "0-255",
     .help = "higher ones first (0)"},
    {.kind = OPTION_FLAG,
     .name = "persistent",
     .value = &values.persistent,
     .help = "the message survives a restart of the broker"},
    {.kind = OPTION_FLAG,
     .name = "repeat",
     .value = &values.repeat,
     .help = "the task may run again if the outcome of a run is unknown"},
    {.kind = OPTION_TEXT,
     .name = "no-workers",
     .value = &values.no_workers,
     .argument = "WHAT",
     .help = "without a worker: wait for the expiration, or fail at once (wait)"},
    {.kind = OPTION_HEADING, .help = "Answer:"},
    {.kind = OPTION_FLAG,
     .letter = 'i',
     .name = "include",
     .value = &values.include,
     .help = "print status, content type and header fields before the body"},
    {.kind = OPTION_FLAG,
     .letter = 'f',
     .name = "fail",
     .value = &values.fail,
     .help = "exit with 3 if the answer has status 400 or more"},
    {.kind = OPTION_HEADING, .help = "Many calls:"},
    {.kind = OPTION_UNSIGNED,
     .letter = 'n',
     .name = "count",
     .value = &values.count,
     .min = 1,
     .max = MAX_COUNT,
     .argument = "N",
     .help = "make N calls and print a summary on stderr; the exit status is the highest "
             "(1)"},
    {.kind = OPTION_UNSIGNED,
     .letter = 'c',
     .name = "parallel",
     .value = &values.concurrency,
     .min = 1,
     .max = MAX_PARALLEL,
     .argument = "N",
     .help = "calls in progress at a time (1)"},
    {.kind = OPTION_FLAG,
     .name = "print",
     .value = &values.print,
     .help = "print the answers of many calls too, each with a line end"},
    {.name = NULL},
};

/* ---- the call ---- */

/* The index of TEXT in NAMES, which ends with null. */
static int index_of(const char *option, const char *text, const char *const names[]) {
    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(text, names[i]) == 0)
            return i;
    command_usage("--%s: \"%s\" is not %s, %s%s%s", option, text, names[0], names[1],
                  names[2] != NULL ? " or " : "", names[2] != NULL ? names[2] : "");
}

static struct crew_pair parse_header(const char *text) {
    const char *colon = strchr(text, ':');
    size_t name_bytes = colon != NULL ? (size_t)(colon - text) : 0;
    if (colon == NULL || !http_field_name_valid(text, name_bytes) || name_bytes > 255)
        command_usage("--header: \"%s\" is not NAME:VALUE", text);
    if (strncmp(text, "x-", 2) == 0 || strncmp(text, "crew-", 5) == 0)
        command_usage("--header: names that begin with x- or crew- do not reach the "
                      "handler: \"%.*s\"",
                      (int)name_bytes, text);
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    return (struct crew_pair){text, name_bytes, value, strlen(value)};
}

static void fill_call(struct crew_call *call, const char *task, struct crew_pair *pairs,
                      struct buffer *memory) {
    static const char *const no_workers[] = {"wait", "fail", NULL};
    static const char *const gzip[] = {"auto", "never", "always", NULL};
    *call = (struct crew_call){.task = task,
                               .expiration_ms = values.expiration_ms,
                               .priority = (uint8_t)values.priority,
                               .persistent = values.persistent,
                               .pairs = pairs,
                               .pair_count = values.headers.count};
    call->repeat = values.repeat ? CREW_REPEAT_ALWAYS : CREW_REPEAT_NEVER;
    call->fail_without_workers =
        index_of("no-workers", values.no_workers, no_workers) == 1;
    call->gzip = (enum crew_gzip)index_of("gzip", values.gzip, gzip);
    for (size_t i = 0; i < values.headers.count; i++)
        pairs[i] = parse_header(values.headers.texts[i]);
    body_read(&values.body, call, memory);
}

/* ---- the answer ---- */

/* Header values of workers in other languages may contain line ends. */
static void print_pair(const struct crew_pair *pair) {
    output_bytes(pair->name, pair->name_bytes);
    output_text(": ");
    for (size_t i = 0; i < pair->value_bytes; i++) {
        char byte = pair->value[i];
        output_bytes(byte == '\r' || byte == '\n' || byte == '\0' ? " " : &byte, 1);
    }
    output_text("\n");
}

static void print_head(const struct crew_answer *answer) {
    const char *reason = http_reason(answer->status);
    output_text("Status: %d%s%s\n", answer->status, reason[0] != '\0' ? " " : "", reason);
    if (answer->content_type != NULL)
        output_text("Content-Type: %s\n", answer->content_type);
    for (size_t i = 0; i < answer->pair_count; i++)
        print_pair(&answer->pairs[i]);
    output_text("\n");
}

static void print_answer(const struct crew_answer *answer) {
    const char *body = answer->body;
    bool ends_line = answer->body_bytes > 0 && body[answer->body_bytes - 1] == '\n';
    bool needs_line =
        values.count > 1 || (output_is_terminal() && answer->body_bytes > 0);
    if (values.include)
        print_head(answer);
    output_bytes(body, answer->body_bytes);
    if (needs_line && !ends_line)
        output_text("\n");
}

static bool on_answer(void *arg, const struct crew_answer *answer) {
    (void)arg;
    bool print = values.count == 1 || values.print || values.include;
    if (answer->error == 0 && print)
        print_answer(answer);
    return output_flush();
}

static void explain(struct benchmark *benchmark, const char *task) {
    if (benchmark->start_error != 0)
        command_error("call", task, benchmark->start_error);
    if (benchmark->count > 1) {
        benchmark_print(benchmark);
        return;
    }
    for (int error = 1; error < CREW_ERROR_COUNT; error++)
        if (benchmark->by_error[error] > 0)
            command_error("call", task, error);
}

/* ---- the command ---- */

static int make_calls(const struct crew_broker *broker, const struct crew_call *call) {
    struct connection connection;
    struct benchmark benchmark = {.call = call,
                                  .count = values.count,
                                  .concurrency = values.concurrency < values.count
                                                     ? values.concurrency
                                                     : values.count,
                                  .on_answer = on_answer};
    int status = connection_open(&connection, broker, values.expiration_ms);
    if (status == 0) {
        interrupt_catch();
        benchmark_run(&benchmark, &connection);
        explain(&benchmark, call->task);
        status = benchmark_status(&benchmark, values.fail);
    }
    connection_close(&connection);
    latency_fini(&benchmark.latency);
    return status;
}

int call_run(const struct crew_broker *broker, char *const *arguments, size_t count) {
    const char *task = command_task(count > 0 ? arguments[0] : NULL);
    struct buffer memory = BUFFER_INIT;
    struct crew_call call;
    body_parse_argument(&values.body, arguments, count);
    struct crew_pair *pairs = calloc(values.headers.count + 1, sizeof *pairs);
    if (pairs == NULL)
        command_usage("out of memory");
    fill_call(&call, task, pairs, &memory);
    int status = make_calls(broker, &call);
    free(pairs);
    free(values.headers.texts);
    buffer_fini(&memory);
    return status;
}
