/* crewctl subscribe: prints published messages, one line for each.
 *
 * Guarantees: messages are printed in the order of their cursors and once each, also
 * across reconnects; if any may be missing, a line on stderr says so.
 */
#include "base/buffer.h"
#include "base/clock.h"
#include "command.h"
#include "commands.h"
#include "connection.h"
#include "daemon/log.h"
#include "exit_status.h"
#include "interrupt.h"
#include "message.h"
#include "output.h"
#include "wire/limits.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    const char *since;
    bool json;
    unsigned count;
} values;

const struct option_row subscribe_rows[] = {
    {.kind = OPTION_TEXT,
     .name = "since",
     .value = &values.since,
     .argument = "CURSOR",
     .help = "start after this cursor, that of the last message received; 0: with the "
             "oldest message kept"},
    {.kind = OPTION_FLAG,
     .name = "json",
     .value = &values.json,
     .help = "print a JSON object for each message: cursor, id, channel, content_type, "
             "gap, and data or, if it is not UTF-8, data_base64"},
    {.kind = OPTION_UNSIGNED,
     .letter = 'n',
     .name = "count",
     .value = &values.count,
     .min = 0,
     .max = UINT32_MAX,
     .argument = "N",
     .help = "exit after N messages, 0: when interrupted (0)"},
    {.name = NULL},
};

struct run {
    struct connect_wait connect_wait;
    crew_subscriber *subscriber;
    crew_subscription *subscription;
    uint64_t since;
    unsigned printed;
    bool disconnected; /* after the first connection */
    bool is_done;      /* --count is reached, or the output failed */
};

/* ---- arguments ---- */

static uint64_t parse_cursor(const char *text) {
    errno = 0;
    uint64_t cursor = strtoull(text, NULL, 10);
    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0' || errno != 0)
        command_usage("--since: \"%s\" is not a cursor", text);
    return cursor;
}

/* The patterns as a comma-separated list. */
static void join(struct buffer *list, char *const *arguments, size_t count) {
    if (count == 0)
        command_usage("PATTERN is missing");
    for (size_t i = 0; i < count; i++) {
        buffer_append_text(list, i > 0 ? "," : "");
        buffer_append_text(list, arguments[i]);
    }
    buffer_u8(list, '\0');
    if (list->failed)
        command_usage("out of memory");
}

/* ---- messages ---- */

/* With --since 0 a gap before the first message is expected and not reported. */
static void report_gap(const struct run *run, const struct crew_subscribed *message) {
    bool is_oldest = values.since != NULL && run->since == 0 && run->printed == 0;
    if (message->gap && !is_oldest)
        log_warning("messages before the one with cursor %" PRIu64 " may be missing",
                    message->cursor);
}

static void print(struct run *run, const struct crew_subscribed *message) {
    report_gap(run, message);
    (values.json ? message_print_json : message_print_text)(message);
    run->printed++;
    bool is_last = values.count != 0 && run->printed == values.count;
    run->is_done = !output_flush() || is_last;
}

static void on_messages(void *arg, crew_subscription *subscription) {
    struct run *run = arg;
    struct crew_subscribed message;
    while (!run->is_done && interrupt_signal() == 0 &&
           crew_subscription_next(subscription, &message))
        print(run, &message);
}

/* A reconnect is logged at the level of the loss before it. */
static void on_event(void *arg, enum crew_event_kind kind, const char *text) {
    struct run *run = arg;
    connect_wait_event(&run->connect_wait, kind, text);
    if (kind == CREW_EVENT_CONNECTED && run->disconnected && !log_enabled(LOG_LEVEL_INFO))
        log_warning("broker: %s", text);
    if (kind == CREW_EVENT_CONNECTED || kind == CREW_EVENT_DISCONNECTED)
        run->disconnected =
            kind == CREW_EVENT_DISCONNECTED && connect_wait_succeeded(&run->connect_wait);
}

/* ---- the command ---- */

static void wait(struct run *run, uint64_t until_ms) {
    interrupt_wait(crew_subscriber_fd(run->subscriber), until_ms);
    crew_subscriber_dispatch(run->subscriber);
}

static bool is_connected(const struct run *run) {
    return crew_subscriber_state(run->subscriber) >= CREW_SUBSCRIBER_READING;
}

static int start(struct run *run, const struct crew_broker *broker,
                 const char *patterns) {
    /* No caller_driven_io: writing to stdout may block for a long time. */
    const struct crew_subscriber_options options = {
        .name = "crewctl", .on_event = on_event, .event_arg = run};
    const struct crew_subscription_options subscription = {.channel = patterns,
                                                           .pattern = true,
                                                           .since = values.since != NULL,
                                                           .cursor = run->since,
                                                           .on_messages = on_messages,
                                                           .arg = run};
    int error = crew_subscriber_new(broker, &options, &run->subscriber);
    if (error == 0)
        error = crew_subscription_new(run->subscriber, &subscription, &run->subscription);
    if (error == CREW_EINVAL)
        command_usage(
            "PATTERN is not one: 1 to %d bytes of UTF-8, no control characters; "
            "at most %d of them",
            LIMIT_CHANNEL_NAME_BYTES, CREW_PATTERNS_MAX);
    if (error != 0)
        fprintf(stderr, "crewctl: %s\n", crew_strerror(error));
    return exit_status_of(error);
}

static int wait_until_connected(struct run *run, const struct crew_broker *broker) {
    uint64_t until_ms = clock_ms() + CONNECT_MAX_MS;
    while (!is_connected(run) && !connect_wait_failed(&run->connect_wait) &&
           clock_ms() < until_ms && interrupt_signal() == 0)
        wait(run, until_ms);
    if (is_connected(run))
        connect_wait_done(&run->connect_wait);
    if (is_connected(run) || interrupt_signal() != 0)
        return EXIT_ANSWERED;
    connect_wait_explain(&run->connect_wait, broker);
    return EXIT_BROKER;
}

/* Print the cursor to continue from, if --since was used or a person reads stderr. */
static void print_cursor(const struct run *run) {
    uint64_t cursor;
    if ((values.since != NULL || isatty(STDERR_FILENO) == 1) && output_flush() &&
        crew_subscription_cursor(run->subscription, &cursor))
        fprintf(stderr, "crewctl: to go on from here: --since %" PRIu64 "\n", cursor);
}

/* A subscriber that is not connected is not freed: that would wait for a thread that is
 * still trying to connect. */
static void finish(struct run *run) {
    print_cursor(run);
    if (is_connected(run))
        crew_subscriber_free(run->subscriber);
}

int subscribe_run(const struct crew_broker *broker, char *const *arguments,
                  size_t count) {
    static struct run run;
    struct buffer patterns = BUFFER_INIT;
    join(&patterns, arguments, count);
    connect_wait_init(&run.connect_wait, broker);
    run.since = values.since != NULL ? parse_cursor(values.since) : 0;
    interrupt_catch();
    int status = start(&run, broker, (const char *)patterns.data);
    buffer_fini(&patterns);
    if (status == 0)
        status = wait_until_connected(&run, broker);
    while (status == 0 && !run.is_done && interrupt_signal() == 0)
        wait(&run, UINT64_MAX);
    if (run.subscriber != NULL)
        finish(&run);
    return status;
}
