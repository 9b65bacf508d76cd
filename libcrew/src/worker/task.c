#include "worker/task.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include "session/compress_job.h"
#include "wire/broker_names.h"
#include "wire/limits.h"
#include "wire/retry_policy.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define STARTED_NOTICE_AFTER_MS 100u
#define RETRY_AFTER_DEADLINE_MS 1000u /* an answer is sent again until then */
#define PING_STATUS 204

/* Each state says what ends it. */
enum task_state {
    TASK_WAITING,    /* with the owner, not started: begin, requeue or a cancel */
    TASK_CANCELLED,  /* with the owner, which will not be allowed to begin: begin, done */
    TASK_RUNNING,    /* a handler runs it: the answer */
    TASK_ANSWERED,   /* answered, but the owner is not done (a handler is being killed) */
    TASK_SETTLING,   /* the owner is done: its answer is safe */
    TASK_REQUEUEING, /* published to its queue again: the publish status */
    TASK_CACHED      /* settled; its answer is cached: its deadline, a redelivery */
};

enum reply_state {
    REPLY_NONE,        /* not answered yet */
    REPLY_COMPRESSING, /* on the background thread */
    REPLY_SENDING,     /* with reply_batch: until its publish status is known */
    REPLY_SAFE         /* the broker has it, or there is no caller to answer */
};

struct crew_task {
    struct task_dedup_entry dedup_entry; /* first: turned back into its task */
    struct reply_batch_entry reply_entry;
    struct broker_session_timer started_timer; /* RUNNING: sends the started notice */
    struct tasks *all;
    enum task_state state;
    enum reply_state reply_state;
    bool must_send_again; /* SENDING: to another queue than it was sent to */
    bool was_cancelled;   /* while RUNNING */
    bool understands_notices;
    bool may_repeat;
    enum crew_form form;

    struct delivery *source;  /* that name, item and pairs point into; null: CACHED */
    struct delivery *unacked; /* to be settled; null: it was */
    const char *name;         /* of the task */
    char *id;                 /* "" if a plain call has none */
    char *key;                /* of the dedup entry; null: the id is */
    char *reply_to;           /* null: there is no caller to answer */
    struct wire_item item;
    struct buffer pairs;
    uint64_t deadline_ms;

    struct message *reply; /* COMPRESSING (its body is with the job), SAFE; may be null */
    struct compress_job *compress_job;
    struct stream_sender *stream; /* once its head was sent; else null */
};

static crew_task *task_of_entry(struct task_dedup_entry *entry) {
    return (crew_task *)entry;
}

static crew_task *task_of_reply(struct reply_batch_entry *entry) {
    return (void *)((char *)entry - offsetof(struct crew_task, reply_entry));
}

static crew_task *task_of_timer(struct broker_session_timer *timer) {
    return (void *)((char *)timer - offsetof(struct crew_task, started_timer));
}

static struct reply_address address_of(const crew_task *task) {
    const struct message *m =
        task->source != NULL ? delivery_message(task->source) : NULL;
    return (struct reply_address){.form = task->form,
                                  .reply_to = task->reply_to,
                                  .id = task->id,
                                  .correlation_id =
                                      m != NULL ? m->p.correlation_id : NULL,
                                  .worker = task->all->worker};
}

/* ---- new and free ---- */

static void on_reply_published(struct reply_batch_entry *entry, struct message *m,
                               enum publish_status status);
static void send_started_notice(struct broker_session_timer *timer);

