/* A link: the thread that owns a connection and makes it anew when it is lost.
 *
 * Design notes. The owner's threads put into the inbox, the link's thread takes it whole,
 * and hands back all that happened in one list per turn. Nothing else is shared.
 * Connecting blocks the link's thread (name look-up, TLS and login do); link_free does
 * not wait for that: it leaves a thread that is late to end by itself and to free the
 * link then.
 */
#include "amqp/link_internal.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include <assert.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CLOSE_TIMEOUT_MS 500u /* for the broker's answer to our good-bye */
#define FREE_TIMEOUT_MS 1000u /* that link_free waits beyond flushing */
/* rabbitmq-c decodes nested tables by recursion: a frame full of them needs megabytes. */
#define STACK_BYTES ((size_t)16 * 1024 * 1024)

static const char *const state_names[LINK_STATE_COUNT] = {
    [LINK_STATE_WAITING] = "waiting",
    [LINK_STATE_CONNECTING] = "connecting",
    [LINK_STATE_OPEN] = "open",
    [LINK_STATE_FLUSHING] = "flushing",
    [LINK_STATE_CLOSING] = "closing",
    [LINK_STATE_CLOSED] = "closed",
    [LINK_STATE_CALLER_DRIVEN] = "caller-driven",
};

/* The one place where the state changes, but for a loan (link_run_caller_driven.c). */
static void enter(struct link *l, enum link_state next) {
    uint64_t now_ms = clock_ms();
    assert(state_names[next] != NULL);
    switch (next) {
    case LINK_STATE_OPEN:
        l->opened_at_ms = now_ms;
        break;
    case LINK_STATE_FLUSHING:
        l->until_ms = now_ms + l->flush_ms;
        break;
    case LINK_STATE_CLOSING:
        connection_close(&l->connection);
        l->until_ms = now_ms + CLOSE_TIMEOUT_MS;
        break;
    case LINK_STATE_CLOSED:
        if (l->connected) {
            connection_fini(&l->connection);
            l->connected = false;
        }
        break;
    case LINK_STATE_WAITING:
    case LINK_STATE_CONNECTING:
    case LINK_STATE_CALLER_DRIVEN:
    case LINK_STATE_COUNT:
        break;
    }
    l->state = next;
}

static void wait_then_connect(struct link *l, uint32_t wait_ms) {
    enter(l, LINK_STATE_WAITING);
    l->until_ms = clock_ms() + wait_ms;
}

void link_emit(struct link *l) {
    struct link_event *list = event_list_take(&l->events);
    if (list == NULL)
        return;
    if (l->stopping) {
        struct event_list discarded = {.first = list};
        event_list_free(&discarded);
    } else {
        l->on_events(l->arg, list);
    }
}

/* ---- what the owner hands over ---- */

static bool is_current(const struct link *l, uint64_t epoch) {
    return l->connected && l->epoch == epoch;
}

/* Messages for a connection that is no more have their fate at once. */
static void take_messages(struct link *l, struct message *m) {
    struct message *fresh = NULL;
    struct message **end = &fresh;
    while (m != NULL) {
        struct message *next = m->next;
        if (is_current(l, m->epoch)) {
            *end = m;
            end = &m->next;
        } else {
            event_publish_status(&l->events, m, PUBLISH_UNSENT);
        }
        m = next;
    }
    *end = NULL;
    connection_publish(&l->connection, fresh);
}

static void take_ops(struct link *l, struct link_op *op) {
    while (op != NULL) {
        struct link_op *next = op->next;
        op->next = NULL;
        if (is_current(l, op->epoch))
            connection_op(&l->connection, op);
        else
            event_op(&l->events, op->epoch, op);
        op = next;
    }
}

static void take_go(struct link *l) {
    const struct inbox_batch *b = &l->batch;
    if (!b->go || (l->connected && l->epoch != b->go_epoch))
        return;
    if (!l->connected) {
        l->backoff.url = b->go_url;
    } else {
        l->sent_away = true;
        l->go_url = b->go_url;
        connection_leave(&l->connection, "left for another address");
    }
}

static void take_stop(struct link *l) {
    l->stopping = true;
    l->flush_ms = l->batch.stop_flush_ms;
    enter(l, l->connected ? LINK_STATE_FLUSHING : LINK_STATE_CLOSED);
}

void link_take_inbox(struct link *l) {
    inbox_take(&l->inbox, &l->batch);
    take_messages(l, l->batch.messages);
    take_ops(l, l->batch.ops);
    if (l->connected)
        connection_settle(&l->connection, l->batch.settles, l->batch.settle_count);
    take_go(l);
    if (l->batch.stop)
        take_stop(l);
}

