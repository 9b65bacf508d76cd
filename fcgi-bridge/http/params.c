#include "params.h"

#include "accept_header.h"
#include "cursor.h"
#include "fcgi-bridge/fcgi/limits.h"
#include "wire/channel_name.h"
#include "wire/http_fields.h"
#include "wire/limits.h"
#include "wire/task_name.h"
#include <assert.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_POLL_MS 25000 /* proxies give up after 30 s or 60 s */

static_assert(LIMIT_TASK_NAME_BYTES < sizeof((struct params *)0)->task,
              "a task name fits");

static bool text_is(const char *text, size_t bytes, const char *word) {
    return bytes == strlen(word) && memcmp(text, word, bytes) == 0;
}

static bool value_is(const struct crew_pair *pair, const char *word) {
    return text_is(pair->value, pair->value_bytes, word);
}

/* Decimal digits only; false when it is anything else or above MAX. */
static bool read_number(const char *text, size_t bytes, int64_t max, int64_t *number) {
    int64_t n = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        n = n * 10 + (text[i] - '0');
        if (n > max)
            return false;
    }
    *number = n;
    return bytes > 0;
}

/* Seconds with decimals; what is finer than a millisecond is rounded up. */
static bool read_seconds(const struct crew_pair *pair, int64_t max_ms, int64_t *result) {
    const char *point = memchr(pair->value, '.', pair->value_bytes);
    size_t whole_bytes = point ? (size_t)(point - pair->value) : pair->value_bytes;
    int64_t ms = 0;
    if (!read_number(pair->value, whole_bytes, max_ms / 1000, &ms) &&
        !(point && whole_bytes == 0))
        return false;
    ms *= 1000;
    int64_t scale = 100;
    bool finer = false;
    size_t decimals = 0;
    for (size_t i = whole_bytes + 1; i < pair->value_bytes; i++, decimals++) {
        int digit = pair->value[i] - '0';
        if (digit < 0 || digit > 9)
            return false;
        ms += digit * scale;
        finer |= scale == 0 && digit > 0;
        scale /= 10;
    }
    ms += finer;
    *result = ms;
    return ms <= max_ms && (!point || decimals > 0);
}

/* ---- the CREW_ parameters; each returns false when the value is bad ---- */

static bool read_task(struct params *p, const struct crew_pair *pair) {
    if (!task_name_valid(pair->value, pair->value_bytes))
        return false;
    memcpy(p->task, pair->value, pair->value_bytes);
    p->task[pair->value_bytes] = 0;
    p->call.task = p->task;
    return true;
}

static bool read_expiration(struct params *p, const struct crew_pair *pair) {
    int64_t ms = 0;
    if (!read_seconds(pair, LIMIT_EXPIRATION_MS, &ms) || ms < 1)
        return false;
    p->call.expiration_ms = (uint32_t)ms;
    return true;
}

static bool read_priority(struct params *p, const struct crew_pair *pair) {
    int64_t n = 0;
    if (!read_number(pair->value, pair->value_bytes, 255, &n))
        return false;
    p->call.priority = (uint8_t)n;
    return true;
}

static bool read_persistent(struct params *p, const struct crew_pair *pair) {
    p->call.persistent = value_is(pair, "1");
    return p->call.persistent || value_is(pair, "0");
}

static bool read_repeat(struct params *p, const struct crew_pair *pair) {
    bool always = value_is(pair, "always");
    p->repeat_by_method = value_is(pair, "safe");
    p->call.repeat = always ? CREW_REPEAT_ALWAYS : CREW_REPEAT_NEVER;
    return always || p->repeat_by_method || value_is(pair, "never");
}

static bool read_no_workers(struct params *p, const struct crew_pair *pair) {
    p->call.fail_without_workers = value_is(pair, "fail");
    return p->call.fail_without_workers || value_is(pair, "wait");
}

/* The channels are looked at when all is known: which of them counts, and whether
 * patterns may be in it. Values end with a zero. */
static bool read_publish(struct params *p, const struct crew_pair *pair) {
    p->publish = pair->value;
    return true;
}

static bool read_subscribe(struct params *p, const struct crew_pair *pair) {
    p->subscribe.channel = pair->value;
    return true;
}

static bool read_pattern(struct params *p, const struct crew_pair *pair) {
    p->subscribe.pattern = value_is(pair, "1");
    return p->subscribe.pattern || value_is(pair, "0");
}

static bool read_mode(struct params *p, const struct crew_pair *pair) {
    bool events = value_is(pair, "sse");
    p->mode = events ? MODE_EVENTS : MODE_POLL;
    return events || value_is(pair, "poll");
}