static crew_task *task_new(struct tasks *t, const struct task_source *from) {
    const struct message *m = delivery_message(from->delivery);
    crew_task *task = xcalloc(1, sizeof *task);
    task->all = t;
    task->reply_entry.published = on_reply_published;
    task->started_timer.fire = send_started_notice;
    task->form = from->form;
    task->understands_notices = from->understands_notices;
    task->may_repeat = from->may_repeat;
    task->source = from->delivery;
    task->unacked = from->delivery;
    task->name = m->consumer + sizeof NAME_TASK_QUEUE_PREFIX - 1;
    task->id = xmemdupz(from->id.data, from->id.len);
    task->key = xstrdup(from->key);
    task->reply_to = xstrdup(m->p.reply_to);
    task->item = from->item;
    task->pairs = from->pairs;
    task->deadline_ms = from->deadline_ms;
    delivery_retain(from->delivery);
    delivery_retain(from->delivery);
    task_dedup_add(&t->dedup, &task->dedup_entry,
                   task->key != NULL ? task->key : task->id);
    return task;
}

static void task_free(crew_task *task) {
    struct tasks *t = task->all;
    task_dedup_remove(&t->dedup, &task->dedup_entry);
    reply_batch_abandon(&t->replies, &task->reply_entry);
    stream_sender_free(task->stream);
    broker_session_timer_clear(t->session, &task->started_timer);
    if (task->compress_job != NULL)
        compress_job_cancel(task->compress_job);
    if (task->unacked != NULL)
        delivery_release(task->unacked);
    if (task->source != NULL)
        delivery_release(task->source);
    message_free(task->reply);
    buffer_fini(&task->pairs);
    free(task->id);
    free(task->key);
    free(task->reply_to);
    free(task);
}

/* ---- settled and cached ---- */

static bool delivery_is_ours(const crew_task *task) {
    return task->unacked != NULL && delivery_is_current(task->unacked);
}

static void settle(crew_task *task) {
    if (task->unacked != NULL)
        delivery_settle(task->unacked);
    task->unacked = NULL;
}

static void schedule_expiry(struct tasks *t) {
    uint64_t next_ms = task_dedup_next_expiry_ms(&t->dedup);
    if (next_ms != 0)
        broker_session_timer_set_earlier(t->session, &t->dedup_expiry, next_ms);
}

static void drop_expired(struct tasks *t) {
    uint64_t now_ms = clock_ms();
    struct task_dedup_entry *entry;
    while ((entry = task_dedup_take_expired(&t->dedup, now_ms)) != NULL)
        task_free(task_of_entry(entry));
    task_dedup_forget_cancelled(&t->dedup, now_ms);
    schedule_expiry(t);
}

static void expiry_is_due(struct broker_session_timer *timer) {
    drop_expired((void *)((char *)timer - offsetof(struct tasks, dedup_expiry)));
}

static bool cache_answer(crew_task *task) {
    return task->reply != NULL &&
           task_dedup_cache(&task->all->dedup, &task->dedup_entry, task->reply->body.len,
                            task->deadline_ms, clock_ms());
}

/* Called when the answer has become safe, and when the owner is done. */
static void settle_if_over(crew_task *task) {
    struct tasks *t = task->all;
    if (task->state != TASK_SETTLING || task->reply_state != REPLY_SAFE)
        return;
    settle(task);
    if (!cache_answer(task)) {
        task_free(task);
        return;
    }
    task->state = TASK_CACHED;
    if (task->source != NULL)
        delivery_release(task->source);
    task->source = NULL;
    drop_expired(t);
}

/* ---- the reply ---- */

static void send_reply(crew_task *task, struct message *reply) {
    task->reply = NULL;
    task->reply_state = REPLY_SENDING;
    reply_batch_add(&task->all->replies, &task->reply_entry, reply,
                    task->form != CREW_PLAIN);
}

static void on_compressed(void *arg, int result, struct buffer *body) {
    crew_task *task = arg;
    task->compress_job = NULL;
    if (result == CREW_ECLOSED)
        return;
    if (result == 0) {
        task->reply = reply_gzipped(task->reply, body);
    } else {
        task->reply->body = *body;
        buffer_init(body);
    }
    send_reply(task, task->reply);
}

static void compress_reply(crew_task *task, struct message *reply) {
    task->reply = reply;
    task->reply_state = REPLY_COMPRESSING;
    task->compress_job =
        compress_job_deflate(task->all->session, &reply->body, on_compressed, task);
}

