/* What comes to a worker: tasks from its queues, notices to its own queue.
 *
 * Everything is checked before anything runs. A message that cannot be read is rejected,
 * so that the broker dead-letters it to its caller; nothing of it runs. What is left of
 * the caller's time is the least of: the absolute deadline by our clock, the budget that
 * was sent along, the message's expiration; so a task never gets more than its budget
 * after delivery, however wrong a clock is.
 */
#include "worker/worker_internal.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SKEW_WORTH_A_WORD_MS 1000
#define PING_STATUS 204

static bool text_equal(const char *text, const char *word) {
    return text != NULL && strcmp(text, word) == 0;
}

static void reject(crew_worker *w, struct message *m, const char *why) {
    worker_warn(w, "rejected a message of %s: %s", m->consumer, why);
    broker_session_reject(&w->session, m);
    message_free(m);
}

/* ---- notices ---- */

static void cancel(crew_worker *w, crew_task *task, const struct wire_item *item) {
    if (task != NULL && task->state != TASK_PUT_BACK)
        task_cancel(task);
    else
        cancelled_remember(w, item);
}

static void take_notice(crew_worker *w, const struct wire_item *item) {
    crew_task *task = NULL;
    HASH_FIND(hh, w->tasks, item->id.data, item->id.len, task);
    if (item->kind == WIRE_CANCEL)
        cancel(w, task, item);
    else if (item->kind == WIRE_CREDIT && task != NULL && task->stream != NULL)
        stream_credit(task, item->credit_bytes);
}

static void receive_notice(crew_worker *w, const struct message *m) {
    struct wire_reader reader;
    struct wire_item item;
    int more = -1;
    if (!m->unreadable && wire_read(&reader, m->body.data, m->body.len) == 0)
        more = 1;
    while (more > 0 && (more = wire_next(&reader, &item)) > 0)
        take_notice(w, &item);
    if (more < 0)
        worker_warn(w, "a malformed notice came");
}

/* ---- how much time is left ---- */

static void least(uint64_t *left_ms, uint64_t ms) {
    if (ms < *left_ms)
        *left_ms = ms;
}

static uint64_t left_by_clock(crew_worker *w, uint64_t deadline_unix_ms,
                              uint32_t budget_ms) {
    int64_t left_ms = (int64_t)(deadline_unix_ms - clock_unix_ms());
    if (budget_ms != 0 && left_ms > (int64_t)budget_ms + SKEW_WORTH_A_WORD_MS)
        worker_warn(w, "a caller's clock is ahead of ours by %lld ms or more",
                    (long long)(left_ms - (int64_t)budget_ms));
    if (left_ms < -SKEW_WORTH_A_WORD_MS)
        worker_warn(w,
                    "a task came %lld ms after its deadline: it waited, or its caller's "
                    "clock is behind ours",
                    (long long)-left_ms);
    return left_ms > 0 ? (uint64_t)left_ms : 0;
}

static uint64_t deadline_of(crew_worker *w, const struct message *m,
                            uint64_t deadline_unix_ms, uint32_t budget_ms) {
    uint64_t left_ms = LIMIT_EXPIRATION_MS;
    if (m->p.has_expiration)
        least(&left_ms, m->p.expiration_ms);
    if (budget_ms != 0)
        least(&left_ms, budget_ms);
    if (deadline_unix_ms != 0)
        least(&left_ms, left_by_clock(w, deadline_unix_ms, budget_ms));
    return clock_ms() + left_ms;
}

/* ---- a task begins its life ---- */

static bool sent_before(const struct message *m) {
    return m->redelivered || message_header(m, NAME_REPEATED) != NULL;
}

/* The same task in hand, or answered not long ago. One that we have put back, of which
 * the broker's confirm is still to come, may be M itself: that is to be run. */
static crew_task *find_known(crew_worker *w, const struct message *m, const char *key) {
    crew_task *known = NULL;
    if (sent_before(m))
        HASH_FIND_STR(w->tasks, key, known);
    if (known != NULL && known->state == TASK_PUT_BACK && !m->redelivered)
        return NULL;
    return known;
}

/* TASK is complete; decide what becomes of it. Frees it where it is a known one. */
static void admit(crew_worker *w, crew_task *task, const char *key) {
    struct delivery *d = task->source;
    crew_task *known = find_known(w, d->message, key);
    if (known != NULL) {
        task_redelivered(known, d, task->reply_to);
        task->settle = NULL;
        task_free(task);
        return;
    }
    task_add(task, key);
    if (cancelled_has(w, task->id, strlen(task->id)))
        task_refuse(task, 0);
    else if (sent_before(d->message) && !task->may_repeat)
        task_refuse(task, CREW_ELOST);
    else if (task->deadline_ms <= clock_ms())
        task_refuse(task, CREW_EEXPIRED);
    else if (task->item.kind == WIRE_PING)
        task_respond(task, &(struct crew_answer){.status = PING_STATUS});
    else
        task_offer(task);
}

static crew_task *task_from(crew_worker *w, struct delivery *d) {
    crew_task *task = task_new(w, d);
    task->name = d->message->consumer + sizeof NAME_TASK_QUEUE_PREFIX - 1;
    task->reply_to = xstrdup(d->message->p.reply_to);
    return task;
}

static void admit_item(crew_worker *w, struct delivery *d, const struct wire_item *item) {
    crew_task *task = task_from(w, d);
    task->form = item->kind == WIRE_PING ? CREW_PING : CREW_HTTP;
    task->understands_notices = true;
    task->item = *item;
    task->id = xcalloc(1, item->id.len + 1);
    memcpy(task->id, item->id.data, item->id.len);
    task->deadline_ms =
        deadline_of(w, d->message, item->deadline_unix_ms, item->budget_ms);
    task->may_repeat = item->may_repeat || item->kind == WIRE_PING;
    admit(w, task, task->id);
}