/* ---- the states ---- */

static int left_ms(uint64_t until_ms) {
    uint64_t now_ms = clock_ms();
    return until_ms > now_ms ? (int)(until_ms - now_ms) : 0;
}

static void run_waiting(struct link *l) {
    struct pollfd p = {.fd = l->inbox.wakeup_fd, .events = POLLIN};
    poll(&p, 1, left_ms(l->until_ms));
    link_take_inbox(l);
    if (l->state == LINK_STATE_WAITING && left_ms(l->until_ms) == 0)
        enter(l, LINK_STATE_CONNECTING);
}

static void report(struct link *l, enum link_event_kind kind, const char *why) {
    const struct crew_broker_url *url = &l->broker.urls[l->backoff.url];
    char text[LOGIN_WHY_BYTES + 300];
    snprintf(text, sizeof text, "%s:%d: %s", url->host, url->port, why);
    event_text(&l->events, kind, l->epoch, text);
}

/* TLS may block when it writes, which must not be the owner's trouble. */
static bool lends(const struct link *l) {
    return l->epoll_fd >= 0 && !l->connection.transport.tls;
}

static void report_open(struct link *l) {
    const struct crew_broker_url *url = &l->broker.urls[l->backoff.url];
    char text[300];
    snprintf(text, sizeof text, "%s:%d", url->host, url->port);
    event_open(&l->events, l->epoch, l->backoff.url, lends(l), text);
}

static void run_connecting(struct link *l) {
    const struct crew_broker_url *url = &l->broker.urls[l->backoff.url];
    struct login login = {
        .broker = &l->broker, .url = url, .name = l->name, .confirms = l->confirms};
    if (connection_open(&l->connection, &login, l->epoch + 1, &l->events)) {
        l->epoch++;
        l->connected = true;
        report_open(l);
        enter(l, LINK_STATE_OPEN);
    } else {
        report(l, LINK_FAILED, l->connection.why);
        wait_then_connect(l, backoff_after_failure_ms(&l->backoff));
    }
    link_take_inbox(l); /* if the owner has left meanwhile, it must not hear of this */
    if (l->state == LINK_STATE_OPEN && lends(l))
        link_run_caller_driven(l);
}

void link_lost(struct link *l) {
    uint64_t lasted_ms = clock_ms() - l->opened_at_ms;
    char why[LOGIN_WHY_BYTES];
    snprintf(why, sizeof why, "%s", l->connection.why);
    connection_fini(&l->connection);
    l->connected = false;
    report(l, LINK_LOST, why);
    wait_then_connect(l, backoff_after_loss_ms(&l->backoff, lasted_ms));
    if (l->sent_away) {
        l->sent_away = false;
        l->backoff.url = l->go_url;
    }
}

/* One turn with the connection: wait for something to do, and do all there is. */
static void turn(struct link *l, int timeout_ms) {
    struct pollfd p[] = {
        {.fd = l->inbox.wakeup_fd, .events = POLLIN},
        {.fd = l->connection.transport.fd,
         .events = connection_poll_events(&l->connection)},
    };
    int most_ms = connection_timeout_ms(&l->connection, clock_ms());
    if (timeout_ms < 0 || (most_ms >= 0 && most_ms < timeout_ms))
        timeout_ms = most_ms;
    if (poll(p, 2, timeout_ms) <= 0)
        p[0].revents = p[1].revents = 0;
    if (p[0].revents != 0)
        link_take_inbox(l);
    if (l->connected) {
        connection_turn(&l->connection,
                        (p[1].revents & (POLLIN | POLLERR | POLLHUP)) != 0);
    }
}

static void run_open(struct link *l) {
    turn(l, -1);
    if (l->state == LINK_STATE_OPEN && l->connection.state == CONNECTION_LOST)
        link_lost(l);
}

static void run_flushing(struct link *l) {
    if (!connection_idle(&l->connection))
        turn(l, left_ms(l->until_ms));
    if (l->connection.state == CONNECTION_LOST)
        enter(l, LINK_STATE_CLOSED);
    else if (connection_idle(&l->connection) || left_ms(l->until_ms) == 0)
        enter(l, LINK_STATE_CLOSING);
}

static void run_closing(struct link *l) {
    turn(l, left_ms(l->until_ms));
    if (l->connection.state == CONNECTION_LOST || left_ms(l->until_ms) == 0)
        enter(l, LINK_STATE_CLOSED);
}

static void link_delete(struct link *l) {
    event_list_free(&l->events);
    free(l->batch.settles);
    inbox_fini(&l->inbox);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    crew_broker_fini(&l->broker);
    free(l->name);
    free(l);
}

