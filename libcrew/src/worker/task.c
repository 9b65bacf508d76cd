/* The life of a task (enum task_state). Every transition is in this file. */
#include "worker/worker_internal.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static crew_task *task_of_timer(struct broker_session_timer *timer) {
    return (crew_task *)((char *)timer - offsetof(struct crew_task, timer));
}

/* ---- deliveries ---- */

void delivery_release(struct delivery *d) {
    if (--d->refs > 0)
        return;
    message_free(d->message);
    free(d);
}

/* Acks of an earlier connection are ignored by the link: the broker has taken those
 * messages back. */
void delivery_settle(crew_worker *w, struct delivery *d) {
    if (--d->unsettled == 0)
        broker_session_ack(&w->session, d->message);
    delivery_release(d);
}

static void settle(crew_task *task) {
    if (task->settle != NULL)
        delivery_settle(task->worker, task->settle);
    task->settle = NULL;
}

static bool delivery_is_ours(const crew_task *task) {
    return task->settle != NULL &&
           task->settle->message->epoch ==
               broker_session_epoch(&task->worker->session, BROKER_SESSION_CONSUMER);
}

/* ---- beginning and end ---- */

crew_task *task_new(crew_worker *w, struct delivery *d) {
    crew_task *task = xcalloc(1, sizeof *task);
    task->worker = w;
    task->source = d;
    task->settle = d;
    d->refs += 2;
    return task;
}

void task_add(crew_task *task, const char *key) {
    task->key = xstrdup(key);
    HASH_ADD_KEYPTR(hh, task->worker->tasks, task->key, strlen(task->key), task);
}

static void unkeep(crew_task *task) {
    crew_worker *w = task->worker;
    DL_DELETE(w->kept, task);
    w->kept_count--;
    w->kept_bytes -= task->reply->body.len;
    broker_session_timer_clear(&w->session, &task->timer);
}

void task_free(crew_task *task) {
    crew_worker *w = task->worker;
    if (task->key != NULL)
        HASH_DELETE(hh, w->tasks, task);
    broker_session_timer_clear(&w->session, &task->timer);
    if (task->compress_job != NULL)
        compress_job_cancel(task->compress_job);
    if (task->settle != NULL)
        delivery_release(task->settle);
    if (task->source != NULL)
        delivery_release(task->source);
    shipment_leave(task);
    stream_leave(task);
    if (task->reply_state == REPLY_READY)
        DL_DELETE(w->ready, task);
    message_free(task->reply);
    buffer_fini(&task->pairs);
    free(task->key);
    free(task->id);
    free(task->reply_to);
    free(task);
}

/* ---- offered, begun, answered, done ---- */

void task_offer(crew_task *task) {
    task->state = TASK_WAITING;
    task->worker->on_task(task->worker->task_arg, task);
}

void task_respond(crew_task *task, const struct crew_answer *answer) {
    task->state = TASK_SETTLING;
    if (answer != NULL)
        reply_make(task, answer);
    else
        task->reply_state = REPLY_SAFE;
    task_reply_is_safe(task);
}

void task_refuse(crew_task *task, int error) {
    task_respond(task, error != 0 ? &(struct crew_answer){.error = error} : NULL);
}

static void say_taken(struct broker_session_timer *timer) {
    reply_taken(task_of_timer(timer));
}

int crew_task_begin(crew_task *task) {
    int error = 0;
    if (task->state == TASK_CANCELLED || !delivery_is_ours(task))
        error = CREW_ECANCELLED; /* or the broker has given it to somebody else */
    else if (task->deadline_ms <= clock_ms())
        error = CREW_EEXPIRED;
    if (error != 0) {
        task_refuse(task, error == CREW_EEXPIRED ? error : 0);
        return error;
    }
    task->state = TASK_RUNNING;
    if (task->understands_notices && task->reply_to != NULL) {
        task->timer.fire = say_taken;
        broker_session_timer_set(&task->worker->session, &task->timer,
                                 clock_ms() + TASK_TAKEN_AFTER_MS);
    }
    return 0;
}

void crew_task_unbegin(crew_task *task) {
    if (task->state != TASK_RUNNING)
        return;
    broker_session_timer_clear(&task->worker->session, &task->timer);
    task->state = task->is_unwanted ? TASK_CANCELLED : TASK_WAITING;
}

void crew_task_answer(crew_task *task, const struct crew_answer *answer) {
    if (task->state != TASK_RUNNING && task->state != TASK_WAITING)
        return;
    broker_session_timer_clear(&task->worker->session, &task->timer);
    task->state = TASK_ANSWERED;
    reply_make(task, answer);
}

