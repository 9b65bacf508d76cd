/* Deliveries that wait for an ack or a reject. */
#include "amqp/acks.h"

#include "base/xalloc.h"
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 64

enum delivery_state {
    DELIVERY_SETTLED, /* nothing more to come */
    DELIVERY_WAITING, /* its consumer has it; the owner of the link will settle it */
    DELIVERY_ACKED    /* the ack is about to be written, within acks_settle */
};

void acks_init(struct acks *a) {
    *a = (struct acks){.first_tag = 1, .next_tag = 1};
}

void acks_fini(struct acks *a) {
    for (size_t i = 0; i < a->silent_count; i++)
        free(a->silent[i]);
    free(a->silent);
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

/* Place of a consumer among the silent ones, or their count. They are few: the private
 * queues of the link's owner. */
static size_t find_silent(const struct acks *a, const char *consumer) {
    size_t i = 0;
    while (i < a->silent_count && strcmp(a->silent[i], consumer) != 0)
        i++;
    return i;
}

void acks_set_consumer(struct acks *a, const char *consumer, bool no_ack) {
    size_t i = find_silent(a, consumer);
    bool known = i < a->silent_count;
    if (no_ack && !known) {
        a->silent = xreallocarray(a->silent, a->silent_count + 1, sizeof *a->silent);
        a->silent[a->silent_count++] = xstrdup(consumer);
    } else if (!no_ack && known) {
        free(a->silent[i]);
        a->silent[i] = a->silent[--a->silent_count];
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
    bool silent = find_silent(a, consumer) < a->silent_count;
    *at(a, a->next_tag++) = silent ? DELIVERY_SETTLED : DELIVERY_WAITING;
    skip_settled(a);
    return true;
}

static bool is_waiting(const struct acks *a, const struct settle *s, uint64_t epoch) {
    return s->epoch == epoch && s->tag >= a->first_tag && s->tag < a->next_tag &&
           *at(a, s->tag) == DELIVERY_WAITING;
}

static void write_ack(struct transport *t, amqp_channel_t channel, uint64_t tag,
                      bool multiple) {
    amqp_basic_ack_t ack = {.delivery_tag = tag, .multiple = multiple};
    transport_method(t, channel, AMQP_BASIC_ACK_METHOD, &ack);
}

/* The run of settled deliveries at the lower end, as one ack of its highest acked tag. */
static void ack_lower_end(struct acks *a, struct transport *t, amqp_channel_t channel) {
    uint64_t last = 0;
    unsigned count = 0;
    while (a->first_tag < a->next_tag && *at(a, a->first_tag) != DELIVERY_WAITING) {
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
                 const struct settle *list, size_t count, uint64_t epoch) {
    for (size_t i = 0; i < count; i++) {
        if (!is_waiting(a, &list[i], epoch))
            continue;
        if (list[i].verb == SETTLE_ACK) {
            *at(a, list[i].tag) = DELIVERY_ACKED;
            continue;
        }
        amqp_basic_reject_t reject = {.delivery_tag = list[i].tag,
                                      .requeue = list[i].verb == SETTLE_REQUEUE};
        transport_method(t, channel, AMQP_BASIC_REJECT_METHOD, &reject);
        *at(a, list[i].tag) = DELIVERY_SETTLED;
    }
    ack_lower_end(a, t, channel);
    for (size_t i = 0; i < count; i++) {
        uint64_t tag = list[i].tag;
        if (list[i].epoch == epoch && tag >= a->first_tag && tag < a->next_tag &&
            *at(a, tag) == DELIVERY_ACKED) {
            write_ack(t, channel, tag, false);
            *at(a, tag) = DELIVERY_SETTLED;
        }
    }
}