static void *run(void *arg) {
    static void (*const steps[LINK_STATE_COUNT])(struct link *) = {
        [LINK_STATE_WAITING] = run_waiting, [LINK_STATE_CONNECTING] = run_connecting,
        [LINK_STATE_OPEN] = run_open,       [LINK_STATE_FLUSHING] = run_flushing,
        [LINK_STATE_CLOSING] = run_closing,
    };
    struct link *l = arg;
    while (l->state != LINK_STATE_CLOSED) {
        steps[l->state](l);
        link_emit(l);
    }
    pthread_mutex_lock(&l->lock);
    l->ended = true;
    pthread_cond_signal(&l->changed);
    bool left_alone = l->left_alone;
    pthread_mutex_unlock(&l->lock);
    if (left_alone)
        link_delete(l);
    return NULL;
}

/* ---- the owner's side ---- */

/* Signals belong to the program's own threads. */
static int start_thread(struct link *l) {
    sigset_t all, before;
    pthread_attr_t attributes;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&l->thread, &attributes, run, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error == 0 ? CREW_OK : CREW_ESYSTEM;
}

static void init_end(struct link *l) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&l->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&l->lock, NULL);
}

int link_new(const struct link_options *options, struct link **link) {
    assert(options->broker->url_count > 0);
    struct link *l = xcalloc(1, sizeof *l);
    int error = inbox_init(&l->inbox);
    if (error != CREW_OK) {
        free(l);
        return error;
    }
    init_end(l);
    l->name = xstrdup(options->name != NULL ? options->name : "crew");
    l->confirms = options->confirms;
    l->epoll_fd = options->caller_driven_io ? options->caller_epoll_fd : -1;
    l->epoll_tag = options->caller_epoll_tag;
    l->on_events = options->on_events;
    l->arg = options->arg;
    l->state = LINK_STATE_CONNECTING;
    error = crew_broker_copy(&l->broker, options->broker);
    l->backoff.url_count = l->broker.url_count;
    if (error == CREW_OK)
        error = start_thread(l);
    if (error != CREW_OK) {
        link_delete(l);
        return error;
    }
    *link = l;
    return CREW_OK;
}

void link_publish(struct link *link, uint64_t epoch, struct message *list) {
    assert(link->confirms);
    struct message *last = NULL;
    for (struct message *m = list; m != NULL; m = m->next) {
        m->epoch = epoch;
        last = m;
    }
    if (last != NULL)
        inbox_put_messages(&link->inbox, list, last);
}

void link_op(struct link *link, uint64_t epoch, struct link_op *op) {
    op->epoch = epoch;
    op->next = NULL;
    inbox_put_op(&link->inbox, op);
}

void link_ack(struct link *link, uint64_t epoch, uint64_t delivery_tag) {
    struct settle settle = {epoch, delivery_tag, SETTLE_ACK};
    inbox_put_settle(&link->inbox, &settle);
}

void link_reject(struct link *link, uint64_t epoch, uint64_t delivery_tag, bool requeue) {
    struct settle settle = {epoch, delivery_tag,
                            requeue ? SETTLE_REQUEUE : SETTLE_REJECT};
    inbox_put_settle(&link->inbox, &settle);
}

void link_switch_address(struct link *link, uint64_t epoch, size_t url) {
    assert(url < link->broker.url_count);
    inbox_put_go(&link->inbox, epoch, url);
}

/* Whether the thread has ended, or does so in time. If not, the link is its own now. */
static bool end_until(struct link *l, uint64_t until_ms) {
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                             .tv_nsec = (long)(until_ms % 1000) * 1000000};
    int error = 0;
    pthread_mutex_lock(&l->lock);
    while (!l->ended && error == 0)
        error = pthread_cond_timedwait(&l->changed, &l->lock, &until);
    bool ended = l->ended;
    l->left_alone = !ended;
    pthread_mutex_unlock(&l->lock);
    return ended;
}

void link_stop(struct link *link, unsigned flush_ms) {
    if (link == NULL || link->free_by_ms != 0)
        return;
    link->free_by_ms = clock_ms() + flush_ms + FREE_TIMEOUT_MS;
    link_reclaim(link);
    inbox_put_stop(&link->inbox, flush_ms);
}

void link_free(struct link *link, unsigned flush_ms) {
    if (link == NULL)
        return;
    pthread_t thread = link->thread;
    link_stop(link, flush_ms);
    if (end_until(link, link->free_by_ms)) {
        pthread_join(thread, NULL);
        link_delete(link);
    } else {
        pthread_detach(thread); /* it is stuck in an attempt to connect */
    }
}
