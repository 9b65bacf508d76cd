/* Answers that leave piece by piece (docs/wire.md, "Streamed answers").
 *
 * The pieces of a turn share a message, which leaves with the flush of the turn. Each is
 * awaited: the first that the broker does not confirm breaks the stream, because what is
 * sent over a second connection would not be in order with it. The end is the task's
 * reply, and settled as any reply; its number tells the caller whether all is there.
 */
#include "worker/worker_internal.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define MESSAGE_BYTES 65536u /* of pieces that share one */
#define PROBE_AFTER_MS 1000u

enum stream_state {
    STREAM_SOUND,
    STREAM_BROKEN, /* pieces were lost: its end will say so */
    STREAM_GONE    /* nobody reads it any more: it has no end */
};

struct task_stream {
    struct publish_waiter waiter; /* first: of its messages */
    crew_worker *worker;
    crew_task *task; /* null: it has gone, and the fates of messages are awaited */
    enum stream_state state;
    struct message *out; /* pieces that leave with the next flush; may be null */
    unsigned out_items;
    unsigned under_way;                /* messages with the link */
    uint32_t next;                     /* the number of the next piece */
    uint64_t sent;                     /* bytes of body */
    uint64_t allowed;                  /* bytes of body that may be sent in all */
    struct broker_session_timer probe; /* all that is allowed is sent */
    struct task_stream *prev_stream, *next_stream; /* worker->streams */
};

static void stream_free(struct task_stream *s) {
    broker_session_timer_clear(&s->worker->session, &s->probe);
    DL_DELETE2(s->worker->streams, s, prev_stream, next_stream);
    message_free(s->out);
    free(s);
}

static void stop_sending(struct task_stream *s) {
    broker_session_timer_clear(&s->worker->session, &s->probe);
    message_free(s->out);
    s->out = NULL;
}

void stream_leave(crew_task *task) {
    struct task_stream *s = task->stream;
    if (s == NULL)
        return;
    stop_sending(s);
    task->stream = NULL;
    s->task = NULL;
    if (s->under_way == 0)
        stream_free(s);
}

void streams_fini(crew_worker *w) {
    while (w->streams != NULL)
        stream_free(w->streams);
}

/* ---- when nobody gets it ---- */

static void give_up(struct task_stream *s, enum stream_state why) {
    crew_worker *w = s->worker;
    if (s->state != STREAM_SOUND)
        return;
    s->state = why;
    stop_sending(s);
    if (s->task != NULL && s->task->state == TASK_RUNNING && w->on_gone != NULL)
        w->on_gone(w->task_arg, s->task);
}

void stream_cancel(crew_task *task) {
    give_up(task->stream, STREAM_GONE);
}

/* Whoever asks once more from elsewhere has not seen what was sent. */
void stream_redelivered(crew_task *task, const char *reply_to) {
    if (reply_to == NULL || strcmp(reply_to, task->reply_to) != 0)
        give_up(task->stream, STREAM_BROKEN);
}

static void on_published(struct publish_waiter *waiter, struct message *m) {
    struct task_stream *s = (struct task_stream *)waiter;
    enum publish_status status = m->status;
    message_free(m);
    s->under_way--;
    if (s->task == NULL && s->under_way == 0)
        stream_free(s);
    else if (status != PUBLISH_CONFIRMED)
        give_up(s, status == PUBLISH_RETURNED ? STREAM_GONE : STREAM_BROKEN);
}

/* ---- pieces ---- */

static void send_out(struct task_stream *s) {
    struct message *m = s->out;
    s->out = NULL;
    s->out_items = 0;
    s->under_way++;
    publish_waiter_attach(&s->waiter, m);
    broker_session_publish(&s->worker->session, m);
}

void streams_flush(crew_worker *w) {
    struct task_stream *s;
    DL_FOREACH2(w->streams, s, next_stream) {
        if (s->out != NULL)
            send_out(s);
    }
}

static struct buffer *room_for_piece(struct task_stream *s) {
    if (s->out == NULL) {
        const struct message_properties p = {.exchange = "",
                                             .routing_key = s->task->reply_to,
                                             .content_type = WIRE_CONTENT_TYPE,
                                             .correlation_id = s->task->id,
                                             .mandatory = true};
        s->out = message_new(&p);
        wire_begin(&s->out->body);
    }
    s->out_items++;
    broker_session_wake(&s->worker->session);
    return &s->out->body;
}

/* A piece was put. Half of one is as good as lost. */
static int piece_is_put(struct task_stream *s) {
    if (s->out->body.failed) {
        give_up(s, STREAM_BROKEN);
        return CREW_ECANCELLED;
    }
    if (s->out->body.len >= MESSAGE_BYTES || s->out_items == LIMIT_ITEMS_PER_MESSAGE)
        send_out(s);
    return 0;
}

