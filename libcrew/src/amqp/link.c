/* The link's thread and its states.
 *
 * Design notes. The owner's threads put commands into the inbox; the thread that owns the
 * link takes the whole inbox at once and passes on all that has happened as one list of
 * events. Nothing else is shared. Which thread owns the link is decided by io_owner.h.
 *
 * Connecting blocks the link's thread (name resolution, TLS and login block). link_free
 * does not wait for that: it abandons the link, and the thread frees it when it ends.
 */
#include "amqp/link.h"

#include "amqp/backoff.h"
#include "amqp/connection.h"
#include "amqp/epoll_watch.h"
#include "amqp/inbox.h"
#include "amqp/io_owner.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include <assert.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define CLOSE_TIMEOUT_MS 500u /* for the broker's close-ok */
#define FREE_TIMEOUT_MS 1000u /* how long link_free waits beyond flushing */
/* rabbitmq-c decodes nested tables recursively: a frame full of them needs megabytes. */
#define STACK_BYTES ((size_t)16 * 1024 * 1024)

/* Only the thread that owns the link reads or changes the state. */
enum link_state {
    LINK_STATE_WAITING,       /* no connection; until until_ms, then CONNECTING */
    LINK_STATE_CONNECTING,    /* an attempt is made; then OPEN, or WAITING again */
    LINK_STATE_OPEN,          /* the link's thread does the I/O; until the connection is
                                 lost (WAITING) or link_stop (FLUSHING) */
    LINK_STATE_CALLER_DRIVEN, /* the caller does the I/O; until the connection is lost
                                 (WAITING) or link_stop (OPEN) */
    LINK_STATE_FLUSHING,      /* link_stop was called; until everything is sent and
                                 answered, or until_ms (CLOSING) */
    LINK_STATE_CLOSING,       /* connection.close was sent; until close-ok or until_ms
                                 (CLOSED) */
    LINK_STATE_CLOSED,        /* the thread ends */
    LINK_STATE_COUNT
};

struct link {
    struct inbox inbox;
    struct io_owner io_owner;
    pthread_t thread;

    /* of the link's owner */
    uint64_t free_by_ms;      /* how long link_free waits; 0: link_stop was not called */
    struct epoll_watch watch; /* epoll_fd -1: no caller-driven I/O */

    /* of the thread that owns the link (io_owner.h) */
    struct crew_broker broker;
    char *name;
    bool confirms;
    void (*on_events)(void *arg, struct link_event *list);
    void *arg;
    enum link_state state;
    uint64_t until_ms;
    uint64_t flush_ms;
    uint64_t opened_at_ms;
    struct backoff backoff;
    uint64_t epoch;
    bool connected;      /* connection is in use */
    bool switch_pending; /* the next attempt is at switch_url, whatever backoff says */
    size_t switch_url;
    struct connection connection;
    struct inbox_batch batch;
    struct event_list events;
    bool stopping; /* link_stop was called: events are discarded */
};

static const char *const state_names[LINK_STATE_COUNT] = {
    [LINK_STATE_WAITING] = "waiting",
    [LINK_STATE_CONNECTING] = "connecting",
    [LINK_STATE_OPEN] = "open",
    [LINK_STATE_FLUSHING] = "flushing",
    [LINK_STATE_CLOSING] = "closing",
    [LINK_STATE_CLOSED] = "closed",
    [LINK_STATE_CALLER_DRIVEN] = "caller-driven",
};

/* Changes the state, and does what its start requires. */
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

