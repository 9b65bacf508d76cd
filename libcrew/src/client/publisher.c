/* Publishing: messages to the exchange of pub/sub, and what the broker says to them.
 *
 * Design notes. Readers know a repeated message by its number: it is not above the
 * highest one that they have seen of this publisher. So numbers must reach the broker in
 * their order, repeats included: over one channel, and over the next connection only when
 * the fates of all that was handed to the last one are known. A message is kept until
 * then and repeated as it is, whether or not a byte of it was written: with its id that
 * does no harm.
 *
 * A broker that has just started takes connections before its streams are up. What is
 * published then passes crew.history by, and is confirmed (RabbitMQ 3.10). So nothing
 * goes out over a new connection before the history is there, or is known not to exist.
 */
#include "client/client_internal.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include "session/topology.h"
#include "wire/publication.h"
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define HISTORY_AGAIN_MS 100u

enum publication_state {
    PUBLICATION_FRESH,    /* leaves with the next flush, or ends there */
    PUBLICATION_SENT,     /* with the link; its status decides */
    PUBLICATION_STRANDED, /* the connection was lost: waits for the next one */
    PUBLICATION_ENDED     /* its end has been told; freed when the link gives it back */
};

struct publication {
    struct publish_waiter waiter; /* first */
    struct crew_client *client;
    enum publication_state state;
    bool written; /* over a connection that was lost: it may have been published */
    char id[CREW_PUBLICATION_ID_BYTES];
    struct message *message; /* null while it is with the link */
    uint64_t epoch;          /* of the connection it was handed to */
    struct broker_session_timer timer;
    crew_published_fn *fn;
    void *arg;
    bool fn_is_the_programs;         /* as that of a call */
    struct publication *prev, *next; /* in one of the lists of client->publications */
};

/* ---- the end ---- */

static void publication_free(struct publication *p) {
    message_free(p->message);
    free(p);
}

static struct publication **list_of(struct publication *p) {
    struct publications *all = &p->client->publications;
    switch (p->state) {
    case PUBLICATION_FRESH:
        return &all->fresh;
    case PUBLICATION_STRANDED:
        return &all->stranded;
    default:
        return &all->with_link;
    }
}

static void move(struct publication *p, enum publication_state to) {
    struct publication **from = list_of(p);
    DL_DELETE(*from, p);
    p->state = to;
    DL_APPEND(*list_of(p), p);
}

static void tell(struct publication *p, int error) {
    struct crew_client *c = p->client;
    if (p->fn == NULL)
        return;
    if (p->fn_is_the_programs)
        client_leave(c);
    p->fn(p->arg, error, p->id);
    if (p->fn_is_the_programs)
        client_enter(c);
}

/* What the link has stays in the list of those. */
static void finish(struct publication *p, int error) {
    broker_session_timer_clear(&p->client->session, &p->timer);
    bool with_link = p->state == PUBLICATION_SENT;
    if (with_link)
        p->state = PUBLICATION_ENDED;
    else
        DL_DELETE(*list_of(p), p);
    tell(p, error);
    if (!with_link)
        publication_free(p);
}

static void at_deadline(struct broker_session_timer *timer) {
    struct publication *p =
        (struct publication *)((char *)timer - offsetof(struct publication, timer));
    bool perhaps = p->written || p->state == PUBLICATION_SENT;
    finish(p, perhaps ? CREW_ELOST : CREW_EBROKER);
}

static void on_status(struct publish_waiter *waiter, struct message *m) {
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
    move(p, PUBLICATION_STRANDED);
    if (!lost)
        finish(p, status == PUBLISH_NACKED ? CREW_EOVERLOADED : CREW_OK);
}

void publications_end(struct crew_client *c) {
    struct publications *all = &c->publications;
    struct publication *p;
    while (all->fresh != NULL)
        finish(all->fresh, CREW_ECLOSED);
    while (all->stranded != NULL)
        finish(all->stranded, CREW_ECLOSED);
    DL_FOREACH (all->with_link, p)
        if (p->state == PUBLICATION_SENT)
            finish(p, CREW_ECLOSED);
}

void publications_fini(struct crew_client *c) {
    struct publication *p, *next;
    DL_FOREACH_SAFE (c->publications.with_link, p, next)
        publication_free(p);
}

/* ---- the exchange, and the history behind it ---- */

static void look_at_history(struct crew_client *c) {
    struct link_op *probe = link_op_new(LINK_PROBE_QUEUE, NAME_HISTORY);
    probe->owner = &c->publications.history_probe;
    broker_session_op(&c->session, BROKER_SESSION_PUBLISHER, probe);
}

static void look_again(struct broker_session_timer *timer) {
    size_t offset = offsetof(struct crew_client, publications.history_again);
    struct crew_client *c = (struct crew_client *)((char *)timer - offset);
    if (broker_session_epoch(&c->session, BROKER_SESSION_PUBLISHER) != 0)
        look_at_history(c);
}