static int put_chunk(struct task_stream *s, const void *data, size_t bytes) {
    const struct wire_item item = {
        .kind = WIRE_CHUNK,
        .id = wire_text(s->task->id),
        .sequence = s->next++,
        .worker = wire_text(bytes == 0 ? s->worker->uuid : NULL),
        .body = {data, bytes},
    };
    wire_put(room_for_piece(s), &item);
    return piece_is_put(s);
}

/* ---- credit ---- */

static void await_credit(struct task_stream *s) {
    if (s->sent == s->allowed)
        broker_session_timer_set(&s->worker->session, &s->probe,
                                 clock_ms() + PROBE_AFTER_MS);
}

static void send_probe(struct broker_session_timer *timer) {
    struct task_stream *s =
        (struct task_stream *)((char *)timer - offsetof(struct task_stream, probe));
    if (s->under_way > 0 || put_chunk(s, "", 0) == 0)
        await_credit(s);
}

void stream_credit(crew_task *task, uint32_t credit_bytes) {
    struct task_stream *s = task->stream;
    crew_worker *w = task->worker;
    uint32_t more = credit_bytes - (uint32_t)s->allowed;
    if (s->state != STREAM_SOUND || task->state != TASK_RUNNING || more > INT32_MAX)
        return; /* too late, or an earlier one */
    s->allowed += more;
    if (s->sent < s->allowed)
        broker_session_timer_clear(&w->session, &s->probe);
    if (more > 0 && w->on_credit != NULL)
        w->on_credit(w->task_arg, task, (uint32_t)s->allowed);
}

/* ---- the end ---- */

bool stream_end(crew_task *task, const struct crew_answer *answer,
                struct wire_item *item) {
    struct task_stream *s = task->stream;
    int error = s->state == STREAM_BROKEN ? (int)CREW_ELOST : answer->error;
    broker_session_timer_clear(&s->worker->session, &s->probe);
    *item = (struct wire_item){.kind = WIRE_END,
                               .id = wire_text(task->id),
                               .sequence = s->next,
                               .error = wire_text(crew_error_word(error)),
                               .run_us = answer->run_us};
    return s->state != STREAM_GONE;
}

/* ---- public ---- */

static struct task_stream *stream_new(crew_task *task) {
    struct task_stream *s = xcalloc(1, sizeof *s);
    s->waiter.published = on_published;
    s->worker = task->worker;
    s->task = task;
    s->next = 1;
    s->allowed = CREW_WINDOW_BYTES;
    s->probe.fire = send_probe;
    DL_APPEND2(task->worker->streams, s, prev_stream, next_stream);
    return s;
}

static void put_head(struct task_stream *s, const struct crew_answer *answer) {
    struct buffer *to = room_for_piece(s);
    size_t mark =
        wire_open(to, &(struct wire_item){.kind = WIRE_HEAD,
                                          .id = wire_text(s->task->id),
                                          .status = (uint16_t)answer->status,
                                          .worker = wire_text(s->worker->uuid)});
    for (size_t i = 0; i < answer->pair_count; i++) {
        const struct crew_pair *pair = &answer->pairs[i];
        wire_put_pair(to, pair->name, pair->name_bytes, pair->value, pair->value_bytes);
    }
    wire_open_body(to, mark);
    wire_close(to, mark);
}

int crew_task_head(crew_task *task, const struct crew_answer *answer) {
    if (task->form != CREW_HTTP || task->state != TASK_RUNNING || task->stream != NULL)
        return CREW_EINVAL;
    if (task->reply_to == NULL)
        return CREW_ECANCELLED;
    struct task_stream *s = stream_new(task);
    put_head(s, answer);
    if (s->out->body.failed) {
        stream_free(s);
        return CREW_EBADRESPONSE;
    }
    broker_session_timer_clear(&task->worker->session,
                               &task->timer); /* the head says it all */
    task->stream = s;
    return 0;
}

int crew_task_chunk(crew_task *task, const void *data, size_t bytes) {
    struct task_stream *s = task->stream;
    if (s == NULL || bytes > CREW_CHUNK_BYTES || bytes > s->allowed - s->sent)
        return CREW_EINVAL;
    if (s->state != STREAM_SOUND || task->state != TASK_RUNNING)
        return CREW_ECANCELLED;
    if (bytes == 0)
        return 0;
    int error = put_chunk(s, data, bytes);
    s->sent += bytes;
    if (error == 0)
        await_credit(s);
    return error;
}