static bool read_timeout(struct params *p, const struct crew_pair *pair) {
    int64_t ms = 0;
    if (!read_seconds(pair, LIMIT_SUBSCRIBE_TIMEOUT_MS, &ms))
        return false;
    p->subscribe.timeout_ms = (uint32_t)ms;
    return true;
}

static bool not_here(struct params *p, const struct crew_pair *pair) {
    (void)p;
    (void)pair;
    return false;
}

static const struct row {
    const char *name; /* behind CREW_ */
    bool (*read)(struct params *p, const struct crew_pair *pair);
    const char *complaint;
} rows[] = {
    {"TASK", read_task, "CREW_TASK is not a task name"},
    {"EXPIRATION", read_expiration, "CREW_EXPIRATION is not between 0.001 and 1500"},
    {"PRIORITY", read_priority, "CREW_PRIORITY is not between 0 and 255"},
    {"PERSISTENT", read_persistent, "CREW_PERSISTENT is neither 0 nor 1"},
    {"REPEAT", read_repeat, "CREW_REPEAT is none of safe, always, never"},
    {"NO_WORKERS", read_no_workers, "CREW_NO_WORKERS is neither wait nor fail"},
    {"PUBLISH", read_publish, NULL},
    {"SUBSCRIBE", read_subscribe, NULL},
    {"SUBSCRIBE_PATTERN", read_pattern, "CREW_SUBSCRIBE_PATTERN is neither 0 nor 1"},
    {"SUBSCRIBE_MODE", read_mode, "CREW_SUBSCRIBE_MODE is neither poll nor sse"},
    {"SUBSCRIBE_TIMEOUT", read_timeout,
     "CREW_SUBSCRIBE_TIMEOUT is not between 0 and 86400"},
    {"STATUS", not_here, "CREW_STATUS is not available in this version"},
};

/* The first one counts. */
static void complain(struct params *p, const char *complaint, const char *advice) {
    if (p->complaint)
        return;
    p->complaint = complaint;
    p->advice = advice;
}

/* An empty value is what a variable of the web server's that is not set comes to: as if
 * the parameter were not there. */
static void read_crew(struct params *p, const struct crew_pair *pair) {
    const char *name = pair->name + 5;
    for (size_t i = 0; pair->value_bytes > 0 && i < sizeof rows / sizeof *rows; i++)
        if (text_is(name, pair->name_bytes - 5, rows[i].name) && !rows[i].read(p, pair))
            complain(p, rows[i].complaint, "");
}

/* ---- the CGI parameters ---- */

/* Those that are looked at when all are known; null: not there. */
struct seen {
    const struct crew_pair *method;
    const struct crew_pair *accept;
    struct cursor_places cursor;
};

static void read_content_length(struct params *p, const struct crew_pair *pair) {
    int64_t length = -1;
    if (pair->value_bytes > 0 &&
        !read_number(pair->value, pair->value_bytes, INT64_MAX / 16, &length))
        complain(p, "CONTENT_LENGTH is not a number", NULL);
    else if (p->content_length >= 0 && length != p->content_length)
        complain(p, "CONTENT_LENGTH is given twice", NULL);
    else
        p->content_length = length;
}

static bool names_json(const struct crew_pair *pair) {
    static const char word[] = "json";
    for (size_t i = 1; i + sizeof word - 1 <= pair->value_bytes; i++) {
        char before = pair->value[i - 1];
        if ((before == '/' || before == '+') &&
            strncasecmp(pair->value + i, word, sizeof word - 1) == 0)
            return true;
    }
    return false;
}

/* RFC 9110 §9.2.2, and those that the contract of CREW_REPEAT names. */
static bool method_is_safe(const struct crew_pair *method) {
    static const char *const safe[] = {"GET",   "HEAD", "OPTIONS",
                                       "TRACE", "PUT",  "DELETE"};
    for (size_t i = 0; i < sizeof safe / sizeof *safe; i++)
        if (value_is(method, safe[i]))
            return true;
    return false;
}

static void settle_method(struct params *p, const struct crew_pair *method) {
    if (!method || method->value_bytes == 0)
        complain(
            p, "REQUEST_METHOD is missing",
            "; in nginx, a location with a fastcgi_param of its own inherits none from "
            "outside: it needs `include fastcgi_params;` again");
    else if (!http_field_name_valid(method->value, method->value_bytes))
        complain(p, "REQUEST_METHOD is not a method", NULL);
    p->style.head = method && value_is(method, "HEAD");
    if (p->repeat_by_method)
        p->call.repeat =
            method && method_is_safe(method) ? CREW_REPEAT_ALWAYS : CREW_REPEAT_NEVER;
}

static bool method_is(const struct seen *seen, const char *const *names) {
    for (; seen->method && *names; names++)
        if (value_is(seen->method, *names))
            return true;
    return false;
}

