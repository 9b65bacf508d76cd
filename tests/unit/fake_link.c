#include "fake_link.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include "unit.h"
#include <utlist.h>

struct link {
    struct link_options options;
    enum fake_side side;
    uint64_t epoch;
    size_t url;
    bool is_open;
    struct link_op *ops;
    struct message *messages;
};

struct fake_broker fake_broker;

uint64_t clock_ms(void) {
    return fake_broker.now_ms;
}

uint64_t clock_us(void) {
    return fake_broker.now_ms * 1000;
}

uint64_t clock_unix_ms(void) {
    return fake_broker.now_ms;
}

void fake_reset(void) {
    assert_null(fake_broker.links[FAKE_PUBLISHER]);
    assert_null(fake_broker.links[FAKE_CONSUMER]);
    memset(&fake_broker, 0, sizeof fake_broker);
    fake_broker.now_ms = 1000000;
}

static struct link *link_of(enum fake_side side) {
    return fake_broker.links[side];
}

static struct link_event *report(struct link *link, enum link_event_kind kind) {
    struct link_event *event = xcalloc(1, sizeof *event);
    event->kind = kind;
    event->epoch = link->epoch;
    return event;
}

static void send_event(struct link *link, struct link_event *event) {
    link->options.on_events(link->options.arg, event);
}

/* ---- connections ---- */

void fake_open(enum fake_side side) {
    struct link *link = link_of(side);
    assert_false(link->is_open);
    link->is_open = true;
    link->epoch++;
    if (side == FAKE_CONSUMER) {
        memset(fake_broker.consumers, 0, sizeof fake_broker.consumers);
        fake_broker.per_consumer = fake_broker.global = 0;
    }
    struct link_event *event = report(link, LINK_OPEN);
    event->url = link->url;
    event->text = xstrdup("fake:5672");
    send_event(link, event);
}

bool fake_is_open(enum fake_side side) {
    return link_of(side)->is_open;
}

static void finish_message(struct link *link, enum publish_status status) {
    struct message *m = link->messages;
    struct link_event *event = report(link, LINK_PUBLISHED);
    LL_DELETE(link->messages, m);
    m->next = NULL;
    m->status = status;
    event->message = m;
    send_event(link, event);
}

static void finish_op(struct link *link, bool ok, int reply_code) {
    struct link_op *op = link->ops;
    struct link_event *event = report(link, LINK_OP_DONE);
    LL_DELETE(link->ops, op);
    op->next = NULL;
    op->ok = ok;
    op->reply_code = reply_code;
    event->op = op;
    send_event(link, event);
}

void fake_lose(enum fake_side side, enum publish_status status) {
    struct link *link = link_of(side);
    assert_true(link->is_open);
    while (link->ops != NULL)
        finish_op(link, false, 0);
    while (link->messages != NULL)
        finish_message(link, status);
    link->is_open = false;
    send_event(link, report(link, LINK_LOST));
}

/* ---- operations ---- */

const struct link_op *fake_next_op(enum fake_side side) {
    return link_of(side)->ops;
}

static const struct fake_consumer *find_consumer(const char *queue) {
    for (size_t i = 0; i < FAKE_QUEUES; i++)
        if (strcmp(fake_broker.consumers[i].queue, queue) == 0)
            return &fake_broker.consumers[i];
    return NULL;
}

const struct fake_consumer *fake_find_consumer(const char *queue) {
    return find_consumer(queue);
}

/* The one that must be there. */
static struct fake_consumer *get_consumer(const char *queue) {
    size_t i = 0;
    while (i < FAKE_QUEUES && strcmp(fake_broker.consumers[i].queue, queue) != 0)
        i++;
    assert_true(i < FAKE_QUEUES);
    return &fake_broker.consumers[i];
}

/* As RabbitMQ does it. It closes the connection if a consumer tag is in use already; to
 * cancel a consumer that does not exist is no error. */
static void execute(const struct link_op *op) {
    struct fake_consumer *slot = NULL;
    switch (op->kind) {
    case LINK_QOS:
        if (op->per_consumer)
            fake_broker.per_consumer = op->prefetch;
        fake_broker.global = op->per_consumer ? 0 : op->prefetch;
        break;
    case LINK_CONSUME:
        assert_null(find_consumer(op->name));
        slot = get_consumer("");
        snprintf(slot->queue, sizeof slot->queue, "%s", op->name);
        slot->own_limit = fake_broker.per_consumer;
        break;
    case LINK_CANCEL:
        if (find_consumer(op->name) != NULL)
            get_consumer(op->name)->queue[0] = '\0';
        break;
    default:
        break;
    }
}

