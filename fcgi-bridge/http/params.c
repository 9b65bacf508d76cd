#include "params.h"

#include "accept_header.h"
#include "cursor.h"
#include "fcgi-bridge/fcgi/limits.h"
#include "wire/channel_name.h"
#include "wire/http_fields.h"
#include "wire/limits.h"
#include "wire/retry_policy.h"
#include "wire/task_name.h"
#include <assert.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_POLL_MS 25000 /* common proxies time out after 30 s or 60 s */

static_assert(LIMIT_TASK_NAME_BYTES < sizeof((struct params *)0)->task,
              "a task name fits");

static bool text_is(const char *text, size_t bytes, const char *word) {
    return bytes == strlen(word) && memcmp(text, word, bytes) == 0;
}

static bool value_is(const struct crew_pair *pair, const char *word) {
    return text_is(pair->value, pair->value_bytes, word);
}

/* Decimal digits only. False for anything else and above MAX. */
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

/* Seconds with decimals, rounded up to milliseconds. */
static bool read_seconds(const struct crew_pair *pair, int64_t max_ms, int64_t *result) {
    const char *point = memchr(pair->value, '.', pair->value_bytes);
    size_t whole_bytes =
        point != NULL ? (size_t)(point - pair->value) : pair->value_bytes;
    int64_t ms = 0;
    if (!read_number(pair->value, whole_bytes, max_ms / 1000, &ms) &&
        !(point != NULL && whole_bytes == 0))
        return false;
    ms *= 1000;
    int64_t scale = 100;
    bool round_up = false;
    size_t decimals = 0;
    for (size_t i = whole_bytes + 1; i < pair->value_bytes; i++, decimals++) {
        int digit = pair->value[i] - '0';
        if (digit < 0 || digit > 9)
            return false;
        ms += digit * scale;
        round_up |= scale == 0 && digit > 0;
        scale /= 10;
    }
    ms += round_up;
    *result = ms;
    return ms <= max_ms && (point == NULL || decimals > 0);
}

/* ---- the CREW_ parameters: each function returns false for an invalid value ---- */

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

/* Channels are checked once all parameters are known: which of the two applies, and
 * whether patterns are allowed. Values are followed by a NUL. */
static bool read_publish(struct params *p, const struct crew_pair *pair) {
    p->publish_channel = pair->value;
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
    bool sse = value_is(pair, "sse");
    p->subscribe.mode = sse ? SUBSCRIBE_SSE : SUBSCRIBE_LONG_POLL;
    return sse || value_is(pair, "poll");
}

static bool read_timeout(struct params *p, const struct crew_pair *pair) {
    int64_t ms = 0;
    if (!read_seconds(pair, LIMIT_SUBSCRIBE_TIMEOUT_MS, &ms))
        return false;
    p->subscribe.timeout_ms = (uint32_t)ms;
    return true;
}

static bool reject_value(struct params *p, const struct crew_pair *pair) {
    (void)p;
    (void)pair;
    return false;
}

static const struct row {
    const char *name; /* without CREW_ */
    bool (*read)(struct params *p, const struct crew_pair *pair);
    const char *complaint;
} rows[] = {
    {.name = "TASK", .read = read_task, .complaint = "CREW_TASK is not a task name"},
    {.name = "EXPIRATION",
     .read = read_expiration,
     .complaint = "CREW_EXPIRATION is not between 0.001 and 1500"},
    {.name = "PRIORITY",
     .read = read_priority,
     .complaint = "CREW_PRIORITY is not between 0 and 255"},
    {.name = "PERSISTENT",
     .read = read_persistent,
     .complaint = "CREW_PERSISTENT is neither 0 nor 1"},
    {.name = "REPEAT",
     .read = read_repeat,
     .complaint = "CREW_REPEAT is none of safe, always, never"},
    {.name = "NO_WORKERS",
     .read = read_no_workers,
     .complaint = "CREW_NO_WORKERS is neither wait nor fail"},
    {.name = "PUBLISH", .read = read_publish},
    {.name = "SUBSCRIBE", .read = read_subscribe},
    {.name = "SUBSCRIBE_PATTERN",
     .read = read_pattern,
     .complaint = "CREW_SUBSCRIBE_PATTERN is neither 0 nor 1"},
    {.name = "SUBSCRIBE_MODE",
     .read = read_mode,
     .complaint = "CREW_SUBSCRIBE_MODE is neither poll nor sse"},
    {.name = "SUBSCRIBE_TIMEOUT",
     .read = read_timeout,
     .complaint = "CREW_SUBSCRIBE_TIMEOUT is not between 0 and 86400"},
    {.name = "STATUS",
     .read = reject_value,
     .complaint = "CREW_STATUS is not available in this version"},
};

