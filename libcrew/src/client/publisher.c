/* Design notes. Readers recognize a repeated message by its number: it is not above the
 * highest one that they have seen of this publisher. So numbers must reach the broker in
 * their order, repeats included: over one AMQP channel, and over the next connection only
 * when the status of all that was handed to the last one is known. A message is kept
 * until then, and sent again as it is, whether or not a byte of it was written: readers
 * drop repeats.
 *
 * A broker that has just started accepts connections before its streams are up. What is
 * published then does not get into crew.history, and is confirmed (RabbitMQ 3.10). So
 * nothing is sent over a new connection before the history is there, or is known not to
 * exist. */
#include "client/publisher.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include "session/publish_waiter.h"
#include "session/topology.h"
#include "wire/broker_names.h"
#include "wire/limits.h"
#include "wire/publication.h"
#include "wire/retry_policy.h"
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define HISTORY_RETRY_MS 100u

enum publication_state {
    PUBLICATION_QUEUED,         /* is sent by the next flush, or ends there */
    PUBLICATION_SENT,           /* with the link; the publish status decides */
    PUBLICATION_AWAITING_RETRY, /* the connection was lost: waits for the next one */
    PUBLICATION_ENDED           /* its callback was called; freed with its status */
};

struct publication {
    struct publish_waiter
        waiter; /* first: a waiter is turned back into its publication */
    struct publisher *publisher;
    enum publication_state state;
    bool written; /* over a connection that was lost: it may have been published */
    char id[CREW_PUBLICATION_ID_BYTES];
    struct message *message; /* null while it is with the link */
    uint64_t epoch;          /* of the connection it was handed to */
    struct broker_session_timer timer;
    struct published_receiver to;
    struct publication *prev, *next; /* in one of the publisher's lists */
};

/* ---- the end ---- */

static void publication_free(struct publication *p) {
    message_free(p->message);
    free(p);
}

static struct publication **list_of(struct publication *p) {
    switch (p->state) {
    case PUBLICATION_QUEUED:
        return &p->publisher->queued;
    case PUBLICATION_AWAITING_RETRY:
        return &p->publisher->awaiting_retry;
    default:
        return &p->publisher->with_link;
    }
}

static void set_state(struct publication *p, enum publication_state to) {
    struct publication **from = list_of(p);
    DL_DELETE(*from, p);
    p->state = to;
    DL_APPEND(*list_of(p), p);
}

static void call_receiver(struct publication *p, int error) {
    struct dispatch_lock *lock = p->publisher->lock;
    if (p->to.fn == NULL)
        return;
    if (p->to.locking == CALLBACK_UNLOCKED)
        dispatch_lock_leave(lock);
    p->to.fn(p->to.arg, error, p->id);
    if (p->to.locking == CALLBACK_UNLOCKED)
        dispatch_lock_enter(lock);
}

/* One that is with the link is freed when its status comes. */
static void finish(struct publication *p, int error) {
    broker_session_timer_clear(p->publisher->session, &p->timer);
    bool with_link = p->state == PUBLICATION_SENT;
    if (with_link)
        p->state = PUBLICATION_ENDED;
    else
        DL_DELETE(*list_of(p), p);
    call_receiver(p, error);
    if (!with_link)
        publication_free(p);
}

static void on_deadline(struct broker_session_timer *timer) {
    struct publication *p = (void *)((char *)timer - offsetof(struct publication, timer));
    bool written = p->written || p->state == PUBLICATION_SENT;
    finish(p, retry_error_without_connection(written ? RETRY_MAY_HAVE_RUN
                                                     : RETRY_NEVER_SENT));
}

static void on_published(struct publish_waiter *waiter, struct message *m) {
    struct publication *p = (struct publication *)waiter;
    enum publish_status status = m->status;
    bool lost = status == PUBLISH_UNKNOWN || status == PUBLISH_UNSENT;
    p->message = m;
    if (p->state == PUBLICATION_ENDED) {
        DL_DELETE(*list_of(p), p);
        publication_free(p);
        return;
    }
    p->written = p->written || status == PUBLISH_UNKNOWN;
    set_state(p, PUBLICATION_AWAITING_RETRY);
    if (!lost)
        finish(p, status == PUBLISH_NACKED ? CREW_EOVERLOADED : CREW_OK);
}

void publisher_close(struct publisher *all) {
    struct publication *p;
    while (all->queued != NULL)
        finish(all->queued, CREW_ECLOSED);
    while (all->awaiting_retry != NULL)
        finish(all->awaiting_retry, CREW_ECLOSED);
    DL_FOREACH (all->with_link, p)
        if (p->state == PUBLICATION_SENT)
            finish(p, CREW_ECLOSED);
}

void publisher_fini(struct publisher *all) {
    struct publication *p, *next;
    DL_FOREACH_SAFE (all->with_link, p, next)
        publication_free(p);
}

/* ---- the exchange, and the history behind it ---- */

static void probe_history(struct publisher *all) {
    queue_probe_start(&all->history_probe, all->session, BROKER_SESSION_PUBLISHER,
                      NAME_HISTORY);
}