void crew_task_done(crew_task *task) {
    if (task->state == TASK_CANCELLED) {
        task_refuse(task, 0);
        return;
    }
    if (task->state != TASK_ANSWERED) {
        struct crew_answer lost = {.error = CREW_ELOST};
        crew_task_answer(task, &lost);
    }
    task->state = TASK_SETTLING;
    task_reply_is_safe(task);
}

/* ---- settled, and kept for a while ---- */

static void keep_until_deadline(struct broker_session_timer *timer) {
    crew_task *task = task_of_timer(timer);
    unkeep(task);
    task_free(task);
}

static bool worth_keeping(const crew_task *task) {
    return task->reply != NULL && task->reply->body.len <= KEPT_MAX_BYTES &&
           task->deadline_ms > clock_ms();
}

static void keep(crew_task *task) {
    crew_worker *w = task->worker;
    size_t most = w->prefetch > w->prefetch_most ? w->prefetch : w->prefetch_most;
    task->state = TASK_KEPT;
    if (task->source != NULL)
        delivery_release(task->source);
    task->source = NULL;
    DL_APPEND(w->kept, task);
    w->kept_count++;
    w->kept_bytes += task->reply->body.len;
    task->timer.fire = keep_until_deadline;
    broker_session_timer_set(&w->session, &task->timer, task->deadline_ms);
    while (w->kept_count > most || w->kept_bytes > KEPT_MAX_BYTES)
        keep_until_deadline(&w->kept->timer);
}

/* To be called when the answer has become safe, or the owner is done: settles when both.
 */
void task_reply_is_safe(crew_task *task) {
    if (task->state != TASK_SETTLING || task->reply_state != REPLY_SAFE)
        return;
    settle(task);
    if (worth_keeping(task))
        keep(task);
    else
        task_free(task);
}

/* ---- it came again ---- */

/* The same task over another delivery D: the broker took it back when a connection was
 * lost, or its caller sent it again. Whoever holds it goes on; the answer goes to where
 * the caller listens now. D's reference for its ack changes hands. */
void task_redelivered(crew_task *task, struct delivery *d, const char *reply_to) {
    settle(task);
    task->settle = d;
    if (task->state == TASK_PUT_BACK)
        return;
    if (task->state == TASK_KEPT) {
        unkeep(task);
        task->state = TASK_SETTLING;
    }
    if (task->stream != NULL)
        stream_redelivered(task, reply_to);
    reply_readdress(task, reply_to);
}

void task_cancel(crew_task *task) {
    if (task->state == TASK_WAITING)
        task->state = TASK_CANCELLED;
    else if (task->stream != NULL)
        stream_cancel(task);
    else
        task->is_unwanted = true; /* should it not have begun after all */
}

/* ---- put back ---- */

static struct message *copy_to_put_back(const crew_task *task) {
    const struct message *m = task->source->message;
    uint64_t now_ms = clock_ms();
    struct message_properties p = m->p;
    p.exchange = "";
    p.routing_key = m->consumer;
    if (task->form != CREW_PLAIN)
        p.correlation_id = task->id;
    p.content_encoding = NULL; /* it was inflated */
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

void crew_task_put_back(crew_task *task) {
    if (!delivery_is_ours(task) || task->state != TASK_WAITING) {
        task_refuse(task, 0);
        return;
    }
    struct message *copy = copy_to_put_back(task);
    if (copy->body.failed) {
        message_free(copy);
        return; /* unacked: the broker gives it to somebody else when we are gone */
    }
    task->state = TASK_PUT_BACK;
    shipment_send(task, copy);
}

/* The broker did not take it, or did not say so. It stays unacked when we do not serve
 * its queue any more: the broker will deliver it again. */
static void put_back_failed(crew_task *task, enum publish_status status) {
    if (!delivery_is_ours(task) || !queues_serves(task->worker, task->name))
        task_free(task);
    else if (status == PUBLISH_UNKNOWN && !task->may_repeat)
        task_refuse(task, CREW_ELOST);
    else
        task_offer(task);
}

static void put_back_published(crew_task *task, struct message *m) {
    enum publish_status status = m->status;
    message_free(m);
    if (status != PUBLISH_CONFIRMED && status != PUBLISH_RETURNED) {
        put_back_failed(task, status);
        return;
    }
    settle(task);
    task_free(task);
}

void task_message_published(crew_task *task, struct message *m) {
    if (task->state == TASK_PUT_BACK)
        put_back_published(task, m);
    else
        reply_published(task, m);
}

/* ---- public views ---- */

void crew_task_view(const crew_task *task, struct crew_task_view *view) {
    *view = (struct crew_task_view){
        .form = task->form,
        .task = task->name,
        .id = task->id,
        .content_type =
            task->form == CREW_PLAIN ? task->source->message->p.content_type : NULL,
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
