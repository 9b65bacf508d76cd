#include "rpc/session.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/wake.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* ---- the inbox: links' threads in, owner's thread out
 * ---------------------------------- */

static void inbox_init(struct session_inbox *inbox) {
    pthread_mutex_init(&inbox->lock, NULL);
    inbox->first = NULL;
    inbox->last = &inbox->first;
    inbox->woken = false;
}

static bool is_urgent(const struct session *s, const struct link_event *event) {
    return !s->lazy_confirms || event->kind != LINK_PUBLISHED ||
           event->message->fate != MESSAGE_CONFIRMED || event->message->awaited;
}

/* Runs on a link's thread, and where that has lent its connection, on the owner's. */
static void inbox_put(void *arg, struct link_event *list) {
    struct session_link *l = arg;
    struct link_event *tail = list;
    bool urgent = is_urgent(l->session, tail);
    while (tail->next != NULL) {
        tail = tail->next;
        urgent = urgent || is_urgent(l->session, tail);
    }
    pthread_mutex_lock(&l->inbox.lock);
    bool wake = urgent && !l->inbox.woken;
    l->inbox.woken = l->inbox.woken || urgent;
    *l->inbox.last = list;
    l->inbox.last = &tail->next;
    pthread_mutex_unlock(&l->inbox.lock);
    if (wake)
        wake_up(l->session->wake_fd);
}

static struct link_event *inbox_take(struct session_inbox *inbox) {
    pthread_mutex_lock(&inbox->lock);
    struct link_event *list = inbox->first;
    inbox->first = NULL;
    inbox->last = &inbox->first;
    inbox->woken = false;
    pthread_mutex_unlock(&inbox->lock);
    return list;
}

static void inbox_fini(struct session_inbox *inbox) {
    struct link_event *event = inbox->first;
    while (event != NULL) {
        struct link_event *next = event->next;
        link_event_free(event);
        event = next;
    }
    pthread_mutex_destroy(&inbox->lock);
}

/* ---- lent connections
 * ------------------------------------------------------------------ */

/* What makes the session's descriptor readable. */
enum session_ready {
    READY_PUBLISHER = SESSION_PUBLISHER,
    READY_CONSUMER = SESSION_CONSUMER,
    READY_WAKE,
    READY_TIMER,
    READY_COUNT
};

static bool is_ready(unsigned ready, enum session_ready what) {
    return (ready & 1u << what) != 0;
}

/* Where nothing is lent it does not matter what is ready. */
static unsigned take_ready(struct session *s) {
    struct epoll_event events[READY_COUNT];
    if (!s->owner_io) {
        wake_clear(s->wake_fd);
        return 0;
    }
    int count = epoll_wait(s->poll_fd, events, READY_COUNT, 0);
    unsigned ready = 0;
    for (int i = 0; i < count; i++)
        ready |= 1u << events[i].data.u32;
    if (is_ready(ready, READY_WAKE))
        wake_clear(s->wake_fd);
    return ready;
}

static void set_turn_timer(struct session_link *l) {
    int due_ms = link_turn_due_ms(l->link);
    if (due_ms < 0)
        return;
    uint64_t at_ms = clock_ms() + (uint64_t)due_ms;
    if (!deadline_is_set(&l->turn.deadline) || at_ms < l->turn.deadline.at_ms)
        session_timer_set(l->session, &l->turn, at_ms);
}

static struct link_event *turn(struct session_link *l, bool readable) {
    struct link_event *events = NULL;
    if (!l->lent)
        return NULL;
    l->lent = link_turn(l->link, readable, &events);
    if (l->lent)
        set_turn_timer(l);
    else
        session_timer_clear(l->session, &l->turn);
    return events;
}

/* What was handed over goes out. If anything happens meanwhile, the next dispatch is for
 * it. */
static void turn_links(struct session *s) {
    for (int side = 0; side < SESSION_SIDES; side++) {
        struct link_event *events = turn(&s->links[side], false);
        if (events != NULL)
            inbox_put(&s->links[side], events);
    }
}

/* Every dispatch ends with a turn. */
static void turn_is_due(struct session_timer *timer) {
    (void)timer;
}

/* ---- beginning and end
 * ----------------------------------------------------------------- */

static bool watch(int poll_fd, int fd, enum session_ready ready) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = ready};
    return epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool open_descriptors(struct session *s) {
    s->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->wake_fd = wake_open();
    s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return s->poll_fd >= 0 && s->wake_fd >= 0 && s->timer_fd >= 0 &&
           watch(s->poll_fd, s->wake_fd, READY_WAKE) &&
           watch(s->poll_fd, s->timer_fd, READY_TIMER);
}

static void close_descriptor(int fd) {
    if (fd >= 0)
        close(fd);
}

