/* Answers that leave together: several in one message where they go to the same caller,
 * since a message costs the broker as much as many answers in it. They leave with the
 * flush at the end of the turn that made them, and wait for no others.
 *
 * A message that holds one answer is the task's own, and comes back to it with its publish status.
 * One that holds several is made for the way; each task keeps its own.
 */
#include "worker/worker_internal.h"

#include "base/xalloc.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define SMALL_BYTES 16384u /* larger answers travel alone and are not copied */
#define SHIPMENT_BYTES 65536u
#define SHIPMENT_ANSWERS 32u

/* A message with the link, and the tasks whose answers are in it. */
struct shipment {
    struct publish_waiter waiter; /* first */
    crew_worker *worker;
    struct crew_task *tasks; /* those that have not gone meanwhile */
    size_t count;            /* of all that were in it */
    struct shipment *prev, *next;
};

static void shipment_free(struct shipment *s) {
    DL_DELETE(s->worker->shipments, s);
    free(s);
}

void shipments_fini(crew_worker *w) {
    while (w->shipments != NULL)
        shipment_free(w->shipments);
}

void shipment_leave(crew_task *task) {
    if (task->shipment != NULL)
        DL_DELETE2(task->shipment->tasks, task, ship_prev, ship_next);
    task->shipment = NULL;
}

static void on_published(struct publish_waiter *waiter, struct message *m) {
    struct shipment *s = (struct shipment *)waiter;
    enum publish_status status = m->status;
    crew_task *task = s->tasks;
    if (s->count == 1 && task != NULL) {
        shipment_leave(task);
        task_message_published(task, m);
        m = NULL;
    }
    while ((task = s->tasks) != NULL) {
        shipment_leave(task);
        reply_settled(task, status);
    }
    message_free(m);
    shipment_free(s);
}

static struct shipment *shipment_new(crew_worker *w) {
    struct shipment *s = xcalloc(1, sizeof *s);
    s->waiter.published = on_published;
    s->worker = w;
    DL_APPEND(w->shipments, s);
    return s;
}

static void load(struct shipment *s, crew_task *task) {
    task->shipment = s;
    DL_APPEND2(s->tasks, task, ship_prev, ship_next);
    s->count++;
}

void shipment_send(crew_task *task, struct message *m) {
    struct shipment *s = shipment_new(task->worker);
    load(s, task);
    publish_waiter_attach(&s->waiter, m);
    broker_session_publish(&task->worker->session, m);
}

/* ---- what is ready ---- */

void shipment_ready(crew_task *task) {
    task->reply_state = REPLY_READY;
    DL_APPEND(task->worker->ready, task);
    broker_session_wake(&task->worker->session);
}

static void take(crew_task *task) {
    DL_DELETE(task->worker->ready, task);
    task->reply_state = REPLY_SENT;
}

static void send_alone(crew_task *task) {
    struct message *m = task->reply;
    task->reply = NULL; /* until its status is known */
    take(task);
    shipment_send(task, m);
}

static bool is_small(const crew_task *task) {
    return task->form != CREW_PLAIN && task->reply->p.content_encoding == NULL &&
           task->reply->body.len <= SMALL_BYTES;
}

static bool goes_with(const crew_task *task, const crew_task *first) {
    return is_small(task) && strcmp(task->reply_to, first->reply_to) == 0;
}

static struct message *joint_message(const crew_task *first) {
    const struct message_properties p = {.exchange = "",
                                         .routing_key = first->reply_to,
                                         .content_type = WIRE_CONTENT_TYPE,
                                         .correlation_id = first->id,
                                         .mandatory = true};
    struct message *m = message_new(&p);
    wire_begin(&m->body);
    return m;
}

/* FIRST, and those behind it that go to the same caller. */
static void send_joint(crew_worker *w, crew_task *first) {
    struct message *m = joint_message(first);
    struct shipment *s = shipment_new(w);
    publish_waiter_attach(&s->waiter, m);
    crew_task *task, *next;
    for (task = first; task != NULL && s->count < SHIPMENT_ANSWERS; task = next) {
        next = task->next;
        if (!goes_with(task, first) ||
            m->body.len + task->reply->body.len > SHIPMENT_BYTES)
            continue;
        buffer_append(&m->body, task->reply->body.data + WIRE_HEAD_BYTES,
                      task->reply->body.len - WIRE_HEAD_BYTES);
        take(task);
        load(s, task);
    }
    broker_session_publish(&w->session, m);
}

static bool has_company(const crew_task *first) {
    for (const crew_task *task = first->next; task != NULL; task = task->next)
        if (goes_with(task, first))
            return true;
    return false;
}

void shipments_flush(crew_worker *w) {
    if (broker_session_epoch(&w->session, BROKER_SESSION_PUBLISHER) == 0)
        return;
    crew_task *first;
    while ((first = w->ready) != NULL)
        if (is_small(first) && has_company(first))
            send_joint(w, first);
        else
            send_alone(first);
}
