/* What a task's queue is like: a passive declare on the link's second channel. */
#include "client/client_internal.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include "wire/task_name.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define AMQP_NOT_FOUND 404

struct asker {
    struct client_waiter waiter;
    struct crew_queue *queue;
    struct queue_look *look; /* null: answered */
};

/* A question that is under way. It outlives an asker who loses patience. */
struct queue_look {
    struct queue_probe probe; /* first: it is turned back into its look */
    struct crew_client *client;
    struct asker *asker; /* null: gone */
    struct queue_look *prev, *next;
};

static void look_free(struct queue_look *look) {
    DL_DELETE(look->client->looks, look);
    free(look);
}

static void answered(struct queue_probe *probe, const struct link_op *op) {
    struct queue_look *look = (struct queue_look *)probe;
    struct asker *asker = look->asker;
    if (asker != NULL) {
        int error = op->reply_code == AMQP_NOT_FOUND ? CREW_ENOWORKERS : CREW_EBROKER;
        *asker->queue = (struct crew_queue){.error = op->ok ? 0 : error,
                                            .messages = op->messages,
                                            .consumers = op->consumers};
        asker->look = NULL;
        client_wait_over(&asker->waiter);
    }
    look_free(look);
}

static void ask(struct crew_client *c, const char *task, struct asker *asker) {
    char name[sizeof NAME_TASK_QUEUE_PREFIX + LIMIT_TASK_NAME_BYTES];
    snprintf(name, sizeof name, "%s%s", NAME_TASK_QUEUE_PREFIX, task);
    struct queue_look *look = xcalloc(1, sizeof *look);
    look->probe.answered = answered;
    look->client = c;
    look->asker = asker;
    asker->look = look;
    DL_APPEND(c->looks, look);
    struct link_op *op = link_op_new(LINK_PROBE_QUEUE, name);
    op->owner = &look->probe;
    broker_session_op(&c->session, BROKER_SESSION_CONSUMER, op);
}

int crew_client_queue_wait(crew_client *c, const char *task, uint32_t timeout_ms,
                           struct crew_queue *queue) {
    if (task == NULL || !task_name_valid(task, strlen(task)))
        return CREW_EINVAL;
    struct asker asker = {.queue = queue};
    int error = client_wait_begin(c, &asker.waiter);
    if (error != 0)
        return error;
    *queue = (struct crew_queue){.error = CREW_EBROKER};
    ask(c, task, &asker);
    broker_session_timer_set(&c->session, &asker.waiter.timer, clock_ms() + timeout_ms);
    client_wait(&asker.waiter);
    if (asker.look != NULL)
        asker.look->asker = NULL;
    client_wait_end(&asker.waiter);
    return queue->error;
}

void queue_looks_end(struct crew_client *c) {
    struct queue_look *look;
    DL_FOREACH (c->looks, look) {
        if (look->asker == NULL)
            continue;
        look->asker->queue->error = CREW_ECLOSED;
        client_wait_over(&look->asker->waiter);
    }
}

void queue_looks_fini(struct crew_client *c) {
    while (c->looks != NULL)
        look_free(c->looks);
}
