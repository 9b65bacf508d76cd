/* What the owner of a link hands over from its own threads. */
#include "amqp/inbox.h"

#include "base/wakeup.h"
#include "base/xalloc.h"
#include <stdlib.h>
#include <unistd.h>

#define KEEP_SETTLES 4096

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
    free(batch->settles);
    close(inbox->wakeup_fd);
    pthread_mutex_destroy(&inbox->lock);
}

/* Ends what began with taking the lock: wakes the link's thread, once per take. Within
 * the lock, so that `woken` and the descriptor cannot disagree. */
static void wake_and_unlock(struct inbox *inbox) {
    if (!inbox->woken && !inbox->attended) {
        inbox->woken = true;
        wakeup_signal(inbox->wakeup_fd);
    }
    pthread_mutex_unlock(&inbox->lock);
}

void inbox_attend(struct inbox *inbox, bool attended) {
    pthread_mutex_lock(&inbox->lock);
    inbox->attended = attended;
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

void inbox_put_settle(struct inbox *inbox, const struct settle *settle) {
    pthread_mutex_lock(&inbox->lock);
    struct inbox_batch *b = &inbox->batch;
    if (b->settle_count == b->settle_cap) {
        b->settle_cap = b->settle_cap > 0 ? b->settle_cap * 2 : 64;
        b->settles = xreallocarray(b->settles, b->settle_cap, sizeof *b->settles);
    }
    b->settles[b->settle_count++] = *settle;
    wake_and_unlock(inbox);
}

/* A later address takes the place of an earlier one. What the owner has given up stays
 * given up, even if the link is sent back before it has left. */
void inbox_put_go(struct inbox *inbox, uint64_t epoch, size_t url) {
    pthread_mutex_lock(&inbox->lock);
    inbox->batch.go = true;
    if (epoch != 0)
        inbox->batch.go_epoch = epoch;
    inbox->batch.go_url = url;
    wake_and_unlock(inbox);
}

void inbox_put_stop(struct inbox *inbox, unsigned flush_ms) {
    pthread_mutex_lock(&inbox->lock);
    inbox->batch.stop = true;
    inbox->batch.stop_flush_ms = flush_ms;
    wake_and_unlock(inbox);
}

void inbox_take(struct inbox *inbox, struct inbox_batch *batch) {
    struct inbox_batch empty = {.settles = batch->settles,
                                .settle_cap = batch->settle_cap};
    if (empty.settle_cap > KEEP_SETTLES) {
        free(empty.settles);
        empty.settles = NULL;
        empty.settle_cap = 0;
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