/* Pass on what has happened. */
static void emit(struct link *l) {
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

/* ---- commands ---- */

static bool is_current(const struct link *l, uint64_t epoch) {
    return l->connected && l->epoch == epoch;
}

/* The status of messages for another connection is known at once. */
static void take_messages(struct link *l, struct message *m) {
    struct message *current = NULL;
    struct message **end = &current;
    while (m != NULL) {
        struct message *next = m->next;
        if (is_current(l, m->epoch)) {
            *end = m;
            end = &m->next;
        } else {
            event_list_add_status(&l->events, m, PUBLISH_UNSENT);
        }
        m = next;
    }
    *end = NULL;
    connection_publish(&l->connection, current);
}

static void take_ops(struct link *l, struct link_op *op) {
    while (op != NULL) {
        struct link_op *next = op->next;
        op->next = NULL;
        if (is_current(l, op->epoch))
            connection_op(&l->connection, op);
        else
            event_list_add_op(&l->events, op->epoch, op);
        op = next;
    }
}

static void take_switch(struct link *l) {
    const struct inbox_batch *b = &l->batch;
    if (!b->switch_address || (l->connected && l->epoch != b->switch_epoch))
        return;
    if (!l->connected) {
        l->backoff.url = b->switch_url;
    } else {
        l->switch_pending = true;
        l->switch_url = b->switch_url;
        connection_leave(&l->connection, "left for another address");
    }
}

static void take_stop(struct link *l) {
    l->stopping = true;
    l->flush_ms = l->batch.stop_flush_ms;
    enter(l, l->connected ? LINK_STATE_FLUSHING : LINK_STATE_CLOSED);
}

static void take_inbox(struct link *l) {
    inbox_take(&l->inbox, &l->batch);
    take_messages(l, l->batch.messages);
    take_ops(l, l->batch.ops);
    if (l->connected)
        connection_settle(&l->connection, l->batch.settlements,
                          l->batch.settlement_count);
    take_switch(l);
    if (l->batch.stop)
        take_stop(l);
}

/* ---- the states ---- */

static int left_ms(uint64_t until_ms) {
    uint64_t now_ms = clock_ms();
    return until_ms > now_ms ? (int)(until_ms - now_ms) : 0;
}

static void run_waiting(struct link *l) {
    struct pollfd p = {.fd = inbox_fd(&l->inbox), .events = POLLIN};
    poll(&p, 1, left_ms(l->until_ms));
    take_inbox(l);
    if (l->state == LINK_STATE_WAITING && left_ms(l->until_ms) == 0)
        enter(l, LINK_STATE_CONNECTING);
}

static void report(struct link *l, enum link_event_kind kind, const char *reason) {
    const struct crew_broker_url *url = &l->broker.urls[l->backoff.url];
    char text[LOGIN_ERROR_BYTES + 300];
    snprintf(text, sizeof text, "%s:%d: %s", url->host, url->port, reason);
    event_list_add_text(&l->events, kind, l->epoch, text);
}

/* A write over TLS may block, which must not happen on the caller's thread. */
static bool is_caller_driven(const struct link *l) {
    return l->watch.epoll_fd >= 0 && !connection_may_block(&l->connection);
}

static void report_open(struct link *l) {
    const struct crew_broker_url *url = &l->broker.urls[l->backoff.url];
    char text[300];
    snprintf(text, sizeof text, "%s:%d", url->host, url->port);
    event_list_add_open(&l->events, l->epoch, l->backoff.url, is_caller_driven(l), text);
}

/* Pass the open link to the caller, and wait until it comes back. */
static void run_caller_driven(struct link *l) {
    inbox_set_polled(&l->inbox, true);
    l->state = LINK_STATE_CALLER_DRIVEN;
    if (io_owner_pass_to_caller(&l->io_owner)) {
        emit(l); /* LINK_OPEN */
        io_owner_await_return(&l->io_owner);
    } else {
        l->state = LINK_STATE_OPEN;
        inbox_set_polled(&l->inbox, false);
    }
    take_inbox(l); /* commands of the meantime caused no wake-up */
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
        report(l, LINK_FAILED, connection_error(&l->connection));
        wait_then_connect(l, backoff_after_failure_ms(&l->backoff));
    }
    take_inbox(l); /* after link_stop in the meantime, nothing is reported */
    if (l->state == LINK_STATE_OPEN && is_caller_driven(l))
        run_caller_driven(l);
}

/* The connection is lost: report it, and wait before the next attempt. */
static void lose(struct link *l) {
    uint64_t lasted_ms = clock_ms() - l->opened_at_ms;
    char error[LOGIN_ERROR_BYTES];
    snprintf(error, sizeof error, "%s", connection_error(&l->connection));
    connection_fini(&l->connection);
    l->connected = false;
    report(l, LINK_LOST, error);
    wait_then_connect(l, backoff_after_loss_ms(&l->backoff, lasted_ms));
    if (l->switch_pending) {
        l->switch_pending = false;
        l->backoff.url = l->switch_url;
    }
}

/* Wait for commands, I/O or a timer, and process them. */
static void drive(struct link *l, int timeout_ms) {
    struct pollfd p[] = {
        {.fd = inbox_fd(&l->inbox), .events = POLLIN},
        {.fd = connection_fd(&l->connection),
         .events = connection_poll_events(&l->connection)},
    };
    int due_ms = connection_timeout_ms(&l->connection, clock_ms());
    if (timeout_ms < 0 || (due_ms >= 0 && due_ms < timeout_ms))
        timeout_ms = due_ms;
    if (poll(p, 2, timeout_ms) <= 0)
        p[0].revents = p[1].revents = 0;
    if (p[0].revents != 0)
        take_inbox(l);
    if (l->connected) {
        connection_drive(&l->connection,
                         (p[1].revents & (POLLIN | POLLERR | POLLHUP)) != 0);
    }
}

static void run_open(struct link *l) {
    drive(l, -1);
    if (l->state == LINK_STATE_OPEN && connection_is_lost(&l->connection))
        lose(l);
}

