/* The only file that writes a call's state. Whatever ends a call ends it through
 * call_finish: the answer, the dead letter, the returned message, its deadline, a lost
 * connection, the caller. */
#include "client/call.h"

#include "base/clock.h"
#include "base/digits.h"
#include "base/xalloc.h"
#include "client/stream_receiver.h"
#include "session/compress_job.h"
#include "wire/broker_names.h"
#include "wire/retry_policy.h"
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

/* How long after the deadline the caller gives up: a worker's answer or a dead letter
 * that was sent at the deadline has this time to arrive. */
#define CALL_GRACE_MS 500u

/* Every state but the last has a deadline that ends the call if nothing else does. */
enum call_state {
    CALL_COMPRESSING, /* its body is on the background thread; then PROBING or QUEUED */
    CALL_PROBING,     /* the number of consumers is asked for; then QUEUED or FAILING */
    CALL_QUEUED,      /* leaves with a flush */
    CALL_SENT,        /* with the link; the publish status decides */
    CALL_ACCEPTED,    /* the broker has it; the answer or a dead letter ends it */
    CALL_AWAITING_RETRY, /* was written, the connection was lost, may run again: waits for
                            the next connection */
    CALL_STREAMING, /* the head of its answer has come; the end of the stream, or what
                            does not follow on what came, ends it */
    CALL_FAILING,   /* ends with its pending error at the next flush */
    CALL_ENDED      /* its callback is being called; then it is freed */
};

struct crew_pending {
    struct queued_request request; /* first: a request is turned back into its call */
    struct calls *calls;
    enum call_state state;
    bool started;    /* a handler has it */
    bool reply_lost; /* SENT, and its reply queue was lost since: no answer can come */
    bool fail_without_workers;
    int pending_error; /* FAILING */

    UT_hash_handle hh;    /* calls->by_id */
    struct call_list *in; /* the list that it is in, or null */
    struct crew_pending *prev, *next;
    struct broker_session_timer timer; /* when the caller gives up */
    struct consumer_query query;       /* PROBING */
    struct compress_job *compress_job; /* COMPRESSING */
    struct stream_receiver *stream;    /* from its head on; else null */

    struct crew_receiver to; /* chunk and head null: pieces are collected */
    void *arg;
    enum callback_locking locking;
};

static struct crew_pending *call_of_request(struct queued_request *r) {
    return (struct crew_pending *)r;
}

static struct crew_pending *call_of_query(struct consumer_query *query) {
    return (void *)((char *)query - offsetof(struct crew_pending, query));
}

static struct crew_pending *call_of_timer(struct broker_session_timer *timer) {
    return (void *)((char *)timer - offsetof(struct crew_pending, timer));
}

static void move_to_list(struct crew_pending *call, struct call_list *to) {
    if (call->in != NULL) {
        DL_DELETE(call->in->head, call);
        call->in->count--;
    }
    call->in = to;
    if (to != NULL) {
        DL_APPEND(to->head, call);
        to->count++;
    }
}

/* It does not wait for anything any more: neither in a list nor for its message. */
static void stop_waiting(struct crew_pending *call) {
    move_to_list(call, NULL);
    if (queue_info_is_asking(&call->query))
        queue_info_cancel(&call->query);
    request_batch_withdraw(&call->calls->requests, &call->request);
}

struct crew_pending *call_find(struct calls *c, const void *id, size_t id_bytes) {
    struct crew_pending *call = NULL;
    HASH_FIND(hh, c->by_id, id, id_bytes, call);
    return call;
}

bool call_is_http(const struct crew_pending *call) {
    return call->request.encoded.form == CREW_HTTP;
}

bool call_is_streaming(const struct crew_pending *call) {
    return call->stream != NULL;
}

bool call_has_ended(const struct crew_pending *call) {
    return call->state == CALL_ENDED;
}

/* ---- the end ---- */

static void stream_free(struct stream_receiver *stream) {
    if (stream != NULL)
        stream_receiver_fini(stream);
    free(stream);
}

static void call_free(struct crew_pending *call) {
    request_batch_leave(&call->calls->requests, &call->request);
    stream_free(call->stream);
    if (call->compress_job != NULL)
        compress_job_cancel(call->compress_job);
    encode_fini(&call->request.encoded);
    free(call);
}

static void call_ended_callback(struct crew_pending *call,
                                const struct crew_answer *answer) {
    if (call->locking == CALLBACK_UNLOCKED)
        dispatch_lock_leave(call->calls->lock);
    call->to.ended(call->arg, answer);
    if (call->locking == CALLBACK_UNLOCKED)
        dispatch_lock_enter(call->calls->lock);
}