static void retry_probe(struct broker_session_timer *timer) {
    struct publisher *all =
        (void *)((char *)timer - offsetof(struct publisher, history_retry));
    if (broker_session_epoch(all->session, BROKER_SESSION_PUBLISHER) != 0)
        probe_history(all);
}

static void on_probed(struct queue_probe *probe, const struct link_op *op) {
    struct publisher *all =
        (void *)((char *)probe - offsetof(struct publisher, history_probe));
    uint64_t again_ms = clock_ms() + HISTORY_RETRY_MS;
    bool lost = !op->ok && op->reply_code == 0;
    if (topology_is_down(op) && again_ms < all->history_until_ms)
        broker_session_timer_set(all->session, &all->history_retry, again_ms);
    else if (!lost)
        all->history_ready = true;
}

void publisher_init(struct publisher *all, struct broker_session *s,
                    struct dispatch_lock *lock, const struct reply_queue *reply_queue,
                    const char *instance) {
    *all = (struct publisher){.session = s,
                              .lock = lock,
                              .reply_queue = reply_queue,
                              .instance = instance,
                              .history_probe.done = on_probed,
                              .history_retry.fire = retry_probe};
}

void publisher_connected(struct publisher *all) {
    all->exchange_ready = false;
    all->exchange_refused = false;
    all->history_ready = false;
    all->history_until_ms = clock_ms() + TOPOLOGY_DOWN_MS;
    broker_session_timer_clear(all->session, &all->history_retry);
    broker_session_op(all->session, BROKER_SESSION_PUBLISHER, topology_pubsub());
    probe_history(all);
}

void publisher_op_done(struct publisher *all, const struct link_op *op) {
    if (op->kind != LINK_DECLARE_EXCHANGE || strcmp(op->name, NAME_PUBSUB) != 0)
        return;
    all->exchange_ready = op->ok;
    all->exchange_refused = !op->ok && op->reply_code != 0;
}

/* ---- on the way out ---- */

static void send_one(struct publication *p, uint64_t epoch) {
    struct message *m = p->message;
    p->message = NULL;
    p->epoch = epoch;
    set_state(p, PUBLICATION_SENT);
    broker_session_publish(p->publisher->session, m);
}

static void send_all(struct publisher *all) {
    uint64_t epoch = broker_session_epoch(all->session, BROKER_SESSION_PUBLISHER);
    if (all->with_link != NULL && all->with_link->epoch != epoch)
        return; /* a flush follows when the status of these is known */
    while (all->awaiting_retry != NULL)
        send_one(all->awaiting_retry, epoch);
    while (all->queued != NULL)
        send_one(all->queued, epoch);
}

/* Callbacks may publish: that waits for the next flush. */
static void fail_queued(struct publisher *all) {
    struct publication *p;
    size_t count;
    DL_COUNT(all->queued, p, count);
    while (count-- > 0 && all->queued != NULL)
        finish(all->queued, CREW_EBROKER);
}

void publisher_flush(struct publisher *all) {
    all->has_new = false;
    if (!reply_queue_may_publish(all->reply_queue) || all->exchange_refused)
        fail_queued(all);
    else if (all->exchange_ready && all->history_ready) /* else they will be soon */
        send_all(all);
}

bool publisher_has_new(const struct publisher *all) {
    return all->has_new;
}

/* ---- the beginning ---- */

static struct message *encode(const struct crew_publication *from,
                              struct publication *owner) {
    const struct message_properties properties = {
        .exchange = NAME_PUBSUB,
        .routing_key = from->channel,
        .content_type =
            from->content_type != NULL ? from->content_type : "application/octet-stream",
        .message_id = owner->id,
        .timestamp_s = clock_unix_ms() / 1000,
        .persistent = from->persistent,
    };
    struct message *m = message_new(&properties);
    publish_waiter_attach(&owner->waiter, m);
    m->awaited = true;
    buffer_append(&m->body, from->body, from->body_bytes);
    return m;
}

int publisher_publish(struct publisher *all, const struct crew_publication *from,
                      const struct published_receiver *to,
                      char id[CREW_PUBLICATION_ID_BYTES]) {
    if (dispatch_lock_closing(all->lock))
        return CREW_ECLOSED;
    int error = publication_check(from);
    if (error != CREW_OK)
        return error;
    struct publication *p = xcalloc(1, sizeof *p);
    *p = (struct publication){.waiter.published = on_published,
                              .publisher = all,
                              .to = *to,
                              .timer.fire = on_deadline};
    snprintf(p->id, sizeof p->id, "%s.%" PRIu64, all->instance, ++all->last_number);
    p->message = encode(from, p);
    if (p->message->body.failed) {
        publication_free(p);
        return CREW_ENOMEM;
    }
    uint32_t budget_ms =
        from->expiration_ms != 0 ? from->expiration_ms : LIMIT_EXPIRATION_DEFAULT_MS;
    broker_session_timer_set(all->session, &p->timer, clock_ms() + budget_ms);
    DL_APPEND(all->queued, p);
    all->has_new = true;
    broker_session_wake(all->session);
    if (id != NULL)
        memcpy(id, p->id, sizeof p->id);
    return CREW_OK;
}