/* ---- plain calls ---- */

static int64_t number_header(const struct message *m, const char *name) {
    const struct message_header *h = message_header(m, name);
    return h != NULL && h->text == NULL && h->number > 0 ? h->number : 0;
}

static void plain_pairs(struct buffer *to, const struct message *m) {
    for (size_t i = 0; i < m->p.header_count; i++) {
        const struct message_header *h = &m->p.headers[i];
        if (h->text != NULL && strncmp(h->name, "x-", 2) != 0 &&
            strncmp(h->name, "crew-", 5) != 0)
            wire_put_pair(to, h->name, strlen(h->name), h->text, strlen(h->text));
    }
}

static void admit_plain(crew_worker *w, struct delivery *d) {
    const struct message *m = d->message;
    crew_task *task = task_from(w, d);
    task->form = CREW_PLAIN;
    task->understands_notices = number_header(m, NAME_VERSION) != 0;
    task->id = xstrdup(m->p.correlation_id == NULL ? "" : m->p.correlation_id);
    task->item.body = (struct wire_bytes){m->body.data, m->body.len};
    plain_pairs(&task->pairs, m);
    task->item.pairs = (struct wire_bytes){task->pairs.data, task->pairs.len};
    task->deadline_ms = deadline_of(w, m, (uint64_t)number_header(m, NAME_DEADLINE), 0);
    task->may_repeat = number_header(m, NAME_REPEAT) != 0;
    /* Foreign callers number their calls 1, 2, 3: only their reply queue makes it unique.
     */
    char key[600];
    if (task->understands_notices)
        snprintf(key, sizeof key, "%s", task->id);
    else
        snprintf(key, sizeof key, "%s/%s", task->reply_to == NULL ? "" : task->reply_to,
                 task->id);
    admit(w, task, key);
}

/* ---- deliveries ---- */

static bool id_is_sound(const struct wire_item *item) {
    return item->id.len <= LIMIT_ITEM_ID_BYTES &&
           memchr(item->id.data, '\0', item->id.len) == NULL;
}

static bool is_for_us(const struct wire_item *item) {
    return item->kind == WIRE_REQUEST || item->kind == WIRE_PING;
}

static size_t count_requests(const struct message *m, bool *sound) {
    struct wire_reader reader;
    struct wire_item item;
    size_t count = 0;
    int more = wire_read(&reader, m->body.data, m->body.len) == 0 ? 1 : -1;
    while (more > 0 && (more = wire_next(&reader, &item)) > 0) {
        count += is_for_us(&item);
        if (!id_is_sound(&item))
            more = -1;
    }
    *sound = more == 0;
    return count;
}

static void admit_envelope(crew_worker *w, struct delivery *d) {
    struct wire_reader reader;
    struct wire_item item;
    /* It was checked before; tasks may be answered and gone while we walk on. */
    if (wire_read(&reader, d->message->body.data, d->message->body.len) != 0)
        return;
    while (wire_next(&reader, &item) > 0)
        if (is_for_us(&item))
            admit_item(w, d, &item);
}

static void receive_inflated(crew_worker *w, struct message *m) {
    bool envelope = text_equal(m->p.content_type, WIRE_CONTENT_TYPE);
    bool sound = true;
    size_t count = envelope ? count_requests(m, &sound) : 1;
    if (!sound || count == 0) {
        reject(w, m, "not a sound envelope of requests");
        return;
    }
    struct delivery *d = xcalloc(1, sizeof *d);
    d->message = m;
    d->refs = 1; /* ours, while we walk through it */
    d->unsettled = count;
    if (envelope)
        admit_envelope(w, d);
    else
        admit_plain(w, d);
    delivery_release(d);
}

struct inflating {
    crew_worker *worker;
    struct message *message;
};

static void inflated(void *arg, int result, struct buffer *body) {
    struct inflating *i = arg;
    crew_worker *w = i->worker;
    w->inflating--;
    if (result == 0) {
        i->message->body = *body;
        buffer_init(body);
        receive_inflated(w, i->message);
    } else if (result == CREW_ECLOSED) {
        message_free(i->message);
    } else {
        reject(w, i->message, crew_strerror(result));
    }
    free(i);
}

static void inflate(crew_worker *w, struct message *m) {
    struct inflating *i = xcalloc(1, sizeof *i);
    i->worker = w;
    i->message = m;
    w->inflating++;
    compress_job_inflate(&w->session, &m->body, w->max_request_bytes, inflated, i);
}

void worker_receive(crew_worker *w, struct message *m) {
    const char *encoding = m->p.content_encoding;
    if (text_equal(m->consumer, w->notice_queue == NULL ? "" : w->notice_queue)) {
        receive_notice(w, m);
        message_free(m);
    } else if (strncmp(m->consumer, NAME_TASK_QUEUE_PREFIX,
                       sizeof NAME_TASK_QUEUE_PREFIX - 1) != 0) {
        message_free(m); /* a notice queue of an earlier connection */
    } else if (m->unreadable) {
        reject(w, m, "its properties cannot be read");
    } else if (encoding != NULL && strcasecmp(encoding, "gzip") == 0) {
        inflate(w, m);
    } else if (message_is_unencoded(m)) {
        receive_inflated(w, m);
    } else {
        reject(w, m, "its content encoding is neither gzip nor identity");
    }
}