/* A stream that is not read any more needs no end. */
static void end_stream(crew_task *task, const struct crew_answer *answer) {
    struct reply_address to = address_of(task);
    struct message *end = stream_sender_end(task->stream, &to, answer);
    if (end != NULL)
        send_reply(task, end);
    else
        task->reply_state = REPLY_SAFE;
}

static void send_answer(crew_task *task, const struct crew_answer *answer) {
    size_t gzip_above_bytes = task->all->gzip_above_bytes;
    struct reply_address to = address_of(task);
    if (task->reply_to == NULL) {
        task->reply_state = REPLY_SAFE;
    } else if (task->stream != NULL) {
        end_stream(task, answer);
    } else {
        struct message *reply = reply_from_answer(&to, answer);
        if (gzip_above_bytes != 0 && reply->body.len > gzip_above_bytes)
            compress_reply(task, reply);
        else
            send_reply(task, reply);
    }
}

/* An answer whose message was lost is sent again over the next connection. Returned: the
 * caller is disconnected. Nacked: it would be refused again. */
static bool is_safe(const crew_task *task, enum publish_status status) {
    return status == PUBLISH_CONFIRMED || status == PUBLISH_RETURNED ||
           status == PUBLISH_NACKED || task->reply_to == NULL ||
           task->deadline_ms + RETRY_AFTER_DEADLINE_MS < clock_ms();
}

static void reply_published(crew_task *task, struct message *m,
                            enum publish_status status) {
    if (task->must_send_again || !is_safe(task, status)) {
        task->must_send_again = false;
        send_reply(task, reply_readdress(m, task->reply_to));
        return;
    }
    task->reply = m;
    task->reply_state = REPLY_SAFE;
    settle_if_over(task);
}

static void send_again_to(crew_task *task, const char *reply_to) {
    struct message *queued;
    switch (task->reply_state) {
    case REPLY_NONE:
        break;
    case REPLY_COMPRESSING:
        task->reply = reply_readdress(task->reply, reply_to);
        break;
    case REPLY_SENDING:
        queued = reply_batch_withdraw(&task->all->replies, &task->reply_entry);
        if (queued != NULL)
            send_reply(task, reply_readdress(queued, reply_to));
        else
            task->must_send_again = true;
        break;
    case REPLY_SAFE:
        if (task->reply != NULL)
            send_reply(task, reply_readdress(task->reply, reply_to));
        else
            settle_if_over(task);
        break;
    }
}

/* The caller has sent its request again. It may listen at another queue now, or it has
 * missed the answer. */
static void readdress(crew_task *task, const char *reply_to) {
    free(task->reply_to);
    task->reply_to = xstrdup(reply_to);
    task->must_send_again = false;
    if (reply_to != NULL)
        send_again_to(task, reply_to);
    else
        settle_if_over(task);
}

/* ---- answered without the owner ---- */

static void respond(crew_task *task, const struct crew_answer *answer) {
    task->state = TASK_SETTLING;
    send_answer(task, answer);
    settle_if_over(task);
}

static void fail(crew_task *task, int error) {
    respond(task, &(struct crew_answer){.error = error});
}

/* There is no caller that waits for an answer. */
static void drop(crew_task *task) {
    task->state = TASK_SETTLING;
    task->reply_state = REPLY_SAFE;
    settle_if_over(task);
}

/* ---- received ---- */

static void offer(crew_task *task) {
    task->state = TASK_WAITING;
    task->all->callbacks.on_task(task->all->callbacks.arg, task);
}

/* The same task came with another delivery: the broker has requeued it because a
 * connection was lost, or its caller has sent it again. It goes on; the new delivery is
 * acked in place of the old one, and the answer goes to where the caller listens now. */
static void redelivered(crew_task *task, struct delivery *d) {
    const char *reply_to = delivery_message(d)->p.reply_to;
    settle(task);
    delivery_retain(d);
    task->unacked = d;
    if (task->state == TASK_REQUEUEING)
        return;
    if (task->state == TASK_CACHED) {
        task_dedup_uncache(&task->all->dedup, &task->dedup_entry);
        task->state = TASK_SETTLING;
    }
    if (task->stream != NULL)
        stream_sender_repeated(task->stream, reply_to);
    readdress(task, reply_to);
}

