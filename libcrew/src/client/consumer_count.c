/* For calls that shall fail at once when nobody consumes their queue: the number of
 * consumers, asked by passive declare on the link's second channel and believed for a
 * second. Calls that come meanwhile wait for the same answer. */
#include "client/client_internal.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define BELIEVED_MS 1000u
#define MAX_ENTRIES 1000u

#define AMQP_NOT_FOUND 404

static void entry_free(struct crew_client *c, struct consumers *entry) {
    HASH_DEL(c->consumers, entry);
    free(entry->queue);
    free(entry);
}

/* Queue names come from a web server's configuration, perhaps with variables in it: keep
 * their number bounded. The hash keeps the order in which they came. */
static void make_room(struct crew_client *c) {
    while (HASH_COUNT(c->consumers) >= MAX_ENTRIES && !c->consumers->asking)
        entry_free(c, c->consumers);
}

static void answered(struct queue_probe *probe, const struct link_op *op);

static struct consumers *entry_for(struct crew_client *c, const char *queue) {
    struct consumers *entry;
    HASH_FIND_STR(c->consumers, queue, entry);
    if (entry != NULL)
        return entry;
    make_room(c);
    entry = xcalloc(1, sizeof *entry);
    entry->probe.answered = answered;
    entry->queue = xstrdup(queue);
    HASH_ADD_KEYPTR(hh, c->consumers, entry->queue, strlen(entry->queue), entry);
    return entry;
}

static void decide(struct crew_pending *call, uint32_t count) {
    if (count == 0)
        call_doom(call, CREW_ENOWORKERS);
    else
        call_enqueue(call);
}

void consumers_ask(struct crew_pending *call) {
    struct crew_client *c = call->client;
    if (!client_ready(c)) {
        call_enqueue(call);
        return;
    }
    struct consumers *entry = entry_for(c, call->lane->queue);
    if (entry->checked_ms != 0 && clock_ms() - entry->checked_ms < BELIEVED_MS) {
        decide(call, entry->count);
        return;
    }
    call->state = CALL_PROBING;
    call_list_move(call, &entry->waiting);
    if (!entry->asking) {
        entry->asking = true;
        struct link_op *op = link_op_new(LINK_PROBE_QUEUE, entry->queue);
        op->owner = &entry->probe;
        broker_session_op(&c->session, BROKER_SESSION_CONSUMER, op);
    }
}

static void answered(struct queue_probe *probe, const struct link_op *op) {
    struct consumers *entry = (struct consumers *)probe;
    bool known = op->ok || op->reply_code == AMQP_NOT_FOUND;
    entry->asking = false;
    entry->count = op->ok ? op->consumers : 0;
    entry->checked_ms = known ? clock_ms() : 0;
    struct crew_pending *call, *next;
    DL_FOREACH_SAFE (entry->waiting.head, call, next)
        decide(call, known ? entry->count : 1);
}

void consumers_fini(struct crew_client *c) {
    struct consumers *entry, *next;
    HASH_ITER (hh, c->consumers, entry, next)
        entry_free(c, entry);
}