static void call_finish(struct crew_pending *call, const struct crew_answer *answer) {
    struct calls *c = call->calls;
    call->state = CALL_ENDED;
    stop_waiting(call);
    broker_session_timer_clear(c->session, &call->timer);
    HASH_DELETE(hh, c->by_id, call);
    if (call->to.ended != NULL)
        call_ended_callback(call, answer);
    call_free(call);
}

void call_fail(struct crew_pending *call, int error) {
    struct crew_answer answer = {.error = error, .status = crew_error_status(error)};
    call_finish(call, &answer);
}

static void send_notice(struct calls *c, const char *prefix, const char *name,
                        const struct wire_item *item) {
    broker_session_publish(c->session, encode_notice(prefix, name, item));
}

/* A call that waits may be with any worker of its task. */
static void publish_cancel(const struct crew_pending *call) {
    const struct encoded_call *encoded = &call->request.encoded;
    const struct wire_item item = {.kind = WIRE_CANCEL,
                                   .id = wire_text(encoded->id),
                                   .deadline_unix_ms = encoded->deadline_unix_ms,
                                   .budget_ms =
                                       (uint32_t)encode_left_ms(encoded, clock_ms())};
    if (call->stream != NULL)
        send_notice(call->calls, NAME_CONTROL_WORKER_PREFIX, call->stream->worker, &item);
    else
        send_notice(call->calls, NAME_CONTROL_TASK_PREFIX,
                    request_batch_queue_name(&call->request) +
                        sizeof NAME_TASK_QUEUE_PREFIX - 1,
                    &item);
}

/* Workers are to drop it, also one that has started: a worker can have requeued it, or be
 * disconnected. */
static void cancel_at_workers(const struct crew_pending *call) {
    bool sent = call->state == CALL_SENT || call->state == CALL_ACCEPTED ||
                call->state == CALL_STREAMING;
    if (sent && reply_queue_may_publish(call->calls->reply_queue))
        publish_cancel(call);
}

void call_cancel(struct crew_pending *call) {
    cancel_at_workers(call);
    call->to.ended = NULL;
    call_fail(call, CREW_ECANCELLED);
}

/* ---- losses and deadlines ---- */

static enum retry_progress progress_of(const struct crew_pending *call) {
    if (call->stream != NULL)
        return RETRY_ANSWER_BEGUN;
    return call->request.encoded.written ? RETRY_MAY_HAVE_RUN : RETRY_NEVER_SENT;
}

static int error_at_deadline(const struct crew_pending *call) {
    if (call->state == CALL_FAILING)
        return call->pending_error;
    if (call->started)
        return CREW_EDEADLINE;
    if (call->state == CALL_SENT || call->state == CALL_ACCEPTED)
        return CREW_EEXPIRED;
    return retry_error_without_connection(progress_of(call));
}

static void on_deadline(struct broker_session_timer *timer) {
    struct crew_pending *call = call_of_timer(timer);
    if (call->state == CALL_STREAMING)
        cancel_at_workers(call);
    call_fail(call, error_at_deadline(call));
}

/* It ends at the next flush, where callbacks may cancel any other call. */
static void fail_later(struct crew_pending *call, int error) {
    stop_waiting(call);
    call->state = CALL_FAILING;
    call->pending_error = error;
    move_to_list(call, &call->calls->failing);
    broker_session_wake(call->calls->session);
}

static void await_retry(struct crew_pending *call) {
    stop_waiting(call);
    call->started = false;
    call->state = CALL_AWAITING_RETRY;
    move_to_list(call, &call->calls->awaiting_retry);
    broker_session_wake(call->calls->session);
}

/* Neither its publish status nor its answer can come any more. */
static void retry_or_fail(struct crew_pending *call) {
    int error = retry_after_loss(progress_of(call), call->request.encoded.may_repeat);
    if (error == 0)
        await_retry(call);
    else
        fail_later(call, error);
}

/* No call ends here, but with the next flush. */
void calls_reply_queue_lost(struct calls *c) {
    struct crew_pending *call, *next;
    HASH_ITER (hh, c->by_id, call, next)
        if (call->state == CALL_SENT)
            call->reply_lost = true;
        else if (call->state == CALL_ACCEPTED || call->state == CALL_STREAMING)
            retry_or_fail(call);
}