static enum retry_progress progress_of(const struct message *m) {
    return retry_progress_of_delivery(m->redelivered,
                                      message_header(m, NAME_REPEATED) != NULL);
}

static struct wire_bytes key_of(const struct task_source *source) {
    return source->key != NULL ? wire_text(source->key) : source->id;
}

/* The same task in hand, or with a cached answer. A message that we have requeued comes
 * to us as a new one; it may come before its confirm, and it has to be run. */
static crew_task *find_duplicate(const struct tasks *t,
                                 const struct task_source *source) {
    const struct message *m = delivery_message(source->delivery);
    struct wire_bytes key = key_of(source);
    if (progress_of(m) == RETRY_NOT_STARTED)
        return NULL;
    struct task_dedup_entry *entry = task_dedup_find(&t->dedup, key.data, key.len);
    crew_task *task = entry != NULL ? task_of_entry(entry) : NULL;
    bool may_be_its_copy =
        task != NULL && task->state == TASK_REQUEUEING && !m->redelivered;
    return may_be_its_copy ? NULL : task;
}

static void admit(crew_task *task) {
    const struct message *m = delivery_message(task->source);
    int error = retry_after_loss(progress_of(m), task->may_repeat);
    if (task_dedup_is_cancelled(&task->all->dedup, task->id, strlen(task->id)))
        drop(task);
    else if (error != 0)
        fail(task, error);
    else if (task->deadline_ms <= clock_ms())
        fail(task, CREW_EEXPIRED);
    else if (task->form == CREW_PING)
        respond(task, &(struct crew_answer){.status = PING_STATUS});
    else
        offer(task);
}

void tasks_receive(struct tasks *t, const struct task_source *source) {
    crew_task *duplicate = find_duplicate(t, source);
    if (duplicate == NULL) {
        admit(task_new(t, source));
        return;
    }
    redelivered(duplicate, source->delivery);
    struct buffer pairs = source->pairs;
    buffer_fini(&pairs);
}

/* ---- notices ---- */

static crew_task *find_noticed(const struct tasks *t, const struct wire_item *notice) {
    struct task_dedup_entry *entry =
        task_dedup_find(&t->dedup, notice->id.data, notice->id.len);
    return entry != NULL ? task_of_entry(entry) : NULL;
}

static void cancel(crew_task *task) {
    if (task->state == TASK_WAITING)
        task->state = TASK_CANCELLED;
    else if (task->stream != NULL)
        stream_sender_cancel(task->stream);
    else
        task->was_cancelled = true; /* counts if crew_task_unbegin follows */
}

/* The id of a task that is not in hand is remembered; also if it is being requeued, since
 * it may come again. */
void tasks_cancel(struct tasks *t, const struct wire_item *notice) {
    crew_task *task = find_noticed(t, notice);
    if (task != NULL && task->state != TASK_REQUEUEING) {
        cancel(task);
        return;
    }
    uint32_t left_ms = notice->budget_ms;
    if (left_ms == 0 || left_ms > LIMIT_EXPIRATION_MS)
        left_ms = LIMIT_EXPIRATION_MS;
    task_dedup_remember_cancelled(&t->dedup, notice->id.data, notice->id.len,
                                  clock_ms() + left_ms);
    schedule_expiry(t);
}

void tasks_credit(struct tasks *t, const struct wire_item *notice) {
    crew_task *task = find_noticed(t, notice);
    uint32_t allowed_bytes;
    if (task == NULL || task->stream == NULL || task->state != TASK_RUNNING)
        return;
    if (stream_sender_credit(task->stream, notice->credit_bytes, &allowed_bytes) &&
        t->callbacks.on_credit != NULL)
        t->callbacks.on_credit(t->callbacks.arg, task, allowed_bytes);
}

