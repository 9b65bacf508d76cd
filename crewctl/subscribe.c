/* crewctl subscribe: what is published, a line each, until somebody has had enough.
 *
 * Guarantees: in the order of cursors, each message once, none missing unless stderr says
 * so; whatever happens to the broker meanwhile.
 */
#include "base/buffer.h"
#include "base/clock.h"
#include "command.h"
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
} given;

const struct option_row subscribe_rows[] = {
    {OPTION_TEXT, 0, "since", NULL, &given.since, 0, 0, "CURSOR",
     "begin behind this one: of the last message that is known already. 0: with the "
     "oldest that there is"},
    {OPTION_FLAG, 0, "json", NULL, &given.json, 0, 0, NULL,
     "print JSON, an object a line: cursor, id, channel, content_type, gap, and data or, "
     "when it is no text, data_base64"},
    {OPTION_UNSIGNED, 'n', "count", NULL, &given.count, 0, UINT32_MAX, "N",
     "end after N messages, 0: when interrupted (0)"},
    {.name = NULL},
};

struct run {
    struct opening opening;
    crew_subscriber *subscriber;
    crew_subscription *subscription;
    uint64_t since;
    unsigned printed;
    bool lost;    /* the connection, and it is not back */
    bool is_over; /* enough messages, or nobody reads them */
};

/* ---- what was asked for ---- */

static uint64_t parse_cursor(const char *text) {
    errno = 0;
    uint64_t cursor = strtoull(text, NULL, 10);
    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0' || errno != 0)
        options_fail(&crewctl_options, "--since: \"%s\" is not a cursor", text);
    return cursor;
}

/* The patterns as a list. */
static void join(struct buffer *list, char *const *words, size_t count) {
    if (count == 0)
        options_fail(&crewctl_options, "PATTERN is missing");
    for (size_t i = 0; i < count; i++) {
        buffer_append_text(list, i > 0 ? "," : "");
        buffer_append_text(list, words[i]);
    }
    buffer_u8(list, '\0');
    if (list->failed)
        options_fail(&crewctl_options, "out of memory");
}

/* ---- what comes ---- */

/* That the oldest is not the first ever is no news to who asked for the oldest. */
static void tell_gap(const struct run *run, const struct crew_subscribed *message) {
    bool is_oldest = given.since != NULL && run->since == 0 && run->printed == 0;
    if (message->gap && !is_oldest)
        log_warning("messages before the one with cursor %" PRIu64 " may be missing",
                    message->cursor);
}

static void take(struct run *run, const struct crew_subscribed *message) {
    tell_gap(run, message);
    (given.json ? message_print_json : message_print_text)(message);
    run->printed++;
    bool is_last = given.count != 0 && run->printed == given.count;
    run->is_over = !output_flush() || is_last;
}

static void on_messages(void *arg, crew_subscription *subscription) {
    struct run *run = arg;
    struct crew_subscribed message;
    while (!run->is_over && interrupt_signal() == 0 &&
           crew_subscription_next(subscription, &message))
        take(run, &message);
}

/* When a loss was told, its end is told as loudly. */
static void on_event(void *arg, enum crew_event_kind kind, const char *text) {
    struct run *run = arg;
    opening_note(&run->opening, kind, text);
    if (kind == CREW_EVENT_CONNECTED && run->lost && !log_enabled(LOG_LEVEL_INFO))
        log_warning("broker: %s", text);
    if (kind == CREW_EVENT_CONNECTED || kind == CREW_EVENT_DISCONNECTED)
        run->lost = kind == CREW_EVENT_DISCONNECTED && run->opening.succeeded;
}

/* ---- the command ---- */

static void turn(struct run *run, uint64_t until_ms) {
    interrupt_wait(crew_subscriber_fd(run->subscriber), until_ms);
    crew_subscriber_dispatch(run->subscriber);
}

static bool is_connected(const struct run *run) {
    return crew_subscriber_state(run->subscriber) >= CREW_SUBSCRIBER_READING;
}

static int start(struct run *run, const struct crew_broker *broker,
                 const char *patterns) {
    /* I/O threads, not caller_driven_io: a reader of stdout may keep us waiting for hours. */
    const struct crew_subscriber_options options = {
        .name = "crewctl", .on_event = on_event, .event_arg = run};
    const struct crew_subscription_options wanted = {.channel = patterns,
                                                     .pattern = true,
                                                     .since = given.since != NULL,
                                                     .cursor = run->since,
                                                     .on_messages = on_messages,
                                                     .arg = run};
    int error = crew_subscriber_new(broker, &options, &run->subscriber);
    if (error == 0)
        error = crew_subscription_new(run->subscriber, &wanted, &run->subscription);
    if (error == CREW_EINVAL)
        options_fail(&crewctl_options,
                     "PATTERN is not one: 1 to %d bytes of UTF-8, no control characters; "
                     "at most %d of them",
                     LIMIT_CHANNEL_NAME_BYTES, CREW_PATTERNS_MAX);
    if (error != 0)
        fprintf(stderr, "crewctl: %s\n", crew_strerror(error));
    return exit_status_of(error);
}

static int wait_until_connected(struct run *run, const struct crew_broker *broker) {
    uint64_t until_ms = clock_ms() + CONNECT_MAX_MS;
    while (!is_connected(run) && !opening_refused(&run->opening) &&
           clock_ms() < until_ms && interrupt_signal() == 0)
        turn(run, until_ms);
    run->opening.succeeded = is_connected(run);
    if (run->opening.succeeded || interrupt_signal() != 0)
        return EXIT_ANSWERED;
    opening_explain(&run->opening, broker);
    return EXIT_BROKER;
}

/* Who came with a cursor will come again. */
static void tell_cursor(const struct run *run) {
    uint64_t cursor;
    if ((given.since != NULL || isatty(STDERR_FILENO) == 1) && output_flush() &&
        crew_subscription_cursor(run->subscription, &cursor))
        fprintf(stderr, "crewctl: to go on from here: --since %" PRIu64 "\n", cursor);
}

/* A subscriber that is not connected ends with the program: a thread that is stuck in an
 * attempt to connect would hold up the end. */
static void finish(struct run *run) {
    tell_cursor(run);
    if (is_connected(run))
        crew_subscriber_free(run->subscriber);
}

int subscribe_run(const struct crew_broker *broker, char *const *words, size_t count) {
    static struct run run;
    struct buffer patterns = BUFFER_INIT;
    join(&patterns, words, count);
    run.opening.addresses = broker->url_count;
    run.since = given.since != NULL ? parse_cursor(given.since) : 0;
    interrupt_catch();
    int status = start(&run, broker, (const char *)patterns.data);
    buffer_fini(&patterns);
    if (status == 0)
        status = wait_until_connected(&run, broker);
    while (status == 0 && !run.is_over && interrupt_signal() == 0)
        turn(&run, UINT64_MAX);
    if (run.subscriber != NULL)
        finish(&run);
    return status;
}