static void looked(struct queue_probe *probe, const struct link_op *op) {
    size_t offset = offsetof(struct crew_client, publications.history_probe);
    struct crew_client *c = (struct crew_client *)((char *)probe - offset);
    struct publications *all = &c->publications;
    uint64_t again_ms = clock_ms() + HISTORY_AGAIN_MS;
    bool lost = !op->ok && op->reply_code == 0;
    if (topology_is_down(op) && again_ms < all->history_until_ms)
        broker_session_timer_set(&c->session, &all->history_again, again_ms);
    else if (!lost)
        all->history_ready = true;
}

void publications_init(struct crew_client *c) {
    c->publications.history_probe.answered = looked;
    c->publications.history_again.fire = look_again;
}

void publications_declare_exchange(struct crew_client *c) {
    struct publications *all = &c->publications;
    all->exchange_ready = false;
    all->exchange_refused = false;
    all->history_ready = false;
    all->history_until_ms = clock_ms() + TOPOLOGY_DOWN_MS;
    broker_session_timer_clear(&c->session, &all->history_again);
    broker_session_op(&c->session, BROKER_SESSION_PUBLISHER, topology_pubsub());
    look_at_history(c);
}

void publications_note_exchange(struct crew_client *c, const struct link_op *op) {
    c->publications.exchange_ready = op->ok;
    c->publications.exchange_refused = !op->ok && op->reply_code != 0;
}

/* ---- on the way out ---- */

static void send_it(struct publication *p, uint64_t epoch) {
    struct message *m = p->message;
    p->message = NULL;
    p->epoch = epoch;
    move(p, PUBLICATION_SENT);
    broker_session_publish(&p->client->session, m);
}

static void send_all(struct crew_client *c) {
    struct publications *all = &c->publications;
    uint64_t epoch = broker_session_epoch(&c->session, BROKER_SESSION_PUBLISHER);
    if (all->with_link != NULL && all->with_link->epoch != epoch)
        return; /* their fates are on their way, and wake us */
    while (all->stranded != NULL)
        send_it(all->stranded, epoch);
    while (all->fresh != NULL)
        send_it(all->fresh, epoch);
}

/* Callbacks may publish anew: has_new, and the next flush. */
static void turn_away(struct crew_client *c) {
    struct publications *all = &c->publications;
    struct publication *p;
    size_t count;
    DL_COUNT(all->fresh, p, count);
    while (count-- > 0 && all->fresh != NULL)
        finish(all->fresh, CREW_EBROKER);
}

void publications_flush(struct crew_client *c) {
    struct publications *all = &c->publications;
    all->has_new = false;
    if (!client_takes_calls(c) || all->exchange_refused)
        turn_away(c);
    else if (all->exchange_ready && all->history_ready) /* a matter of moments */
        send_all(c);
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

static int publish(struct crew_client *c, const struct crew_publication *from,
                   crew_published_fn *fn, void *arg, struct publication **made) {
    if (c->closing)
        return CREW_ECLOSED;
    int error = publication_check(from);
    if (error != CREW_OK)
        return error;
    struct publication *p = xcalloc(1, sizeof *p);
    *p = (struct publication){.waiter.published = on_status,
                              .client = c,
                              .fn = fn,
                              .arg = arg,
                              .timer.fire = at_deadline};
    snprintf(p->id, sizeof p->id, "%s.%" PRIu64, c->instance,
             ++c->publications.last_number);
    p->message = encode(from, p);
    if (p->message->body.failed) {
        publication_free(p);
        return CREW_ENOMEM;
    }
    uint32_t budget_ms =
        from->expiration_ms != 0 ? from->expiration_ms : DEFAULT_EXPIRATION_MS;
    broker_session_timer_set(&c->session, &p->timer, clock_ms() + budget_ms);
    DL_APPEND(c->publications.fresh, p);
    c->publications.has_new = true;
    broker_session_wake(&c->session);
    *made = p;
    return CREW_OK;
}

/* ---- public ---- */

int crew_client_publish(crew_client *c, const struct crew_publication *publication,
                        crew_published_fn *fn, void *arg) {
    if (!client_enter(c))
        return CREW_ECLOSED;
    struct publication *p;
    int error = publish(c, publication, fn, arg, &p);
    if (error == CREW_OK)
        p->fn_is_the_programs = true;
    client_leave(c);
    return error;
}

struct publish_wait {
    struct client_waiter waiter;
    int error;
};

static void on_published(void *arg, int error, const char *id) {
    struct publish_wait *w = arg;
    (void)id;
    w->error = error;
    client_wait_over(&w->waiter);
}

int crew_client_publish_wait(crew_client *c, const struct crew_publication *publication,
                             char id[CREW_PUBLICATION_ID_BYTES]) {
    struct publish_wait w;
    struct publication *p;
    int error = client_wait_begin(c, &w.waiter);
    if (error != CREW_OK)
        return error;
    error = publish(c, publication, on_published, &w, &p);
    if (error == CREW_OK && id != NULL)
        memcpy(id, p->id, sizeof p->id);
    if (error == CREW_OK)
        client_wait(&w.waiter);
    client_wait_end(&w.waiter);
    return error != CREW_OK ? error : w.error;
}
