#include "amqp/acks.h"

#include "base/xalloc.h"
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 64

enum delivery_state {
    DELIVERY_SETTLED,   /* acked, rejected, or of a consumer without acks */
    DELIVERY_UNSETTLED, /* the owner of the link will settle it */
    DELIVERY_ACKED      /* its ack is to be written; only within acks_settle */
};

void acks_init(struct acks *a) {
    *a = (struct acks){.first_tag = 1, .next_tag = 1};
}

void acks_fini(struct acks *a) {
    for (size_t i = 0; i < a->no_ack_count; i++)
        free(a->no_ack[i]);
    free(a->no_ack);
    free(a->ring);
    *a = (struct acks){0};
}

static uint8_t *at(const struct acks *a, uint64_t tag) {
    return &a->ring[tag & (a->cap - 1)];
}

static void grow(struct acks *a) {
    struct acks bigger = *a;
    bigger.cap = a->cap > 0 ? a->cap * 2 : FIRST_CAP;
    bigger.ring = xcalloc(1, bigger.cap);
    for (uint64_t tag = a->first_tag; tag < a->next_tag; tag++)
        *at(&bigger, tag) = *at(a, tag);
    free(a->ring);
    *a = bigger;
}

/* Index of a consumer among those without acks, or their count. They are few: the private
 * queues of the link's owner. */
static size_t find_no_ack(const struct acks *a, const char *consumer) {
    size_t i = 0;
    while (i < a->no_ack_count && strcmp(a->no_ack[i], consumer) != 0)
        i++;
    return i;
}

void acks_set_consumer(struct acks *a, const char *consumer, bool no_ack) {
    size_t i = find_no_ack(a, consumer);
    bool known = i < a->no_ack_count;
    if (no_ack && !known) {
        a->no_ack = xreallocarray(a->no_ack, a->no_ack_count + 1, sizeof *a->no_ack);
        a->no_ack[a->no_ack_count++] = xstrdup(consumer);
    } else if (!no_ack && known) {
        free(a->no_ack[i]);
        a->no_ack[i] = a->no_ack[--a->no_ack_count];
    }
}

static void skip_settled(struct acks *a) {
    while (a->first_tag < a->next_tag && *at(a, a->first_tag) == DELIVERY_SETTLED)
        a->first_tag++;
}

bool acks_delivered(struct acks *a, uint64_t tag, const char *consumer) {
    if (tag != a->next_tag)
        return false;
    if (a->next_tag - a->first_tag == a->cap)
        grow(a);
    bool no_ack = find_no_ack(a, consumer) < a->no_ack_count;
    *at(a, a->next_tag++) = no_ack ? DELIVERY_SETTLED : DELIVERY_UNSETTLED;
    skip_settled(a);
    return true;
}

static bool is_unsettled(const struct acks *a, const struct settlement *s,
                         uint64_t epoch) {
    return s->epoch == epoch && s->tag >= a->first_tag && s->tag < a->next_tag &&
           *at(a, s->tag) == DELIVERY_UNSETTLED;
}

static void write_ack(struct transport *t, amqp_channel_t channel, uint64_t tag,
                      bool multiple) {
    amqp_basic_ack_t ack = {.delivery_tag = tag, .multiple = multiple};
    transport_method(t, channel, AMQP_BASIC_ACK_METHOD, &ack);
}

/* Ack the settled deliveries below the first unsettled one, as one ack of the highest
 * acked tag: it must not name a rejected one, which the broker no longer knows. */
static void ack_lowest_run(struct acks *a, struct transport *t, amqp_channel_t channel) {
    uint64_t last = 0;
    unsigned count = 0;
    while (a->first_tag < a->next_tag && *at(a, a->first_tag) != DELIVERY_UNSETTLED) {
        if (*at(a, a->first_tag) == DELIVERY_ACKED) {
            last = a->first_tag;
            count++;
        }
        *at(a, a->first_tag++) = DELIVERY_SETTLED;
    }
    if (count > 0)
        write_ack(t, channel, last, count > 1);
}

void acks_settle(struct acks *a, struct transport *t, amqp_channel_t channel,
                 const struct settlement *list, size_t count, uint64_t epoch) {
    for (size_t i = 0; i < count; i++) {
        if (!is_unsettled(a, &list[i], epoch))
            continue;
        if (list[i].kind == SETTLE_ACK) {
            *at(a, list[i].tag) = DELIVERY_ACKED;
            continue;
        }
        amqp_basic_reject_t reject = {.delivery_tag = list[i].tag,
                                      .requeue = list[i].kind == SETTLE_REQUEUE};
        transport_method(t, channel, AMQP_BASIC_REJECT_METHOD, &reject);
        *at(a, list[i].tag) = DELIVERY_SETTLED;
    }
    ack_lowest_run(a, t, channel);
    for (size_t i = 0; i < count; i++) {
        uint64_t tag = list[i].tag;
        if (list[i].epoch == epoch && tag >= a->first_tag && tag < a->next_tag &&
            *at(a, tag) == DELIVERY_ACKED) {
            write_ack(t, channel, tag, false);
            *at(a, tag) = DELIVERY_SETTLED;
        }
    }
}