static int open_link(struct session *s, enum session_side side,
                     const struct session_options *from) {
    struct session_link *l = &s->links[side];
    char full_name[256];
    snprintf(full_name, sizeof full_name, "%s (%s)", from->name,
             side == SESSION_PUBLISHER ? "publishes" : "consumes");
    struct link_options options = {
        .broker = from->broker,
        .name = full_name,
        .confirms = side == SESSION_PUBLISHER,
        .lends = from->owner_io,
        .lend_epoll_fd = s->poll_fd,
        .lend_tag = side,
        .on_events = inbox_put,
        .arg = l,
    };
    return link_new(&options, &l->link);
}

int session_init(struct session *s, const struct session_options *options) {
    *s = (struct session){.handlers = options->handlers,
                          .report = options->report,
                          .report_arg = options->report_arg,
                          .url_count = options->broker->url_count,
                          .owner_io = options->owner_io,
                          .lazy_confirms = options->lazy_confirms,
                          .poll_fd = -1,
                          .wake_fd = -1,
                          .timer_fd = -1};
    s->out_last = &s->out;
    for (int side = 0; side < SESSION_SIDES; side++) {
        s->links[side].session = s;
        s->links[side].side = (enum session_side)side;
        s->links[side].turn.fire = turn_is_due;
        inbox_init(&s->links[side].inbox);
    }
    int error = CREW_ESYSTEM;
    if (!open_descriptors(s))
        goto fail;
    s->offload = offload_new(s->wake_fd);
    error = open_link(s, SESSION_PUBLISHER, options);
    if (error == 0)
        error = open_link(s, SESSION_CONSUMER, options);
    if (error == 0)
        return 0;
fail:
    session_stop(s, 0);
    session_fini(s);
    return error;
}

static void publish_out(struct session *s) {
    if (s->out == NULL)
        return;
    struct message *list = s->out;
    s->out = NULL;
    s->out_last = &s->out;
    struct session_link *l = &s->links[SESSION_PUBLISHER];
    link_publish(l->link, l->epoch, list);
}

void session_stop(struct session *s, unsigned flush_ms) {
    s->closing = true;
    publish_out(s);
    for (int side = 0; side < SESSION_SIDES; side++)
        link_stop(s->links[side].link, flush_ms);
    for (int side = 0; side < SESSION_SIDES; side++) {
        link_free(s->links[side].link, flush_ms);
        s->links[side].link = NULL;
        s->links[side].lent = false;
        s->links[side].epoch = 0;
    }
    offload_free(s->offload);
    s->offload = NULL;
}

void session_fini(struct session *s) {
    for (int side = 0; side < SESSION_SIDES; side++)
        inbox_fini(&s->links[side].inbox);
    while (s->out != NULL) {
        struct message *next = s->out->next;
        message_free(s->out);
        s->out = next;
    }
    deadlines_fini(&s->deadlines);
    close_descriptor(s->timer_fd);
    close_descriptor(s->wake_fd);
    close_descriptor(s->poll_fd);
}

int session_fd(const struct session *s) {
    return s->poll_fd;
}

bool session_open(const struct session *s) {
    const struct session_link *publisher = &s->links[SESSION_PUBLISHER];
    const struct session_link *consumer = &s->links[SESSION_CONSUMER];
    return publisher->epoch != 0 && consumer->epoch != 0 &&
           publisher->url == consumer->url;
}

void session_report_failure(struct session *s, enum session_side side, const char *why) {
    if (side == SESSION_PUBLISHER || s->links[SESSION_PUBLISHER].epoch != 0)
        session_report(s, CREW_EVENT_DISCONNECTED, "%s", why);
}

void session_report(struct session *s, enum crew_event_kind kind, const char *format,
                    ...) {
    if (s->report == NULL)
        return;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    s->report(s->report_arg, kind, text);
}

/* ---- timers
 * ---------------------------------------------------------------------------- */

/* The timer is only ever moved forward: one that fires too early costs one wake-up. */
static void arm_timer(struct session *s) {
    struct deadline *first = deadlines_first(&s->deadlines);
    if (first == NULL || (s->armed_ms != 0 && s->armed_ms <= first->at_ms))
        return;
    uint64_t at_ms = first->at_ms == 0 ? 1 : first->at_ms;
    struct itimerspec when = {.it_value = {.tv_sec = (time_t)(at_ms / 1000),
                                           .tv_nsec = (long)(at_ms % 1000) * 1000000}};
    if (timerfd_settime(s->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) == 0)
        s->armed_ms = at_ms;
}

void session_timer_set(struct session *s, struct session_timer *timer, uint64_t at_ms) {
    deadlines_set(&s->deadlines, &timer->deadline, at_ms);
    if (!s->dispatching)
        arm_timer(s);
}

void session_timer_clear(struct session *s, struct session_timer *timer) {
    deadlines_clear(&s->deadlines, &timer->deadline);
}

static void clear_timer(struct session *s) {
    uint64_t expirations;
    if (read(s->timer_fd, &expirations, sizeof expirations) > 0)
        s->armed_ms = 0;
}

