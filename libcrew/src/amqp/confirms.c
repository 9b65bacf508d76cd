/* Design notes. basic.return does not carry the tag. But the broker handles the messages
 * of an AMQP channel in order and returns one before it confirms it, so the next returned
 * message lies behind the previous one: return_tag passes over the ring once.
 */
#include "amqp/confirms.h"

#include "base/xalloc.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 64

void confirms_init(struct confirms *c) {
    *c = (struct confirms){.first_tag = 1, .next_tag = 1, .return_tag = 1};
}

void confirms_fini(struct confirms *c) {
    assert(confirms_empty(c));
    free(c->ring);
    c->ring = NULL;
    c->cap = 0;
}

static struct confirm *at(const struct confirms *c, uint64_t tag) {
    return &c->ring[tag & (c->cap - 1)];
}

static void grow(struct confirms *c) {
    struct confirms bigger = *c;
    bigger.cap = c->cap > 0 ? c->cap * 2 : FIRST_CAP;
    bigger.ring = xreallocarray(NULL, bigger.cap, sizeof *bigger.ring);
    for (uint64_t tag = c->first_tag; tag < c->next_tag; tag++)
        *at(&bigger, tag) = *at(c, tag);
    free(c->ring);
    *c = bigger;
}

void confirms_add(struct confirms *c, struct message *m, uint64_t start_byte,
                  uint64_t end_byte) {
    if (c->next_tag - c->first_tag == c->cap)
        grow(c);
    m->status = PUBLISH_UNKNOWN;
    *at(c, c->next_tag++) = (struct confirm){m, start_byte, end_byte};
}

bool confirms_empty(const struct confirms *c) {
    return c->first_tag == c->next_tag;
}

static void skip_settled(struct confirms *c) {
    while (c->first_tag < c->next_tag && at(c, c->first_tag)->message == NULL)
        c->first_tag++;
}

static void settle(struct confirm *confirm, enum publish_status status,
                   struct event_list *events) {
    struct message *m = confirm->message;
    if (m != NULL) {
        confirm->message = NULL;
        event_list_add_status(events, m,
                              m->status == PUBLISH_RETURNED ? m->status : status);
    }
}

bool confirms_settle(struct confirms *c, uint64_t tag, bool multiple, bool acked,
                     uint64_t written_bytes, struct event_list *events) {
    if (multiple && tag == 0) /* all of them (AMQP 0-9-1, basic.ack) */
        tag = c->next_tag - 1;
    if (tag >= c->next_tag || (!multiple && tag == 0))
        return false;
    if (tag < c->first_tag)
        return true; /* settled before */
    if (at(c, tag)->end_byte > written_bytes)
        return false; /* its body is still being written */
    uint64_t from = multiple ? c->first_tag : tag;
    for (uint64_t t = from; t <= tag; t++)
        settle(at(c, t), acked ? PUBLISH_CONFIRMED : PUBLISH_NACKED, events);
    skip_settled(c);
    return true;
}

static bool equal(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool is_returned(const struct message *m, const struct message_properties *p) {
    return m != NULL && m->p.mandatory && m->status != PUBLISH_RETURNED &&
           equal(m->p.exchange != NULL ? m->p.exchange : "", p->exchange) &&
           equal(m->p.routing_key != NULL ? m->p.routing_key : "", p->routing_key) &&
           equal(m->p.correlation_id, p->correlation_id) &&
           equal(m->p.message_id, p->message_id);
}

static bool find_returned(struct confirms *c, uint64_t from,
                          const struct message_properties *p) {
    for (uint64_t tag = from; tag < c->next_tag; tag++) {
        struct message *m = at(c, tag)->message;
        if (is_returned(m, p)) {
            m->status = PUBLISH_RETURNED;
            c->return_tag = tag + 1;
            return true;
        }
    }
    return false;
}

void confirms_returned(struct confirms *c, const struct message_properties *p) {
    uint64_t first = c->first_tag;
    uint64_t from = c->return_tag > first ? c->return_tag : first;
    if (!find_returned(c, from, p) && from > first)
        find_returned(c, first, p); /* the broker did not keep the order */
}

void confirms_lose(struct confirms *c, uint64_t written_bytes,
                   struct event_list *events) {
    for (uint64_t tag = c->first_tag; tag < c->next_tag; tag++) {
        struct confirm *confirm = at(c, tag);
        bool started = confirm->start_byte < written_bytes;
        settle(confirm, started ? PUBLISH_UNKNOWN : PUBLISH_UNSENT, events);
    }
    c->first_tag = c->next_tag;
}
