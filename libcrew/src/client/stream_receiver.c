/* A streamed answer as it comes in (docs/wire.md, "Streamed answers").
 *
 * Its pieces are numbered, and each has to follow on the one before: what does not ends
 * the call. The worker may send as much as it was told; that is a total, and grows with
 * what the caller has used up. So whatever a worker does, no more than CREW_WINDOW_BYTES
 * wait here for a caller that takes the pieces as they come, and no more than
 * max_answer_bytes for one that wants them whole.
 */
#include "client/client_internal.h"

#include "base/xalloc.h"
#include <stdio.h>
#include <stdlib.h>

/* A word to the worker is worth so much. */
#define CREDIT_STEP_BYTES (CREW_WINDOW_BYTES / 4)

void stream_free(struct call_stream *stream) {
    if (stream == NULL)
        return;
    crew_answer_free(stream->head);
    buffer_fini(&stream->body);
    free(stream);
}

static bool is_collected(const struct crew_pending *call) {
    return call->to.chunk == NULL;
}

/* First the end, then the warning: whoever hears it may cancel the call. */
void stream_break(struct crew_pending *call, int error, const char *why) {
    struct crew_client *c = call->client;
    char id[sizeof call->id];
    snprintf(id, sizeof id, "%s", call->id);
    call_take_back(call);
    call_fail(call, error);
    client_warn(c, "the stream of call %s is broken off: %s", id, why);
}

/* ---- credit ---- */

static void give_credit(struct crew_pending *call) {
    struct crew_client *c = call->client;
    struct call_stream *s = call->stream;
    if (!client_takes_calls(c))
        return; /* the worker will ask */
    s->granted = s->used + CREW_WINDOW_BYTES;
    const struct wire_item item = {.kind = WIRE_CREDIT,
                                   .id = wire_text(call->id),
                                   .credit_bytes = (uint32_t)s->granted};
    client_tell_worker(c, s->worker, &item);
}

static void use(struct crew_pending *call, size_t bytes) {
    struct call_stream *s = call->stream;
    uint64_t unused = s->received - s->used;
    s->used += bytes < unused ? bytes : unused;
    if (s->used + CREW_WINDOW_BYTES >= s->granted + CREDIT_STEP_BYTES)
        give_credit(call);
}

void crew_client_credit(crew_client *c, crew_pending *call, size_t bytes) {
    if (!client_enter(c))
        return;
    if (call->state == CALL_STREAMING)
        use(call, bytes);
    client_leave(c);
}

/* ---- the pieces ---- */

static bool may_begin(const struct crew_pending *call) {
    return call->form == CREW_HTTP &&
           (call->state == CALL_SENT || call->state == CALL_ACCEPTED ||
            call->state == CALL_STRANDED);
}

/* Nothing of it is sent again from here on. */
static void enter_streaming(struct crew_pending *call, const struct wire_item *item) {
    struct call_stream *s = xcalloc(1, sizeof *s);
    snprintf(s->worker, sizeof s->worker, "%.*s", (int)item->worker.len,
             (const char *)item->worker.data);
    s->next = 1;
    s->granted = CREW_WINDOW_BYTES;
    call->stream = s;
    call->state = CALL_STREAMING;
    call->taken = true;
    call_list_move(call, NULL);
    parcel_leave(call);
    buffer_fini(&call->body);
}

/* Here as in the others, the call may be gone after a callback. */
static void tell(struct crew_pending *call, crew_answer_fn *fn,
                 const struct crew_answer *answer) {
    struct crew_client *c = call->client;
    void *arg = call->arg;
    client_leave(c);
    fn(arg, answer);
    client_enter(c);
}

static void take_head(struct crew_client *c, struct crew_pending *call,
                      const struct wire_item *item) {
    struct crew_answer head;
    if (!may_begin(call)) {
        call_fail(call, CREW_EBADRESPONSE);
        return;
    }
    enter_streaming(call, item);
    struct call_stream *s = call->stream;
    bool sound = reply_head(c, item, &head) && s->worker[0] != '\0';
    head.worker = s->worker;
    if (sound && is_collected(call))
        sound = (s->head = crew_answer_copy(&head)) != NULL;
    if (!sound)
        stream_break(call, CREW_EBADRESPONSE, "its head is not sound");
    else if (call->to.head != NULL)
        tell(call, call->to.head, &head);
}

static void collect(struct crew_pending *call, struct wire_bytes data) {
    struct buffer *body = &call->stream->body;
    if (data.len > call->client->max_answer_bytes - body->len) {
        stream_break(call, CREW_EBADRESPONSE, "it is too large to be collected");
        return;
    }
    buffer_append(body, data.data, data.len);
    if (body->failed)
        stream_break(call, CREW_EBADRESPONSE, "out of memory");
    else
        use(call, data.len);
}

static void pass_on(struct crew_pending *call, struct wire_bytes data) {
    struct crew_client *c = call->client;
    void (*chunk)(void *, const void *, size_t) = call->to.chunk;
    void *arg = call->arg;
    client_leave(c);
    chunk(arg, data.data, data.len);
    client_enter(c);
}

static void take_chunk(struct crew_pending *call, const struct wire_item *item) {
    struct call_stream *s = call->stream;
    s->next++;
    s->received += item->body.len;
    if (s->received > s->granted)
        stream_break(call, CREW_EBADRESPONSE, "it has no credit for what it sends");
    else if (item->body.len == 0)
        give_credit(call);
    else if (is_collected(call))
        collect(call, item->body);
    else
        pass_on(call, item->body);
}

static void take_end(struct crew_pending *call, const struct wire_item *item) {
    struct call_stream *s = call->stream;
    struct crew_answer answer = {.worker = s->worker};
    if (is_collected(call)) {
        answer = *s->head;
        answer.body = s->body.data;
        answer.body_bytes = s->body.len;
    }
    answer.run_us = item->run_us;
    call_finish(call, &answer);
}

/* Somebody sends what nobody wants, and waits for credit, perhaps for long. */
static void turn_away(struct crew_client *c, const struct wire_item *item) {
    char worker[LIMIT_ITEM_ID_BYTES + 1];
    bool waits =
        item->kind == WIRE_HEAD || (item->kind == WIRE_CHUNK && item->body.len == 0);
    const struct wire_item cancel = {.kind = WIRE_CANCEL, .id = item->id};
    if (!waits || item->worker.len == 0 || !client_takes_calls(c))
        return;
    snprintf(worker, sizeof worker, "%.*s", (int)item->worker.len,
             (const char *)item->worker.data);
    client_tell_worker(c, worker, &cancel);
}

static bool follows(const struct crew_pending *call, const struct wire_item *item) {
    return call->stream != NULL && item->kind != WIRE_HEAD &&
           item->sequence == call->stream->next;
}

void stream_receive(struct crew_client *c, struct crew_pending *call,
                    const struct wire_item *item) {
    int error = item->kind == WIRE_END ? reply_error(item) : 0;
    if (call == NULL || (call->stream != NULL && item->kind == WIRE_HEAD))
        turn_away(c, item);
    if (call == NULL)
        return;
    if (error != 0)
        call_fail(call, error);
    else if (call->stream == NULL && item->kind == WIRE_HEAD)
        take_head(c, call, item);
    else if (!follows(call, item))
        stream_break(call, CREW_ELOST, "a piece is missing, or not the next");
    else if (item->kind == WIRE_CHUNK)
        take_chunk(call, item);
    else
        take_end(call, item);
}
