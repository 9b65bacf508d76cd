/* The life of a call (enum call_state), from crew_client_call to the one place where it
 * ends, call_finish, whoever ends it: the answer, the dead letter, the returned message,
 * its clock, a lost connection, the caller.
 */
#include "client/client_internal.h"

#include "base/clock.h"
#include "base/digits.h"
#include "base/fork.h"
#include "base/xalloc.h"
#include "wire/task_name.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

static struct crew_pending *call_of_timer(struct broker_session_timer *timer) {
    return (struct crew_pending *)((char *)timer - offsetof(struct crew_pending, timer));
}

void call_list_move(struct crew_pending *call, struct call_list *to) {
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

struct crew_pending *call_by_id(struct crew_client *c, const void *id, size_t id_bytes) {
    struct crew_pending *call = NULL;
    HASH_FIND(hh, c->calls, id, id_bytes, call);
    return call;
}

/* ---- the end ---- */

static void free_headers(struct crew_pending *call) {
    for (size_t i = 0; i < call->header_count; i++) {
        free((char *)call->headers[i].name);
        free((char *)call->headers[i].text);
    }
    free(call->headers);
}

static void call_free(struct crew_pending *call) {
    if (call->lane != NULL)
        lane_leave(call->lane);
    stream_free(call->stream);
    if (call->compress_job != NULL)
        compress_job_cancel(call->compress_job);
    buffer_fini(&call->body);
    free_headers(call);
    free(call->content_type);
    free(call);
}

static void call_tell(struct crew_pending *call, const struct crew_answer *answer) {
    struct crew_client *c = call->client;
    if (call->fn_is_the_programs)
        client_leave(c);
    call->to.ended(call->arg, answer);
    if (call->fn_is_the_programs)
        client_enter(c);
}

void call_finish(struct crew_pending *call, const struct crew_answer *answer) {
    struct crew_client *c = call->client;
    call->state = CALL_ENDED;
    call_list_move(call, NULL);
    parcel_leave(call);
    broker_session_timer_clear(&c->session, &call->timer);
    HASH_DELETE(hh, c->calls, call);
    if (call->to.ended != NULL)
        call_tell(call, answer);
    call_free(call);
}

void call_fail(struct crew_pending *call, int error) {
    struct crew_answer answer = {.error = error, .status = crew_error_status(error)};
    call_finish(call, &answer);
}

/* What the caller is told when its patience is over. */
static int error_at_deadline(const struct crew_pending *call) {
    if (call->verdict != 0)
        return call->verdict;
    if (call->taken)
        return CREW_EDEADLINE;
    switch (call->state) {
    case CALL_COMPRESSING:
    case CALL_PROBING:
    case CALL_QUEUED:
        return call->written ? CREW_ELOST : CREW_EBROKER;
    case CALL_STRANDED:
        return CREW_ELOST;
    default:
        return CREW_EEXPIRED;
    }
}

static void at_deadline(struct broker_session_timer *timer) {
    struct crew_pending *call = call_of_timer(timer);
    if (call->state == CALL_STREAMING)
        call_take_back(call);
    call_fail(call, error_at_deadline(call));
}

/* ---- on the way out ---- */

void call_enqueue(struct crew_pending *call) {
    call->state = CALL_QUEUED;
    call_list_move(call, &call->lane->waiting);
    lane_wake(call->lane);
}

void call_doom(struct crew_pending *call, int error) {
    parcel_leave(call);
    call->state = CALL_QUEUED;
    call->verdict = error;
    call_list_move(call, &call->client->doomed);
    broker_session_wake(&call->client->session);
}

void call_sent(struct crew_pending *call) {
    call_list_move(call, NULL);
    call->state = CALL_SENT;
    call->orphaned = false;
}

/* It was written before and may be repeated: the next connection has it. */
static void call_strand(struct crew_pending *call) {
    parcel_leave(call);
    call->taken = false;
    call->state = CALL_STRANDED;
    call_list_move(call, &call->client->stranded);
    broker_session_wake(&call->client->session);
}

void call_hold(struct crew_pending *call) {
    if (call->written)
        call_strand(call);
    else
        call_fail(call, CREW_EBROKER);
}

/* Callbacks may queue calls of their own: those wait for the next flush. */
bool calls_flush(struct crew_client *c) {
    bool open = client_takes_calls(c);
    struct crew_pending *call, *next;
    size_t count = c->doomed.count;
    while (count-- > 0 && (call = c->doomed.head) != NULL)
        call_fail(call, call->verdict);
    if (open)
        DL_FOREACH_SAFE (c->stranded.head, call, next)
            call_enqueue(call);
    lanes_flush(c, open);
    return c->busy != NULL || c->doomed.head != NULL;
}

/* ---- what becomes of it ---- */

/* It was written, and neither its publish status nor its answer will be heard of any more. */
static void call_lost(struct crew_pending *call) {
    if (call->repeat == CREW_REPEAT_NEVER)
        call_doom(call, CREW_ELOST);
    else
        call_strand(call);
}

void call_take_body(struct crew_pending *call, struct message *m) {
    if (m->status != PUBLISH_UNSENT && call->repeat == CREW_REPEAT_NEVER)
        return;
    buffer_fini(&call->body);
    call->body = m->body;
    buffer_init(&m->body);
}

/* No call ends here, but at the next flush: a callback may cancel any other call. */
void call_published(struct crew_pending *call, enum publish_status status) {
    if (call->state == CALL_STREAMING)
        return; /* its answer knows better */
    if (status != PUBLISH_UNSENT)
        call->written = true;
    switch (status) {
    case PUBLISH_CONFIRMED:
        call->state = CALL_ACCEPTED;
        if (call->orphaned)
            call_lost(call);
        break;
    case PUBLISH_RETURNED:
        call_doom(call, CREW_ENOWORKERS);
        break;
    case PUBLISH_NACKED:
        call_doom(call, CREW_EOVERLOADED);
        break;
    case PUBLISH_UNKNOWN:
        call_lost(call);
        break;
    case PUBLISH_UNSENT:
        if (call->written)
            call_strand(call);
        else
            call_doom(call, CREW_EBROKER);
        break;
    }
}

/* The reply queue is gone with its connection: whoever answers finds nobody. No call ends
 * here, either. */
void calls_reply_queue_lost(struct crew_client *c) {
    struct crew_pending *call, *next;
    HASH_ITER (hh, c->calls, call, next)
        if (call->state == CALL_SENT)
            call->orphaned = true;
        else if (call->state == CALL_ACCEPTED)
            call_lost(call);
        else if (call->state == CALL_STREAMING)
            call_doom(call, CREW_ELOST);
}

/* ---- the beginning ---- */

static int check_call(const struct crew_call *from) {
    if (from->task == NULL || !task_name_valid(from->task, strlen(from->task)))
        return CREW_EINVAL;
    if (from->form > CREW_PING || from->repeat > CREW_REPEAT_ALWAYS ||
        from->gzip > CREW_GZIP_ALWAYS || from->expiration_ms > LIMIT_EXPIRATION_MS)
        return CREW_EINVAL;
    if (from->id != NULL &&
        (from->id[0] == '\0' || strlen(from->id) > LIMIT_ITEM_ID_BYTES))
        return CREW_EINVAL;
    if (from->content_type != NULL && strlen(from->content_type) > 255)
        return CREW_EINVAL;
    return from->body_bytes > LIMIT_MESSAGE_BYTES ? CREW_ETOOLARGE : 0;
}

/* INSTANCE-NUMBER */
static void make_id(struct crew_client *c, char to[LIMIT_ITEM_ID_BYTES + 1]) {
    size_t instance_bytes = strlen(c->instance);
    static_assert(sizeof c->instance + DIGITS_BYTES <= LIMIT_ITEM_ID_BYTES + 1,
                  "it fits");
    memcpy(to, c->instance, instance_bytes);
    to[instance_bytes] = '-';
    digits_write(to + instance_bytes + 1, ++c->next_id, 16);
}

static void call_name(struct crew_pending *call, const char *wanted) {
    struct crew_client *c = call->client;
    if (wanted != NULL)
        snprintf(call->id, sizeof call->id, "%s", wanted);
    else
        make_id(c, call->id);
}

static void compressed(void *arg, int result, struct buffer *body) {
    struct crew_pending *call = arg;
    call->compress_job = NULL;
    if (result == CREW_ECLOSED)
        return;
    call->gzipped = result == 0;
    call->body = *body;
    buffer_init(body);
    if (call->fail_without_workers)
        consumers_ask(call);
    else
        call_enqueue(call);
}

/* Not what no receiver inflates. */
static bool wants_gzip(const struct crew_pending *call, enum crew_gzip wanted) {
    size_t above = call->client->gzip_above_bytes;
    if (call->body.len > LIMIT_INFLATED_DEFAULT_BYTES)
        return false;
    if (wanted == CREW_GZIP_AUTO)
        return above != 0 && call->body.len > above;
    return wanted == CREW_GZIP_ALWAYS;
}

static void call_start(struct crew_pending *call, enum crew_gzip gzip) {
    struct crew_client *c = call->client;
    if (wants_gzip(call, gzip)) {
        call->state = CALL_COMPRESSING;
        call->compress_job =
            compress_job_deflate(&c->session, &call->body, compressed, call);
    } else if (call->fail_without_workers) {
        consumers_ask(call);
    } else {
        call_enqueue(call);
    }
}

static struct crew_pending *call_new(struct crew_client *c, const struct crew_call *from,
                                     const struct crew_receiver *to, void *arg) {
    struct crew_pending *call = xcalloc(1, sizeof *call);
    call->client = c;
    call->to = *to;
    call->arg = arg;
    call->timer.fire = at_deadline;
    call->budget_ms =
        from->expiration_ms != 0 ? from->expiration_ms : DEFAULT_EXPIRATION_MS;
    call->deadline_ms = clock_ms() + call->budget_ms;
    call->deadline_unix_ms = clock_unix_ms() + call->budget_ms;
    call->lane = lane_enter(c, from->task, level_of(from->priority), from->persistent);
    call_name(call, from->id);
    return call;
}

int client_call(struct crew_client *c, const struct crew_call *from,
                const struct crew_receiver *to, void *arg,
                struct crew_pending **pending) {
    if (c->closing)
        return CREW_ECLOSED;
    int error = check_call(from);
    if (error != 0)
        return error;
    struct crew_pending *call = call_new(c, from, to, arg);
    if (call_by_id(c, call->id, strlen(call->id)) != NULL)
        error = CREW_EEXIST;
    else
        error = call_encode(call, from);
    if (error != 0) {
        call_free(call);
        return error;
    }
    HASH_ADD_KEYPTR(hh, c->calls, call->id, strlen(call->id), call);
    broker_session_timer_set(&c->session, &call->timer,
                             call->deadline_ms + CALL_GRACE_MS);
    call_start(call, from->gzip);
    *pending = call;
    return 0;
}

void call_take_back(struct crew_pending *call) {
    struct crew_client *c = call->client;
    /* Also one that was taken: a worker can have put it back, or be dead. */
    bool at_large = call->state == CALL_SENT || call->state == CALL_ACCEPTED ||
                    call->state == CALL_STREAMING;
    if (at_large && client_takes_calls(c))
        call_publish_cancel(call);
}

void client_cancel(struct crew_pending *call) {
    call_take_back(call);
    call->to.ended = NULL;
    call_fail(call, CREW_ECANCELLED);
}

/* ---- public ---- */

int crew_client_stream(crew_client *c, const struct crew_call *from,
                       const struct crew_receiver *receiver, void *arg,
                       crew_pending **pending) {
    if (!client_enter(c))
        return CREW_ECLOSED;
    struct crew_pending *call;
    int error = client_call(c, from, receiver, arg, &call);
    if (error == 0) {
        call->fn_is_the_programs = true;
        if (pending != NULL)
            *pending = call;
    }
    client_leave(c);
    return error;
}

int crew_client_call(crew_client *c, const struct crew_call *from, crew_answer_fn *fn,
                     void *arg, crew_pending **pending) {
    return crew_client_stream(c, from, &(struct crew_receiver){.ended = fn}, arg,
                              pending);
}

bool crew_client_cancel(crew_client *c, crew_pending *call) {
    if (!client_enter(c))
        return false;
    bool in_time = call->state != CALL_ENDED;
    if (in_time)
        client_cancel(call);
    client_leave(c);
    return in_time;
}

const char *crew_client_pending_id(const crew_pending *call) {
    return call->client->born_in == fork_generation() ? call->id : NULL;
}