/* ---- begun, answered, done ---- */

static void send_started_notice(struct broker_session_timer *timer) {
    const crew_task *task = task_of_timer(timer);
    struct reply_address to = address_of(task);
    if (task->reply_to != NULL)
        broker_session_publish(task->all->session, reply_started_notice(&to));
}

int crew_task_begin(crew_task *task) {
    if (task->state == TASK_CANCELLED || !delivery_is_ours(task)) {
        drop(task); /* not ours: the broker gives it to another worker */
        return CREW_ECANCELLED;
    }
    if (task->deadline_ms <= clock_ms()) {
        fail(task, CREW_EEXPIRED);
        return CREW_EEXPIRED;
    }
    task->state = TASK_RUNNING;
    if (task->understands_notices && task->reply_to != NULL)
        broker_session_timer_set(task->all->session, &task->started_timer,
                                 clock_ms() + STARTED_NOTICE_AFTER_MS);
    return 0;
}

void crew_task_unbegin(crew_task *task) {
    if (task->state != TASK_RUNNING)
        return;
    broker_session_timer_clear(task->all->session, &task->started_timer);
    task->state = task->was_cancelled ? TASK_CANCELLED : TASK_WAITING;
}

void crew_task_answer(crew_task *task, const struct crew_answer *answer) {
    if (task->state != TASK_RUNNING && task->state != TASK_WAITING)
        return;
    broker_session_timer_clear(task->all->session, &task->started_timer);
    task->state = TASK_ANSWERED;
    send_answer(task, answer);
}

void crew_task_done(crew_task *task) {
    if (task->state == TASK_CANCELLED) {
        drop(task);
        return;
    }
    crew_task_answer(task, &(struct crew_answer){.error = CREW_ELOST});
    task->state = TASK_SETTLING;
    settle_if_over(task);
}

/* ---- streamed answers ---- */

static void on_stream_stopped(void *arg) {
    crew_task *task = arg;
    const struct task_callbacks *callbacks = &task->all->callbacks;
    if (task->state == TASK_RUNNING && callbacks->on_unread != NULL)
        callbacks->on_unread(callbacks->arg, task);
}

int crew_task_head(crew_task *task, const struct crew_answer *answer) {
    if (task->form != CREW_HTTP || task->state != TASK_RUNNING || task->stream != NULL)
        return CREW_EINVAL;
    if (task->reply_to == NULL)
        return CREW_ECANCELLED;
    struct reply_address to = address_of(task);
    int error = stream_sender_new(&task->all->streams, &to, answer, on_stream_stopped,
                                  task, &task->stream);
    if (error == 0) /* the head tells the caller as much as the notice */
        broker_session_timer_clear(task->all->session, &task->started_timer);
    return error;
}

int crew_task_chunk(crew_task *task, const void *data, size_t bytes) {
    if (task->stream == NULL)
        return CREW_EINVAL;
    if (task->state != TASK_RUNNING)
        return CREW_ECANCELLED;
    return stream_sender_chunk(task->stream, data, bytes);
}

/* ---- requeued ---- */

/* The task in a message of its own, not compressed. */
static struct message *requeue_message(const crew_task *task) {
    const struct message *m = delivery_message(task->source);
    uint64_t now_ms = clock_ms();
    struct message_properties p = m->p;
    p.exchange = "";
    p.routing_key = m->consumer;
    if (task->form != CREW_PLAIN)
        p.correlation_id = task->id;
    p.content_encoding = NULL;
    p.mandatory = true;
    p.has_expiration = true;
    p.expiration_ms = task->deadline_ms > now_ms ? task->deadline_ms - now_ms : 1;
    struct message *copy = message_new(&p);
    if (task->form != CREW_PLAIN) {
        wire_begin(&copy->body);
        wire_put(&copy->body, &task->item);
    } else {
        buffer_append(&copy->body, m->body.data, m->body.len);
    }
    return copy;
}