/* Only the first complaint is kept. */
static void complain(struct params *p, const char *complaint, const char *advice) {
    if (p->complaint != NULL)
        return;
    p->complaint = complaint;
    p->advice = advice;
}

/* An empty value is that of an unset variable of the web server: as if the parameter were
 * not sent. */
static void read_crew(struct params *p, const struct crew_pair *pair) {
    const char *name = pair->name + 5;
    for (size_t i = 0; pair->value_bytes > 0 && i < sizeof rows / sizeof *rows; i++)
        if (text_is(name, pair->name_bytes - 5, rows[i].name) && !rows[i].read(p, pair))
            complain(p, rows[i].complaint, "");
}

/* ---- the CGI parameters ---- */

/* Those that are used once all are known; NULL: not sent. */
struct cgi_params {
    const struct crew_pair *method;
    const struct crew_pair *accept;
    struct cursor_sources cursor;
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

static bool contains_json(const struct crew_pair *pair) {
    static const char word[] = "json";
    for (size_t i = 1; i + sizeof word - 1 <= pair->value_bytes; i++) {
        char before = pair->value[i - 1];
        if ((before == '/' || before == '+') &&
            strncasecmp(pair->value + i, word, sizeof word - 1) == 0)
            return true;
    }
    return false;
}

static void resolve_method(struct params *p, const struct crew_pair *method) {
    if (method == NULL || method->value_bytes == 0)
        complain(
            p, "REQUEST_METHOD is missing",
            "; in nginx, a location with a fastcgi_param of its own inherits none from "
            "outside: it needs `include fastcgi_params;` again");
    else if (!http_field_name_valid(method->value, method->value_bytes))
        complain(p, "REQUEST_METHOD is not a method", NULL);
    p->style.head = method != NULL && value_is(method, "HEAD");
    if (p->repeat_by_method)
        p->call.repeat = method != NULL
                             ? retry_repeat_of_method(method->value, method->value_bytes)
                             : CREW_REPEAT_NEVER;
}

static bool method_is(const struct cgi_params *cgi, const char *const *names) {
    for (; cgi->method != NULL && *names != NULL; names++)
        if (value_is(cgi->method, *names))
            return true;
    return false;
}

static bool accepts(const struct cgi_params *cgi, const char *type) {
    return cgi->accept != NULL &&
           accept_header_names(cgi->accept->value, cgi->accept->value_bytes, type);
}

/* Channels and cursors may come from the client: nothing is logged. */
static void resolve_publish(struct params *p) {
    p->purpose = PURPOSE_PUBLISH;
    if (!channel_name_valid(p->publish_channel, strlen(p->publish_channel)))
        complain(p, "CREW_PUBLISH is not the name of a channel", NULL);
}

static void resolve_subscribe(struct params *p, const struct cgi_params *cgi) {
    struct subscribe_params *subscribe = &p->subscribe;
    p->purpose = PURPOSE_SUBSCRIBE;
    if (subscribe->mode == SUBSCRIBE_BY_ACCEPT)
        subscribe->mode =
            accepts(cgi, "text/event-stream") ? SUBSCRIBE_SSE : SUBSCRIBE_LONG_POLL;
    subscribe->list = accepts(cgi, "application/json");
    if (!subscribe->pattern &&
        !channel_name_valid(subscribe->channel, strlen(subscribe->channel)))
        complain(p, "CREW_SUBSCRIBE is not the name of a channel", NULL);
    enum cursor_result result = cursor_find(&cgi->cursor, &subscribe->cursor);
    subscribe->since = result == CURSOR_GIVEN;
    if (result == CURSOR_BAD)
        complain(p, "The cursor is not a number", NULL);
}

/* The purpose follows from the location and, if it has both channels, from the method. */
static void resolve_purpose(struct params *p, const struct cgi_params *cgi) {
    static const char *const publish[] = {"POST", "PUT", NULL};
    static const char *const subscribe[] = {"GET", "HEAD", "POST", NULL};
    bool may_publish = p->publish_channel != NULL && method_is(cgi, publish);
    bool may_subscribe = p->subscribe.channel != NULL && method_is(cgi, subscribe);
    if (p->publish_channel == NULL && p->subscribe.channel == NULL)
        return;
    if (p->task[0] != '\0')
        complain(p, "CREW_TASK excludes CREW_PUBLISH and CREW_SUBSCRIBE", "");
    if (may_publish || p->subscribe.channel == NULL)
        resolve_publish(p);
    else
        resolve_subscribe(p, cgi);
    if (!may_publish && !may_subscribe)
        p->style.allow = p->subscribe.channel == NULL ? "POST, PUT"
                         : p->publish_channel == NULL ? "GET, HEAD, POST"
                                                      : "GET, HEAD, POST, PUT";
}

/* Caddy sends -1 for a chunked body: as if it were not sent. */
static bool is_unknown_length(const struct crew_pair *pair) {
    return text_is(pair->name, pair->name_bytes, "CONTENT_LENGTH") &&
           value_is(pair, "-1");
}

/* Whether the handler sees the parameter. HTTP_PROXY comes from a client's header field
 * Proxy, and libraries would take it for a setting (httpoxy). */
static bool is_visible(const struct crew_pair *pair) {
    return !text_is(pair->name, pair->name_bytes, "HTTP_PROXY") &&
           !is_unknown_length(pair);
}

static void read_cgi(struct params *p, const struct crew_pair *pair,
                     struct cgi_params *cgi) {
    if (text_is(pair->name, pair->name_bytes, "REQUEST_METHOD"))
        cgi->method = pair;
    else if (text_is(pair->name, pair->name_bytes, "CONTENT_LENGTH"))
        read_content_length(p, pair);
    else if (text_is(pair->name, pair->name_bytes, "QUERY_STRING"))
        cgi->cursor.query = pair;
    else if (text_is(pair->name, pair->name_bytes, "HTTP_CREW_CURSOR"))
        cgi->cursor.field = pair;
    else if (text_is(pair->name, pair->name_bytes, "HTTP_LAST_EVENT_ID"))
        cgi->cursor.last_event_id = pair;
    else if (text_is(pair->name, pair->name_bytes, "HTTP_ACCEPT")) {
        p->style.json |= contains_json(pair);
        cgi->accept = pair;
    }
}

void params_read(struct params *p, const struct params_defaults *defaults,
                 struct crew_pair *pairs, size_t count) {
    *p = (struct params){.content_length = -1,
                         .repeat_by_method = true,
                         .call = {.form = CREW_HTTP,
                                  .task = defaults->task,
                                  .expiration_ms = defaults->expiration_ms},
                         .subscribe = {.timeout_ms = DEFAULT_POLL_MS}};
    struct cgi_params cgi = {.method = NULL};
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (pairs[i].name_bytes >= 5 && memcmp(pairs[i].name, "CREW_", 5) == 0) {
            read_crew(p, &pairs[i]);
        } else if (is_visible(&pairs[i])) {
            pairs[kept] = pairs[i];
            read_cgi(p, &pairs[kept], &cgi);
            kept++;
        }
    }
    resolve_method(p, cgi.method);
    resolve_purpose(p, &cgi);
    p->call.pairs = pairs;
    p->call.pair_count = kept;
}