void fake_accept_op(enum fake_side side) {
    struct link *link = link_of(side);
    if (side == FAKE_CONSUMER)
        execute(link->ops);
    else if (link->ops->kind == LINK_CONSUME)
        snprintf(fake_broker.notice_queue, sizeof fake_broker.notice_queue, "%s",
                 link->ops->name);
    finish_op(link, true, 0);
}

void fake_refuse_op(enum fake_side side) {
    finish_op(link_of(side), false, 405);
}

void fake_accept_all_ops(void) {
    for (enum fake_side side = FAKE_PUBLISHER; side < FAKE_SIDES; side++)
        while (link_of(side)->ops != NULL)
            fake_accept_op(side);
}

void fake_cancel_consumer(const char *queue) {
    struct fake_consumer *consumer = get_consumer(queue);
    struct link_event *event = report(link_of(FAKE_CONSUMER), LINK_CONSUMER_CANCELLED);
    event->text = xstrdup(queue);
    consumer->queue[0] = '\0';
    send_event(link_of(FAKE_CONSUMER), event);
}

/* ---- messages ---- */

const struct message *fake_next_message(void) {
    return link_of(FAKE_PUBLISHER)->messages;
}

void fake_publish_status(enum publish_status status) {
    finish_message(link_of(FAKE_PUBLISHER), status);
}

uint64_t fake_deliver(const char *queue, const struct message_properties *p,
                      const struct buffer *body, bool redelivered) {
    struct link *link = link_of(FAKE_CONSUMER);
    struct message *m = message_new_received(p, queue);
    struct link_event *event = report(link, LINK_DELIVERY);
    buffer_append(&m->body, body->data, body->len);
    m->epoch = link->epoch;
    m->delivery_tag = ++fake_broker.last_tag;
    m->redelivered = redelivered;
    assert_true(m->delivery_tag < FAKE_TAGS);
    event->message = m;
    send_event(link, event);
    return m->delivery_tag;
}

/* ---- amqp/link.h ---- */

int link_new(const struct link_options *options, struct link **link) {
    enum fake_side side = options->confirms ? FAKE_PUBLISHER : FAKE_CONSUMER;
    *link = xcalloc(1, sizeof **link);
    (*link)->options = *options;
    (*link)->side = side;
    fake_broker.links[side] = *link;
    return 0;
}

void link_stop(struct link *link, unsigned flush_ms) {
    (void)link;
    (void)flush_ms;
}

void link_free(struct link *link, unsigned flush_ms) {
    (void)flush_ms;
    if (link == NULL)
        return;
    struct link_op *op, *next_op;
    struct message *m, *next_m;
    LL_FOREACH_SAFE (link->ops, op, next_op)
        link_op_free(op);
    LL_FOREACH_SAFE (link->messages, m, next_m)
        message_free(m);
    fake_broker.links[link->side] = NULL;
    free(link);
}

void link_publish(struct link *link, uint64_t epoch, struct message *list) {
    bool is_present = link->is_open && epoch == link->epoch;
    while (list != NULL) {
        struct message *m = list;
        list = list->next;
        m->next = NULL;
        LL_APPEND(link->messages, m);
        if (!is_present)
            finish_message(link, PUBLISH_UNSENT);
    }
}

void link_op(struct link *link, uint64_t epoch, struct link_op *op) {
    LL_APPEND(link->ops, op);
    if (!link->is_open || epoch != link->epoch)
        finish_op(link, false, 0);
}

void link_ack(struct link *link, uint64_t epoch, uint64_t delivery_tag) {
    if (link->is_open && epoch == link->epoch)
        fake_broker.acked[delivery_tag]++;
}

void link_reject(struct link *link, uint64_t epoch, uint64_t delivery_tag, bool requeue) {
    assert_false(requeue);
    if (link->is_open && epoch == link->epoch)
        fake_broker.rejected[delivery_tag]++;
}

void link_switch_address(struct link *link, uint64_t epoch, size_t url) {
    assert_true(epoch == 0 || (link->is_open && epoch == link->epoch));
    link->url = url;
    fake_broker.switches++;
}

bool link_drive(struct link *link, bool readable, struct link_event **events) {
    (void)link;
    (void)readable;
    (void)events;
    return false;
}

int link_drive_due_ms(const struct link *link) {
    (void)link;
    return -1;
}

void link_disarm(struct link *link) {
    (void)link;
}
