#include "worker/receive.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include "session/compress_job.h"
#include "wire/broker_names.h"
#include "wire/envelope.h"
#include "wire/limits.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_CLOCK_SKEW_MS 1000 /* more is reported */
#define WARNING_INTERVAL_MS 1000u

void receiver_init(struct receiver *r, struct broker_session *session,
                   const struct consumers *consumers, struct tasks *tasks,
                   size_t max_request_bytes) {
    *r = (struct receiver){.session = session,
                           .consumers = consumers,
                           .tasks = tasks,
                           .max_request_bytes = max_request_bytes};
}

size_t receive_count_pending(const struct receiver *r) {
    return r->inflating;
}

/* Peers can cause these warnings as often as they like. */
static void warn(struct receiver *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void warn(struct receiver *r, const char *format, ...) {
    uint64_t now_ms = clock_ms();
    if (now_ms - r->warned_ms < WARNING_INTERVAL_MS)
        return;
    r->warned_ms = now_ms;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    broker_session_report(r->session, CREW_EVENT_WARNING, "%s", text);
}

static bool text_equal(const char *text, const char *other) {
    return text != NULL && strcmp(text, other) == 0;
}

static void reject(struct receiver *r, struct message *m, const char *why) {
    warn(r, "rejected a message of %s: %s", m->consumer, why);
    broker_session_reject(r->session, m);
    message_free(m);
}

/* ---- notices ---- */

static void receive_notice(struct receiver *r, const struct message *m) {
    struct wire_reader reader;
    struct wire_item item;
    int more = -1;
    if (!m->unreadable && wire_read(&reader, m->body.data, m->body.len) == 0)
        more = 1;
    while (more > 0 && (more = wire_next(&reader, &item)) > 0)
        if (item.kind == WIRE_CANCEL)
            tasks_cancel(r->tasks, &item);
        else if (item.kind == WIRE_CREDIT)
            tasks_credit(r->tasks, &item);
    if (more < 0)
        warn(r, "received a malformed notice");
}

/* ---- how much time is left ---- */

static void limit_to(uint64_t *left_ms, uint64_t ms) {
    if (ms < *left_ms)
        *left_ms = ms;
}

static uint64_t left_by_clock(struct receiver *r, uint64_t deadline_unix_ms,
                              uint32_t budget_ms) {
    int64_t left_ms = (int64_t)(deadline_unix_ms - clock_unix_ms());
    if (budget_ms != 0 && left_ms > (int64_t)budget_ms + MAX_CLOCK_SKEW_MS)
        warn(r, "a caller's clock is ahead of ours by %lld ms or more",
             (long long)(left_ms - (int64_t)budget_ms));
    if (left_ms < -MAX_CLOCK_SKEW_MS)
        warn(
            r,
            "a task came %lld ms after its deadline: it waited, or its caller's clock is "
            "behind ours",
            (long long)-left_ms);
    return left_ms > 0 ? (uint64_t)left_ms : 0;
}

static uint64_t deadline_of(struct receiver *r, const struct message *m,
                            uint64_t deadline_unix_ms, uint32_t budget_ms) {
    uint64_t left_ms = LIMIT_EXPIRATION_MS;
    if (m->p.has_expiration)
        limit_to(&left_ms, m->p.expiration_ms);
    if (budget_ms != 0)
        limit_to(&left_ms, budget_ms);
    if (deadline_unix_ms != 0)
        limit_to(&left_ms, left_by_clock(r, deadline_unix_ms, budget_ms));
    return clock_ms() + left_ms;
}

/* ---- plain tasks ---- */

static int64_t number_header(const struct message *m, const char *name) {
    const struct message_header *h = message_header(m, name);
    return h != NULL && h->text == NULL && h->number > 0 ? h->number : 0;
}

static bool is_reserved(const char *name) {
    return strncmp(name, "x-", 2) == 0 || strncmp(name, "crew-", 5) == 0;
}

static void put_headers(struct buffer *pairs, const struct message *m) {
    for (size_t i = 0; i < m->p.header_count; i++) {
        const struct message_header *h = &m->p.headers[i];
        if (h->text != NULL && !is_reserved(h->name))
            wire_put_pair(pairs, h->name, strlen(h->name), h->text, strlen(h->text));
    }
}

static void receive_plain(struct receiver *r, struct delivery *d) {
    const struct message *m = delivery_message(d);
    const char *id = m->p.correlation_id != NULL ? m->p.correlation_id : "";
    const char *reply_to = m->p.reply_to != NULL ? m->p.reply_to : "";
    struct task_source source = {
        .delivery = d,
        .form = CREW_PLAIN,
        .id = wire_text(id),
        .understands_notices = number_header(m, NAME_VERSION) != 0,
        .deadline_ms = deadline_of(r, m, (uint64_t)number_header(m, NAME_DEADLINE), 0),
        .may_repeat = number_header(m, NAME_REPEAT) != 0,
        .item.body = {m->body.data, m->body.len},
    };
    put_headers(&source.pairs, m);
    source.item.pairs = (struct wire_bytes){source.pairs.data, source.pairs.len};
    /* Foreign callers may number their calls 1, 2, 3: the id is unique in their reply
     * queue only. */
    char key[600];
    snprintf(key, sizeof key, "%s/%s", reply_to, id);
    source.key = source.understands_notices ? NULL : key;
    tasks_receive(r->tasks, &source);
}

/* ---- envelopes ---- */

static bool is_valid_id(struct wire_bytes id) {
    return id.len <= LIMIT_ITEM_ID_BYTES && memchr(id.data, '\0', id.len) == NULL;
}

static bool is_task(const struct wire_item *item) {
    return item->kind == WIRE_REQUEST || item->kind == WIRE_PING;
}

/* 0: the envelope is malformed, or holds no task. */
static size_t count_tasks(const struct message *m) {
    struct wire_reader reader;
    struct wire_item item;
    size_t count = 0;
    int more = wire_read(&reader, m->body.data, m->body.len) == 0 ? 1 : -1;
    while (more > 0 && (more = wire_next(&reader, &item)) > 0) {
        count += is_task(&item);
        if (!is_valid_id(item.id))
            more = -1;
    }
    return more == 0 ? count : 0;
}

static void receive_item(struct receiver *r, struct delivery *d,
                         const struct wire_item *item) {
    bool is_ping = item->kind == WIRE_PING;
    const struct task_source source = {
        .delivery = d,
        .form = is_ping ? CREW_PING : CREW_HTTP,
        .id = item->id,
        .understands_notices = true,
        .deadline_ms =
            deadline_of(r, delivery_message(d), item->deadline_unix_ms, item->budget_ms),
        .may_repeat = item->may_repeat || is_ping,
        .item = *item,
    };
    tasks_receive(r->tasks, &source);
}

/* The envelope was checked by count_tasks. */
static void receive_items(struct receiver *r, struct delivery *d) {
    const struct message *m = delivery_message(d);
    struct wire_reader reader;
    struct wire_item item;
    if (wire_read(&reader, m->body.data, m->body.len) != 0)
        return;
    while (wire_next(&reader, &item) > 0)
        if (is_task(&item))
            receive_item(r, d, &item);
}

/* ---- messages ---- */

static void receive_tasks(struct receiver *r, struct message *m) {
    bool is_envelope = text_equal(m->p.content_type, WIRE_CONTENT_TYPE);
    size_t count = is_envelope ? count_tasks(m) : 1;
    if (count == 0) {
        reject(r, m, "not a valid envelope of requests");
        return;
    }
    struct delivery *d = delivery_new(r->session, m, count);
    if (is_envelope)
        receive_items(r, d);
    else
        receive_plain(r, d);
    delivery_release(d);
}

struct inflating {
    struct receiver *receiver;
    struct message *message;
};

static void on_inflated(void *arg, int result, struct buffer *body) {
    struct inflating *i = arg;
    struct receiver *r = i->receiver;
    struct message *m = i->message;
    free(i);
    r->inflating--;
    if (result == 0) {
        m->body = *body;
        buffer_init(body);
        receive_tasks(r, m);
    } else if (result == CREW_ECLOSED) {
        message_free(m);
    } else {
        reject(r, m, crew_strerror(result));
    }
}

static void inflate(struct receiver *r, struct message *m) {
    struct inflating *i = xcalloc(1, sizeof *i);
    i->receiver = r;
    i->message = m;
    r->inflating++;
    compress_job_inflate(r->session, &m->body, r->max_request_bytes, on_inflated, i);
}

static bool is_task_queue(const char *queue) {
    return strncmp(queue, NAME_TASK_QUEUE_PREFIX, sizeof NAME_TASK_QUEUE_PREFIX - 1) == 0;
}

void receive_message(struct receiver *r, struct message *m) {
    const char *encoding = m->p.content_encoding;
    if (consumers_is_notice_queue(r->consumers, m->consumer)) {
        receive_notice(r, m);
        message_free(m);
    } else if (!is_task_queue(m->consumer)) {
        message_free(m); /* from the notice queue of an earlier connection */
    } else if (m->unreadable) {
        reject(r, m, "its properties cannot be read");
    } else if (encoding != NULL && strcasecmp(encoding, "gzip") == 0) {
        inflate(r, m);
    } else if (message_is_unencoded(m)) {
        receive_tasks(r, m);
    } else {
        reject(r, m, "its content encoding is neither gzip nor identity");
    }
}