/* ---- on the way out ---- */

static void enqueue(struct crew_pending *call) {
    move_to_list(call, NULL);
    call->state = CALL_QUEUED;
    request_batch_enqueue(&call->calls->requests, &call->request);
}

static void on_sent(struct queued_request *r) {
    struct crew_pending *call = call_of_request(r);
    call->state = CALL_SENT;
    call->reply_lost = false;
}

/* In a flush: it may end at once. */
static void on_not_connected(struct queued_request *r) {
    struct crew_pending *call = call_of_request(r);
    int error = retry_after_loss(progress_of(call), r->encoded.may_repeat);
    if (error == 0)
        await_retry(call);
    else
        call_fail(call, error);
}

static void on_published(struct queued_request *r, enum publish_status status) {
    struct crew_pending *call = call_of_request(r);
    if (call->state == CALL_STREAMING)
        return; /* a worker has it, whatever the status says */
    if (status != PUBLISH_UNSENT)
        r->encoded.written = true;
    switch (status) {
    case PUBLISH_CONFIRMED:
        call->state = CALL_ACCEPTED;
        if (call->reply_lost)
            retry_or_fail(call);
        break;
    case PUBLISH_RETURNED:
        fail_later(call, CREW_ENOWORKERS);
        break;
    case PUBLISH_NACKED:
        fail_later(call, CREW_EOVERLOADED);
        break;
    case PUBLISH_UNKNOWN:
    case PUBLISH_UNSENT:
        retry_or_fail(call);
        break;
    }
}

/* Callbacks may start calls of their own: those wait for the next flush. */
bool calls_flush(struct calls *c) {
    bool connected = reply_queue_may_publish(c->reply_queue);
    struct crew_pending *call, *next;
    size_t count = c->failing.count;
    while (count-- > 0 && (call = c->failing.head) != NULL)
        call_fail(call, call->pending_error);
    if (connected)
        DL_FOREACH_SAFE (c->awaiting_retry.head, call, next)
            enqueue(call);
    bool more = request_batches_flush(&c->requests, connected);
    return more || c->failing.head != NULL;
}

/* ---- the beginning ---- */

static void on_consumers(struct consumer_query *query, bool known, uint32_t count) {
    struct crew_pending *call = call_of_query(query);
    if (known && count == 0)
        fail_later(call, CREW_ENOWORKERS);
    else
        enqueue(call);
}

static void probe(struct crew_pending *call) {
    struct calls *c = call->calls;
    uint32_t count;
    call->state = CALL_PROBING;
    if (!reply_queue_ready(c->reply_queue))
        enqueue(call);
    else if (queue_info_count_consumers(c->queue_info,
                                        request_batch_queue_name(&call->request), &count,
                                        &call->query))
        on_consumers(&call->query, true, count);
}

static void probe_or_enqueue(struct crew_pending *call) {
    if (call->fail_without_workers)
        probe(call);
    else
        enqueue(call);
}

static void on_compressed(void *arg, int result, struct buffer *body) {
    struct crew_pending *call = arg;
    call->compress_job = NULL;
    if (result == CREW_ECLOSED)
        return;
    call->request.encoded.gzipped = result == 0;
    call->request.encoded.body = *body;
    buffer_init(body);
    probe_or_enqueue(call);
}

/* A body over the limit would not be inflated by its receiver. */
static bool wants_gzip(const struct crew_pending *call, enum crew_gzip wanted) {
    size_t above = call->calls->gzip_above_bytes;
    size_t bytes = call->request.encoded.body.len;
    if (bytes > LIMIT_INFLATED_DEFAULT_BYTES)
        return false;
    if (wanted == CREW_GZIP_AUTO)
        return above != 0 && bytes > above;
    return wanted == CREW_GZIP_ALWAYS;
}

static void compress_or_enqueue(struct crew_pending *call, enum crew_gzip gzip) {
    if (!wants_gzip(call, gzip)) {
        probe_or_enqueue(call);
        return;
    }
    call->state = CALL_COMPRESSING;
    call->compress_job = compress_job_deflate(
        call->calls->session, &call->request.encoded.body, on_compressed, call);
}

/* INSTANCE-NUMBER */
static void make_id(struct calls *c, char to[LIMIT_ITEM_ID_BYTES + 1]) {
    size_t instance_bytes = strlen(c->instance);
    assert(instance_bytes + 1 + DIGITS_BYTES <= LIMIT_ITEM_ID_BYTES + 1);
    memcpy(to, c->instance, instance_bytes);
    to[instance_bytes] = '-';
    digits_write(to + instance_bytes + 1, ++c->next_id, 16);
}