void crew_task_requeue(crew_task *task) {
    if (!delivery_is_ours(task) || task->state != TASK_WAITING) {
        drop(task);
        return;
    }
    struct message *copy = requeue_message(task);
    if (copy->body.failed) {
        message_free(copy);
        return; /* not acked: the broker requeues it when the connection is closed */
    }
    task->state = TASK_REQUEUEING;
    reply_batch_send(&task->all->replies, &task->reply_entry, copy);
}

/* The broker has not taken the copy, or it is unknown whether it has. If its queue is no
 * longer served it stays unacked: the broker requeues it when the connection is
 * closed. */
static void requeue_failed(crew_task *task, enum publish_status status) {
    enum retry_progress progress =
        status == PUBLISH_UNKNOWN ? RETRY_MAY_HAVE_RUN : RETRY_NOT_STARTED;
    int error = retry_after_loss(progress, task->may_repeat);
    if (!delivery_is_ours(task) || !consumers_serves(task->all->consumers, task->name))
        task_free(task);
    else if (error != 0)
        fail(task, error);
    else
        offer(task);
}

/* A returned copy counts as requeued: its queue was deleted, and the caller is informed
 * by the broker. */
static void requeue_published(crew_task *task, struct message *m,
                              enum publish_status status) {
    message_free(m);
    if (status != PUBLISH_CONFIRMED && status != PUBLISH_RETURNED) {
        requeue_failed(task, status);
        return;
    }
    settle(task);
    task_free(task);
}

static void on_reply_published(struct reply_batch_entry *entry, struct message *m,
                               enum publish_status status) {
    crew_task *task = task_of_reply(entry);
    if (task->state == TASK_REQUEUEING)
        requeue_published(task, m, status);
    else
        reply_published(task, m, status);
}

/* ---- views ---- */

void crew_task_view(const crew_task *task, struct crew_task_view *view) {
    const struct message *m = delivery_message(task->source);
    *view = (struct crew_task_view){
        .form = task->form,
        .task = task->name,
        .id = task->id,
        .content_type = task->form == CREW_PLAIN ? m->p.content_type : NULL,
        .pairs = task->item.pairs.data,
        .pairs_bytes = task->item.pairs.len,
        .body = task->item.body.data,
        .body_bytes = task->item.body.len,
    };
}

uint32_t crew_task_left_ms(const crew_task *task) {
    uint64_t now_ms = clock_ms();
    return task->deadline_ms > now_ms ? (uint32_t)(task->deadline_ms - now_ms) : 0;
}

/* ---- all tasks ---- */

void tasks_init(struct tasks *t, struct broker_session *session,
                const struct consumers *consumers, const char *worker,
                size_t gzip_above_bytes, const struct task_callbacks *callbacks) {
    *t = (struct tasks){.session = session,
                        .consumers = consumers,
                        .worker = worker,
                        .gzip_above_bytes = gzip_above_bytes,
                        .callbacks = *callbacks,
                        .dedup_expiry.fire = expiry_is_due};
    task_dedup_init(&t->dedup, consumers_highest_prefetch(consumers));
    reply_batches_init(&t->replies, session);
    stream_senders_init(&t->streams, session, worker);
}

void tasks_fini(struct tasks *t) {
    struct task_dedup_entry *entry;
    while ((entry = task_dedup_first(&t->dedup)) != NULL)
        task_free(task_of_entry(entry));
    stream_senders_fini(&t->streams);
    reply_batches_fini(&t->replies);
    broker_session_timer_clear(t->session, &t->dedup_expiry);
    task_dedup_fini(&t->dedup);
}

/* Parts of streams before their ends. */
void tasks_flush(struct tasks *t) {
    stream_senders_flush(&t->streams);
    reply_batches_flush(&t->replies);
}

size_t tasks_count(const struct tasks *t) {
    return task_dedup_count_in_hand(&t->dedup);
}

void tasks_set_max_cached(struct tasks *t, unsigned prefetch) {
    task_dedup_set_max_cached(&t->dedup, prefetch);
}