static bool accepts(const struct seen *seen, const char *type) {
    return seen->accept &&
           accept_header_names(seen->accept->value, seen->accept->value_bytes, type);
}

/* Channels and cursors may come from the client: no advice for the log. */
static void settle_publish(struct params *p) {
    p->purpose = PURPOSE_PUBLISH;
    if (!channel_name_valid(p->publish, strlen(p->publish)))
        complain(p, "CREW_PUBLISH is not the name of a channel", NULL);
}

static void settle_subscribe(struct params *p, const struct seen *seen) {
    struct subscribe_params *subscribe = &p->subscribe;
    p->purpose = PURPOSE_SUBSCRIBE;
    subscribe->events = p->mode == MODE_BY_ACCEPT ? accepts(seen, "text/event-stream")
                                                  : p->mode == MODE_EVENTS;
    subscribe->list = accepts(seen, "application/json");
    if (!subscribe->pattern &&
        !channel_name_valid(subscribe->channel, strlen(subscribe->channel)))
        complain(p, "CREW_SUBSCRIBE is not the name of a channel", NULL);
    enum cursor_found found = cursor_find(&seen->cursor, &subscribe->cursor);
    subscribe->since = found == CURSOR_GIVEN;
    if (found == CURSOR_BAD)
        complain(p, "The cursor is not a number", NULL);
}

/* What the request is for: its location and, where that does both, its method say it. */
static void settle_purpose(struct params *p, const struct seen *seen) {
    static const char *const publish[] = {"POST", "PUT", NULL};
    static const char *const subscribe[] = {"GET", "HEAD", "POST", NULL};
    bool may_publish = p->publish && method_is(seen, publish);
    bool may_subscribe = p->subscribe.channel && method_is(seen, subscribe);
    if (!p->publish && !p->subscribe.channel)
        return;
    if (p->task[0] != '\0')
        complain(p, "CREW_TASK excludes CREW_PUBLISH and CREW_SUBSCRIBE", "");
    if (may_publish || !p->subscribe.channel)
        settle_publish(p);
    else
        settle_subscribe(p, seen);
    if (!may_publish && !may_subscribe)
        p->style.allow = !p->subscribe.channel ? "POST, PUT"
                         : !p->publish         ? "GET, HEAD, POST"
                                               : "GET, HEAD, POST, PUT";
}

/* Caddy says so of a body that comes in chunks. It is as good as nothing said. */
static bool length_unknown(const struct crew_pair *pair) {
    return text_is(pair->name, pair->name_bytes, "CONTENT_LENGTH") &&
           value_is(pair, "-1");
}

/* Whether the handler sees it. HTTP_PROXY comes from a client's Proxy header, and would
 * be taken for a setting by libraries of the handler's (httpoxy). */
static bool visible(const struct crew_pair *pair) {
    return !text_is(pair->name, pair->name_bytes, "HTTP_PROXY") && !length_unknown(pair);
}

static void read_cgi(struct params *p, const struct crew_pair *pair, struct seen *seen) {
    if (text_is(pair->name, pair->name_bytes, "REQUEST_METHOD"))
        seen->method = pair;
    else if (text_is(pair->name, pair->name_bytes, "CONTENT_LENGTH"))
        read_content_length(p, pair);
    else if (text_is(pair->name, pair->name_bytes, "QUERY_STRING"))
        seen->cursor.query = pair;
    else if (text_is(pair->name, pair->name_bytes, "HTTP_CREW_CURSOR"))
        seen->cursor.field = pair;
    else if (text_is(pair->name, pair->name_bytes, "HTTP_LAST_EVENT_ID"))
        seen->cursor.last_event_id = pair;
    else if (text_is(pair->name, pair->name_bytes, "HTTP_ACCEPT")) {
        p->style.json |= names_json(pair);
        seen->accept = pair;
    }
}

void params_read(struct params *p, const struct settings *settings,
                 struct crew_pair *pairs, size_t count) {
    *p = (struct params){.content_length = -1,
                         .repeat_by_method = true,
                         .call = {.form = CREW_HTTP,
                                  .task = settings->task,
                                  .expiration_ms = settings->expiration_ms},
                         .subscribe = {.timeout_ms = DEFAULT_POLL_MS}};
    struct seen seen = {.method = NULL};
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (pairs[i].name_bytes >= 5 && memcmp(pairs[i].name, "CREW_", 5) == 0) {
            read_crew(p, &pairs[i]);
        } else if (visible(&pairs[i])) {
            pairs[kept] = pairs[i];
            read_cgi(p, &pairs[kept], &seen);
            kept++;
        }
    }
    settle_method(p, seen.method);
    settle_purpose(p, &seen);
    p->call.pairs = pairs;
    p->call.pair_count = kept;
}