static void set_id(struct crew_pending *call, const char *wanted) {
    char *id = call->request.encoded.id;
    if (wanted != NULL)
        snprintf(id, LIMIT_ITEM_ID_BYTES + 1, "%s", wanted);
    else
        make_id(call->calls, id);
}

static void set_deadline(struct encoded_call *encoded, uint32_t budget_ms) {
    encoded->budget_ms = budget_ms;
    encoded->deadline_ms = clock_ms() + budget_ms;
    encoded->deadline_unix_ms = clock_unix_ms() + budget_ms;
}

static struct crew_pending *call_new(struct calls *c, const struct crew_call *from) {
    struct crew_pending *call = xcalloc(1, sizeof *call);
    call->calls = c;
    call->timer.fire = on_deadline;
    call->query.done = on_consumers;
    call->fail_without_workers = from->fail_without_workers;
    request_batch_join(&c->requests, &call->request, from->task,
                       encode_level(from->priority), from->persistent);
    set_deadline(&call->request.encoded, from->expiration_ms != 0
                                             ? from->expiration_ms
                                             : LIMIT_EXPIRATION_DEFAULT_MS);
    set_id(call, from->id);
    return call;
}

int call_start(struct calls *c, const struct crew_call *from,
               const struct crew_receiver *to, void *arg, enum callback_locking locking,
               struct crew_pending **pending) {
    if (dispatch_lock_closing(c->lock))
        return CREW_ECLOSED;
    int error = encode_check(from);
    if (error != 0)
        return error;
    struct crew_pending *call = call_new(c, from);
    struct encoded_call *encoded = &call->request.encoded;
    if (call_find(c, encoded->id, strlen(encoded->id)) != NULL)
        error = CREW_EEXIST;
    else
        error = encode_call(encoded, from);
    if (error != 0) {
        call_free(call);
        return error;
    }
    call->to = *to;
    call->arg = arg;
    call->locking = locking;
    HASH_ADD_KEYPTR(hh, c->by_id, encoded->id, strlen(encoded->id), call);
    broker_session_timer_set(c->session, &call->timer,
                             encoded->deadline_ms + CALL_GRACE_MS);
    compress_or_enqueue(call, from->gzip);
    *pending = call;
    return 0;
}

/* ---- a streamed answer ---- */

/* First the end, then the warning: its callback may cancel the call. */
static void break_stream(struct crew_pending *call, int error, const char *reason) {
    struct calls *c = call->calls;
    char id[LIMIT_ITEM_ID_BYTES + 1];
    snprintf(id, sizeof id, "%s", call->request.encoded.id);
    cancel_at_workers(call);
    call_fail(call, error);
    reply_queue_warn(c->reply_queue, "the stream of call %s is broken off: %s", id,
                     reason);
}

/* The worker asks for it where it cannot be published now. */
static void grant_credit(struct crew_pending *call) {
    struct calls *c = call->calls;
    if (!reply_queue_may_publish(c->reply_queue))
        return;
    const struct wire_item item = {.kind = WIRE_CREDIT,
                                   .id = wire_text(call->request.encoded.id),
                                   .credit_bytes = stream_receiver_grant(call->stream)};
    send_notice(c, NAME_CONTROL_WORKER_PREFIX, call->stream->worker, &item);
}

static void grant_credit_if_due(struct crew_pending *call) {
    if (stream_receiver_credit_due(call->stream))
        grant_credit(call);
}

void call_credit(struct crew_pending *call, size_t bytes) {
    if (call->state != CALL_STREAMING)
        return;
    stream_receiver_consume(call->stream, bytes);
    grant_credit_if_due(call);
}

static void call_head_callback(const struct crew_pending *call,
                               const struct crew_answer *head) {
    struct dispatch_lock *lock = call->calls->lock;
    crew_answer_fn *fn = call->to.head;
    void *arg = call->arg;
    dispatch_lock_leave(lock);
    fn(arg, head);
    dispatch_lock_enter(lock);
}

static void call_chunk_callback(const struct crew_pending *call,
                                struct wire_bytes chunk) {
    struct dispatch_lock *lock = call->calls->lock;
    void (*fn)(void *, const void *, size_t) = call->to.chunk;
    void *arg = call->arg;
    dispatch_lock_leave(lock);
    fn(arg, chunk.data, chunk.len);
    dispatch_lock_enter(lock);
}

