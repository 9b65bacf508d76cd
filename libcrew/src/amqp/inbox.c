#include "amqp/inbox.h"

#include "base/wakeup.h"
#include "base/xalloc.h"
#include <crew/error.h>
#include <stdlib.h>
#include <unistd.h>

#define KEEP_SETTLEMENTS 4096

int inbox_init(struct inbox *inbox) {
    *inbox = (struct inbox){.wakeup_fd = wakeup_open()};
    if (inbox->wakeup_fd < 0)
        return CREW_ESYSTEM;
    pthread_mutex_init(&inbox->lock, NULL);
    return CREW_OK;
}

void inbox_fini(struct inbox *inbox) {
    struct inbox_batch *batch = &inbox->batch;
    while (batch->messages != NULL) {
        struct message *next = batch->messages->next;
        message_free(batch->messages);
        batch->messages = next;
    }
    while (batch->ops != NULL) {
        struct link_op *next = batch->ops->next;
        link_op_free(batch->ops);
        batch->ops = next;
    }
    free(batch->settlements);
    close(inbox->wakeup_fd);
    pthread_mutex_destroy(&inbox->lock);
}

/* Wake the taker, once per take, and unlock. The descriptor is written with the lock
 * held, so that `woken` always agrees with it. */
static void wake_and_unlock(struct inbox *inbox) {
    if (!inbox->woken && !inbox->polled) {
        inbox->woken = true;
        wakeup_signal(inbox->wakeup_fd);
    }
    pthread_mutex_unlock(&inbox->lock);
}

int inbox_fd(const struct inbox *inbox) {
    return inbox->wakeup_fd;
}

void inbox_set_polled(struct inbox *inbox, bool polled) {
    pthread_mutex_lock(&inbox->lock);
    inbox->polled = polled;
    pthread_mutex_unlock(&inbox->lock);
}

void inbox_put_messages(struct inbox *inbox, struct message *first,
                        struct message *last) {
    pthread_mutex_lock(&inbox->lock);
    if (inbox->batch.messages == NULL)
        inbox->batch.messages = first;
    else
        inbox->batch.messages_last->next = first;
    inbox->batch.messages_last = last;
    wake_and_unlock(inbox);
}

void inbox_put_op(struct inbox *inbox, struct link_op *op) {
    pthread_mutex_lock(&inbox->lock);
    if (inbox->batch.ops == NULL)
        inbox->batch.ops = op;
    else
        inbox->batch.ops_last->next = op;
    inbox->batch.ops_last = op;
    wake_and_unlock(inbox);
}

void inbox_put_settlement(struct inbox *inbox, const struct settlement *settlement) {
    pthread_mutex_lock(&inbox->lock);
    struct inbox_batch *b = &inbox->batch;
    if (b->settlement_count == b->settlement_cap) {
        b->settlement_cap = b->settlement_cap > 0 ? b->settlement_cap * 2 : 64;
        b->settlements =
            xreallocarray(b->settlements, b->settlement_cap, sizeof *b->settlements);
    }
    b->settlements[b->settlement_count++] = *settlement;
    wake_and_unlock(inbox);
}

/* A later address replaces an earlier one. The epoch of a connection that was given up
 * stays, also if the second switch names none. */
void inbox_put_switch(struct inbox *inbox, uint64_t epoch, size_t url) {
    pthread_mutex_lock(&inbox->lock);
    inbox->batch.switch_address = true;
    if (epoch != 0)
        inbox->batch.switch_epoch = epoch;
    inbox->batch.switch_url = url;
    wake_and_unlock(inbox);
}

void inbox_put_stop(struct inbox *inbox, unsigned flush_ms) {
    pthread_mutex_lock(&inbox->lock);
    inbox->batch.stop = true;
    inbox->batch.stop_flush_ms = flush_ms;
    wake_and_unlock(inbox);
}

void inbox_take(struct inbox *inbox, struct inbox_batch *batch) {
    struct inbox_batch empty = {.settlements = batch->settlements,
                                .settlement_cap = batch->settlement_cap};
    if (empty.settlement_cap > KEEP_SETTLEMENTS) {
        free(empty.settlements);
        empty.settlements = NULL;
        empty.settlement_cap = 0;
    }
    pthread_mutex_lock(&inbox->lock);
    if (inbox->woken) {
        wakeup_clear(inbox->wakeup_fd);
        inbox->woken = false;
    }
    *batch = inbox->batch;
    inbox->batch = empty;
    pthread_mutex_unlock(&inbox->lock);
}