static void run_flushing(struct link *l) {
    if (!connection_is_idle(&l->connection))
        drive(l, left_ms(l->until_ms));
    if (connection_is_lost(&l->connection))
        enter(l, LINK_STATE_CLOSED);
    else if (connection_is_idle(&l->connection) || left_ms(l->until_ms) == 0)
        enter(l, LINK_STATE_CLOSING);
}

static void run_closing(struct link *l) {
    drive(l, left_ms(l->until_ms));
    if (connection_is_lost(&l->connection) || left_ms(l->until_ms) == 0)
        enter(l, LINK_STATE_CLOSED);
}

static void delete (struct link *l) {
    event_list_free(&l->events);
    free(l->batch.settlements);
    inbox_fini(&l->inbox);
    io_owner_fini(&l->io_owner);
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
        emit(l);
    }
    if (io_owner_end(&l->io_owner))
        delete (l);
    return NULL;
}

/* ---- caller-driven I/O ---- */

static void return_to_thread(struct link *l) {
    inbox_set_polled(&l->inbox, false);
    io_owner_return(&l->io_owner);
}

bool link_drive(struct link *l, bool readable, struct link_event **events) {
    assert(l->state == LINK_STATE_CALLER_DRIVEN);
    take_inbox(l);
    connection_drive(&l->connection, readable);
    if (!connection_is_lost(&l->connection) &&
        !epoll_watch_set(&l->watch, connection_fd(&l->connection),
                         (connection_poll_events(&l->connection) & POLLOUT) != 0))
        connection_leave(&l->connection, "cannot add its socket to the epoll set");
    bool lost = connection_is_lost(&l->connection);
    if (lost) {
        link_disarm(l);
        lose(l);
    }
    *events = event_list_take(&l->events);
    if (lost)
        return_to_thread(l);
    return !lost;
}

int link_drive_due_ms(const struct link *l) {
    return connection_timeout_ms(&l->connection, clock_ms());
}

void link_disarm(struct link *l) {
    epoll_watch_remove(&l->watch, connection_fd(&l->connection));
}

/* The link's thread does the I/O from now on. */
static void reclaim(struct link *l) {
    if (io_owner_reclaim(&l->io_owner)) {
        link_disarm(l);
        l->state = LINK_STATE_OPEN;
        return_to_thread(l);
    }
}

/* ---- interface ---- */

/* All signals are blocked in it: the program's own threads handle them. */
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

int link_new(const struct link_options *options, struct link **link) {
    assert(options->broker->url_count > 0);
    struct link *l = xcalloc(1, sizeof *l);
    int error = inbox_init(&l->inbox);
    if (error != CREW_OK) {
        free(l);
        return error;
    }
    io_owner_init(&l->io_owner);
    l->name = xstrdup(options->name != NULL ? options->name : "crew");
    l->confirms = options->confirms;
    l->watch.epoll_fd = options->caller_driven_io ? options->caller_epoll_fd : -1;
    l->watch.tag = options->caller_epoll_tag;
    l->on_events = options->on_events;
    l->arg = options->arg;
    l->state = LINK_STATE_CONNECTING;
    error = crew_broker_copy(&l->broker, options->broker);
    l->backoff.url_count = l->broker.url_count;
    if (error == CREW_OK)
        error = start_thread(l);
    if (error != CREW_OK) {
        delete (l);
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
    struct settlement settlement = {epoch, delivery_tag, SETTLE_ACK};
    inbox_put_settlement(&link->inbox, &settlement);
}

void link_reject(struct link *link, uint64_t epoch, uint64_t delivery_tag, bool requeue) {
    struct settlement settlement = {epoch, delivery_tag,
                                    requeue ? SETTLE_REQUEUE : SETTLE_REJECT};
    inbox_put_settlement(&link->inbox, &settlement);
}

void link_switch_address(struct link *link, uint64_t epoch, size_t url) {
    assert(url < link->broker.url_count);
    inbox_put_switch(&link->inbox, epoch, url);
}

void link_stop(struct link *link, unsigned flush_ms) {
    if (link == NULL || link->free_by_ms != 0)
        return;
    link->free_by_ms = clock_ms() + flush_ms + FREE_TIMEOUT_MS;
    reclaim(link);
    inbox_put_stop(&link->inbox, flush_ms);
}

void link_free(struct link *link, unsigned flush_ms) {
    if (link == NULL)
        return;
    pthread_t thread = link->thread;
    link_stop(link, flush_ms);
    if (io_owner_await_end(&link->io_owner, link->free_by_ms)) {
        pthread_join(thread, NULL);
        delete (link);
    } else {
        pthread_detach(thread); /* it is still trying to connect */
    }
}
