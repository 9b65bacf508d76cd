/* Ids that callers took back. Best effort: remembered until their deadline, bounded, the
 * newcomer is dropped when there are too many. */
#include "worker/worker_internal.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static void forget(struct cancelled *c) {
    broker_session_timer_clear(&c->worker->session, &c->timer);
    HASH_DEL(c->worker->cancelled, c);
    free(c);
}

static void at_deadline(struct broker_session_timer *timer) {
    forget((struct cancelled *)((char *)timer - offsetof(struct cancelled, timer)));
}

bool cancelled_has(const crew_worker *w, const void *id, size_t id_bytes) {
    struct cancelled *c = NULL;
    if (w->cancelled != NULL)
        HASH_FIND(hh, w->cancelled, id, id_bytes, c);
    return c != NULL;
}

void cancelled_remember(crew_worker *w, const struct wire_item *item) {
    if (item->id.len > LIMIT_ITEM_ID_BYTES ||
        HASH_COUNT(w->cancelled) >= LIMIT_CANCELLED_IDS ||
        cancelled_has(w, item->id.data, item->id.len))
        return;
    struct cancelled *c = xcalloc(1, sizeof *c);
    c->worker = w;
    c->id_bytes = item->id.len;
    memcpy(c->id, item->id.data, item->id.len);
    c->timer.fire = at_deadline;
    HASH_ADD_KEYPTR(hh, w->cancelled, c->id, c->id_bytes, c);
    uint32_t left_ms = item->budget_ms == 0 || item->budget_ms > LIMIT_EXPIRATION_MS
                           ? LIMIT_EXPIRATION_MS
                           : item->budget_ms;
    broker_session_timer_set(&w->session, &c->timer, clock_ms() + left_ms);
}

void cancelled_fini(crew_worker *w) {
    struct cancelled *c, *next;
    HASH_ITER (hh, w->cancelled, c, next) {
        HASH_DEL(w->cancelled, c);
        free(c);
    }
}
