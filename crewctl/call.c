/* crewctl call: a plain call, and its answer's body as it is. */
#include "body.h"
#include "command.h"
#include "connection.h"
#include "exit_status.h"
#include "interrupt.h"
#include "output.h"
#include "series.h"
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
    unsigned count, parallel;
} given = {.expiration_ms = 30000,
           .no_workers = "wait",
           .gzip = "auto",
           .count = 1,
           .parallel = 1};

const struct option_row call_rows[] = {
    BODY_OPTIONS(given.body),
    {OPTION_TEXT, 0, "gzip", NULL, &given.gzip, 0, 0, "WHEN",
     "compress the body on its way: auto (above 32 KiB), never or always (auto)"},
    {.kind = OPTION_HEADING, .help = "Call:"},
    {OPTION_LIST, 0, "header", NULL, &given.headers, 0, 0, "NAME:VALUE",
     "give the handler a header field; may be repeated"},
    {OPTION_SECONDS, 0, "expiration", NULL, &given.expiration_ms, 1, LIMIT_EXPIRATION_MS,
     "SECONDS", "for queue and handler together (30)"},
    {OPTION_UNSIGNED, 0, "priority", NULL, &given.priority, 0, 255, "0-255",
     "the higher, the sooner (0)"},
    {OPTION_FLAG, 0, "persistent", NULL, &given.persistent, 0, 0, NULL,
     "the message survives a restart of the broker"},
    {OPTION_FLAG, 0, "repeat", NULL, &given.repeat, 0, 0, NULL,
     "the task may run again when it is not known whether it ran"},
    {OPTION_TEXT, 0, "no-workers", NULL, &given.no_workers, 0, 0, "WHAT",
     "when nobody serves the task: wait for the expiration, or fail at once (wait)"},
    {.kind = OPTION_HEADING, .help = "Answer:"},
    {OPTION_FLAG, 'i', "include", NULL, &given.include, 0, 0, NULL,
     "print status, content type and header fields before the body"},
    {OPTION_FLAG, 'f', "fail", NULL, &given.fail, 0, 0, NULL,
     "exit with 3 when the handler's answer has status 400 or more"},
    {.kind = OPTION_HEADING, .help = "Many calls:"},
    {OPTION_UNSIGNED, 'n', "count", NULL, &given.count, 1, MAX_COUNT, "N",
     "make N calls and print a summary on stderr; the exit status is the highest (1)"},
    {OPTION_UNSIGNED, 'c', "parallel", NULL, &given.parallel, 1, MAX_PARALLEL, "N",
     "that many under way at a time (1)"},
    {OPTION_FLAG, 0, "print", NULL, &given.print, 0, 0, NULL,
     "print the answers of many calls, too, as they come, each with a line end"},
    {.name = NULL},
};

/* ---- what to call ---- */

/* The index of TEXT among WORDS, which end with null. */
static int choose(const char *option, const char *text, const char *const words[]) {
    for (int i = 0; words[i] != NULL; i++)
        if (strcmp(text, words[i]) == 0)
            return i;
    options_fail(&crewctl_options, "--%s: \"%s\" is not %s, %s%s%s", option, text,
                 words[0], words[1], words[2] != NULL ? " or " : "",
                 words[2] != NULL ? words[2] : "");
}

static struct crew_pair parse_header(const char *text) {
    const char *colon = strchr(text, ':');
    size_t name_bytes = colon != NULL ? (size_t)(colon - text) : 0;
    if (!http_field_name_valid(text, name_bytes) || name_bytes > 255)
        options_fail(&crewctl_options, "--header: \"%s\" is not NAME:VALUE", text);
    if (strncmp(text, "x-", 2) == 0 || strncmp(text, "crew-", 5) == 0)
        options_fail(&crewctl_options,
                     "--header: names that begin with x- or crew- do not reach the "
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
                               .expiration_ms = given.expiration_ms,
                               .priority = (uint8_t)given.priority,
                               .persistent = given.persistent,
                               .pairs = pairs,
                               .pair_count = given.headers.count};
    call->repeat = given.repeat ? CREW_REPEAT_ALWAYS : CREW_REPEAT_NEVER;
    call->fail_without_workers = choose("no-workers", given.no_workers, no_workers) == 1;
    call->gzip = (enum crew_gzip)choose("gzip", given.gzip, gzip);
    for (size_t i = 0; i < given.headers.count; i++)
        pairs[i] = parse_header(given.headers.texts[i]);
    body_take(&given.body, call, memory);
}

/* ---- what came back ---- */

/* A foreign worker's header values may hold anything; a line stays a line. */
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
    bool wants_line = given.count > 1 || (output_is_terminal() && answer->body_bytes > 0);
    if (given.include)
        print_head(answer);
    output_bytes(body, answer->body_bytes);
    if (wants_line && !ends_line)
        output_text("\n");
}

static bool on_end(void *arg, const struct crew_answer *answer) {
    (void)arg;
    bool wanted = given.count == 1 || given.print || given.include;
    if (answer->error == 0 && wanted)
        print_answer(answer);
    return output_flush();
}

static void explain(struct series *series, const char *task) {
    if (series->refused != 0)
        command_error("call", task, series->refused);
    if (series->count > 1) {
        series_print(series);
        return;
    }
    for (int error = 1; error < CREW_ERROR_COUNT; error++)
        if (series->by_error[error] > 0)
            command_error("call", task, error);
}

/* ---- the command ---- */

static int make_calls(const struct crew_broker *broker, const struct crew_call *call) {
    struct connection connection;
    struct series series = {.call = call,
                            .count = given.count,
                            .parallel = given.parallel < given.count ? given.parallel
                                                                     : given.count,
                            .on_end = on_end};
    int status = connection_open(&connection, broker, given.expiration_ms);
    if (status == 0) {
        interrupt_catch();
        series_run(&series, &connection);
        explain(&series, call->task);
        status = series_status(&series, given.fail);
    }
    connection_close(&connection);
    latency_fini(&series.latency);
    return status;
}

int call_run(const struct crew_broker *broker, char *const *words, size_t count) {
    const char *task = command_task(count > 0 ? words[0] : NULL);
    struct buffer memory = BUFFER_INIT;
    struct crew_call call;
    body_take_word(&given.body, words, count);
    struct crew_pair *pairs = calloc(given.headers.count + 1, sizeof *pairs);
    if (pairs == NULL)
        options_fail(&crewctl_options, "out of memory");
    fill_call(&call, task, pairs, &memory);
    int status = make_calls(broker, &call);
    free(pairs);
    free(given.headers.texts);
    buffer_fini(&memory);
    return status;
}