static bool may_begin_stream(const struct crew_pending *call) {
    return call_is_http(call) &&
           (call->state == CALL_SENT || call->state == CALL_ACCEPTED ||
            call->state == CALL_AWAITING_RETRY);
}

/* Nothing of it is sent again from here on. */
static void enter_streaming(struct crew_pending *call) {
    stop_waiting(call);
    call->stream = xcalloc(1, sizeof *call->stream);
    call->state = CALL_STREAMING;
    call->started = true;
    buffer_fini(&call->request.encoded.body);
}

static void begin_stream(struct crew_pending *call, const struct wire_item *item,
                         const struct crew_answer *head) {
    struct stream_event event;
    if (!may_begin_stream(call)) {
        call_fail(call, CREW_EBADRESPONSE);
        return;
    }
    enter_streaming(call);
    stream_receiver_begin(call->stream, call->to.chunk == NULL,
                          call->calls->max_answer_bytes, item, head, &event);
    if (event.kind == STREAM_BROKEN)
        break_stream(call, event.error, event.reason);
    else if (call->to.head != NULL)
        call_head_callback(call, &event.answer);
}

static void continue_stream(struct crew_pending *call, const struct wire_item *item) {
    struct stream_event event;
    stream_receiver_receive(call->stream, item, &event);
    switch (event.kind) {
    case STREAM_CHUNK:
        call_chunk_callback(call, event.chunk);
        break;
    case STREAM_COLLECTED:
        grant_credit_if_due(call);
        break;
    case STREAM_CREDIT_REQUESTED:
        grant_credit(call);
        break;
    case STREAM_ENDED:
        call_finish(call, &event.answer);
        break;
    case STREAM_BROKEN:
        break_stream(call, event.error, event.reason);
        break;
    case STREAM_BEGUN:
        break;
    }
}

void call_receive_piece(struct crew_pending *call, const struct wire_item *item,
                        const struct crew_answer *head) {
    if (call->stream != NULL)
        continue_stream(call, item);
    else if (item->kind == WIRE_HEAD)
        begin_stream(call, item, head);
    else
        break_stream(call, CREW_ELOST, "a piece is missing, or not the next");
}

/* ---- other answers ---- */

void call_note_started(struct crew_pending *call) {
    call->started = true;
}

void call_note_run(struct crew_pending *call, uint64_t run_us, struct wire_bytes worker) {
    request_batch_note_answer(&call->calls->requests, &call->request, run_us, worker);
}

void call_answer(struct crew_pending *call, const struct crew_answer *answer) {
    if (call->stream != NULL && answer->error == 0)
        break_stream(call, CREW_ELOST, "a whole answer came after a head");
    else
        call_finish(call, answer);
}

static int error_of_dead_letter(const struct crew_pending *call, const char *reason) {
    if (strcmp(reason, "expired") == 0)
        return call->started ? CREW_EDEADLINE : CREW_EEXPIRED;
    if (strcmp(reason, "maxlen") == 0)
        return CREW_EOVERLOADED;
    if (strcmp(reason, "rejected") == 0)
        return CREW_EBADENVELOPE;
    return CREW_ELOST; /* delivery_limit */
}

void call_dead_letter(struct crew_pending *call, const char *reason) {
    call_fail(call, error_of_dead_letter(call, reason));
}

/* ---- all calls ---- */

void calls_init(struct calls *c, const struct calls_options *options) {
    static const struct request_handlers handlers = {
        .sent = on_sent, .published = on_published, .not_connected = on_not_connected};
    *c = (struct calls){.session = options->session,
                        .lock = options->lock,
                        .reply_queue = options->reply_queue,
                        .queue_info = options->queue_info,
                        .instance = options->instance,
                        .gzip_above_bytes = options->gzip_above_bytes,
                        .max_answer_bytes = options->max_answer_bytes};
    request_batches_init(&c->requests, c->session, c->reply_queue, options->max_batch,
                         &handlers);
}

void calls_close(struct calls *c) {
    struct crew_pending *call;
    while ((call = c->by_id) != NULL) {
        cancel_at_workers(call);
        call_fail(call, CREW_ECLOSED);
    }
}

void calls_fini(struct calls *c) {
    request_batches_fini(&c->requests);
}

/* ---- public ---- */

const char *crew_client_pending_id(const crew_pending *call) {
    return dispatch_lock_is_ours(call->calls->lock) ? call->request.encoded.id : NULL;
}