static void fire_timers(struct session *s) {
    uint64_t now_ms = clock_ms();
    if (s->armed_ms != 0 && s->armed_ms <= now_ms)
        clear_timer(s);
    struct deadline *due;
    while ((due = deadlines_take_due(&s->deadlines, now_ms)) != NULL) {
        struct session_timer *timer = (struct session_timer *)due;
        timer->fire(timer);
    }
}

/* ---- dispatch
 * -------------------------------------------------------------------------- */

static void note_closed(struct session_link *l) {
    l->epoch = 0;
    if (l->side == SESSION_PUBLISHER)
        l->session->blocked = false;
}

/* The other link comes here. If it is open elsewhere it is of no use from this moment on:
 * what went out over it would not meet what comes in here. */
static void fetch_other(struct session_link *l) {
    struct session_link *other = &l->session->links[1 - l->side];
    if (l->session->url_count < 2)
        return;
    bool elsewhere = other->epoch != 0 && other->url != l->url;
    link_go(other->link, elsewhere ? other->epoch : 0, l->url);
    if (elsewhere)
        note_closed(other);
}

static void note_open(struct session_link *l, const struct link_event *event) {
    l->epoch = event->epoch;
    l->lent = event->lent;
    l->url = event->url;
    snprintf(l->session->place, sizeof l->session->place, "%s", event->text);
    fetch_other(l);
}

static void note_link_state(struct session_link *l, const struct link_event *event) {
    struct session *s = l->session;
    switch (event->kind) {
    case LINK_OPEN:
        note_open(l, event);
        break;
    case LINK_LOST:
        note_closed(l);
        break;
    case LINK_BLOCKED:
    case LINK_UNBLOCKED:
        if (l->side == SESSION_PUBLISHER)
            s->blocked = event->kind == LINK_BLOCKED;
        break;
    default:
        break;
    }
}

static void handle_event(struct session_link *l, struct link_event *event) {
    struct session *s = l->session;
    note_link_state(l, event);
    if (event->kind == LINK_PUBLISHED && event->message->owner == NULL)
        link_event_free(event);
    else
        s->handlers.on_event(s->handlers.owner, l->side, event);
}

static void handle_events(struct session_link *l, struct link_event *event) {
    while (event != NULL) {
        struct link_event *next = event->next;
        event->next = NULL;
        handle_event(l, event);
        event = next;
    }
}

static void handle_link(struct session_link *l, bool readable) {
    handle_events(l, inbox_take(&l->inbox));
    handle_events(l, turn(l, readable));
}

void session_begin(struct session *s) {
    s->dispatching = true;
}

/* The owner's callbacks may want more than one flush; that waits for the next dispatch.
 * It is roused for that also where the owner flushes: it may be waiting already while
 * another thread is here, or have flushed for the last time. */
void session_end(struct session *s) {
    s->flush_wanted = false;
    bool more = s->handlers.on_flush(s->handlers.owner);
    s->dispatching = false;
    publish_out(s);
    turn_links(s);
    arm_timer(s);
    if (more) {
        s->flush_wanted = true;
        session_rouse(s);
    }
}

void session_dispatch(struct session *s) {
    unsigned ready = take_ready(s);
    session_begin(s);
    /* Fates before answers would be the order in which they happened, but nothing relies
     * on it: an answer may well overtake the confirm of its request. */
    handle_link(&s->links[SESSION_PUBLISHER], is_ready(ready, READY_PUBLISHER));
    handle_link(&s->links[SESSION_CONSUMER], is_ready(ready, READY_CONSUMER));
    offload_collect(s->offload);
    fire_timers(s);
    session_end(s);
}

void session_hush(struct session *s) {
    wake_clear(s->wake_fd);
    clear_timer(s);
    for (int side = 0; side < SESSION_SIDES; side++)
        if (s->links[side].lent)
            link_hush(s->links[side].link);
}

void session_rouse(struct session *s) {
    wake_up(s->wake_fd);
}

void session_flush(struct session *s) {
    if (!s->flush_wanted)
        return;
    session_begin(s);
    session_end(s);
}

void session_wake(struct session *s) {
    if (s->dispatching || s->flush_wanted)
        return;
    s->flush_wanted = true;
    if (!s->owner_io)
        wake_up(s->wake_fd);
}

void session_publish(struct session *s, struct message *m) {
    m->next = NULL;
    *s->out_last = m;
    s->out_last = &m->next;
    session_wake(s);
}

/* What was handed to a link goes out by itself, unless its connection is lent. */
static void handed(struct session_link *l) {
    if (l->lent)
        session_wake(l->session);
}

void session_op(struct session *s, enum session_side side, struct link_op *op) {
    struct session_link *l = &s->links[side];
    link_op(l->link, l->epoch, op);
    handed(l);
}

void session_ack(struct session *s, const struct message *m) {
    struct session_link *l = &s->links[SESSION_CONSUMER];
    link_ack(l->link, m->epoch, m->delivery_tag);
    handed(l);
}

void session_reject(struct session *s, const struct message *m) {
    struct session_link *l = &s->links[SESSION_CONSUMER];
    link_reject(l->link, m->epoch, m->delivery_tag, false);
    handed(l);
}
