#include "session/broker_session.h"

#include "amqp/link.h"
#include "base/clock.h"
#include "base/wakeup.h"
#include "base/xalloc.h"
#include "session/event_queue.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct broker_session_link {
    struct broker_session *session;
    enum broker_session_side side;
    struct link *link;
    uint64_t epoch;     /* of the open connection; 0: not open, or at the wrong address */
    size_t url;         /* index of the address of the open connection */
    bool caller_driven; /* this thread does its input and output */
    struct broker_session_timer drive_timer; /* link_drive_due_ms */
    struct event_queue events;
};

struct broker_session {
    struct broker_session_handlers handlers;
    struct broker_session_link links[BROKER_SESSION_SIDES];
    size_t url_count;
    char address[300]; /* host:port of the last connection */
    bool defer_confirm_wakeup;
    bool blocked;

    int poll_fd; /* wakeup_fd and timer_fd behind one descriptor */
    int wakeup_fd;
    int timer_fd;
    bool dispatching;
    bool closing;
    bool caller_driven_io;
    bool flush_pending; /* there is something for on_flush or for publishing */

    struct deadlines deadlines;
    uint64_t armed_ms; /* what timer_fd is set to; 0: not set */
    struct background_thread *background;

    struct message *publish_queue; /* handed to the link at the end of this dispatch */
    struct message **publish_queue_end;

    crew_event_fn *report;
    void *report_arg;
};

/* ---- event queues: links' threads in, dispatching thread out ---- */

static bool is_urgent(const struct broker_session *s, const struct link_event *event) {
    return !s->defer_confirm_wakeup || event->kind != LINK_PUBLISHED ||
           event->message->status != PUBLISH_CONFIRMED || event->message->awaited;
}

/* Runs on the link's thread; for a caller-driven link on the dispatching thread. */
static void queue_events(void *arg, struct link_event *list) {
    struct broker_session_link *l = arg;
    struct link_event *tail = list;
    bool urgent = is_urgent(l->session, tail);
    while (tail->next != NULL) {
        tail = tail->next;
        urgent = urgent || is_urgent(l->session, tail);
    }
    if (event_queue_put(&l->events, list, tail, urgent))
        wakeup_signal(l->session->wakeup_fd);
}

/* ---- caller-driven connections ---- */

/* What makes the session's descriptor readable. */
enum session_ready {
    READY_PUBLISHER = BROKER_SESSION_PUBLISHER,
    READY_CONSUMER = BROKER_SESSION_CONSUMER,
    READY_WAKEUP,
    READY_TIMER,
    READY_COUNT
};

static bool is_ready(unsigned ready, enum session_ready what) {
    return (ready & 1u << what) != 0;
}

/* Without caller-driven connections it does not matter what is ready. */
static unsigned take_ready(struct broker_session *s) {
    struct epoll_event events[READY_COUNT];
    if (!s->caller_driven_io) {
        wakeup_clear(s->wakeup_fd);
        return 0;
    }
    int count = epoll_wait(s->poll_fd, events, READY_COUNT, 0);
    unsigned ready = 0;
    for (int i = 0; i < count; i++)
        ready |= 1u << events[i].data.u32;
    if (is_ready(ready, READY_WAKEUP))
        wakeup_clear(s->wakeup_fd);
    return ready;
}

static void set_drive_timer(struct broker_session_link *l) {
    int due_ms = link_drive_due_ms(l->link);
    if (due_ms < 0)
        return;
    broker_session_timer_set_earlier(l->session, &l->drive_timer,
                                     clock_ms() + (uint64_t)due_ms);
}

static struct link_event *drive_link(struct broker_session_link *l, bool readable) {
    struct link_event *events = NULL;
    if (!l->caller_driven)
        return NULL;
    l->caller_driven = link_drive(l->link, readable, &events);
    if (l->caller_driven)
        set_drive_timer(l);
    else
        broker_session_timer_clear(l->session, &l->drive_timer);
    return events;
}

/* Write what was handed to the links. The next dispatch handles the events of this. */
static void write_links(struct broker_session *s) {
    for (int side = 0; side < BROKER_SESSION_SIDES; side++) {
        struct link_event *events = drive_link(&s->links[side], false);
        if (events != NULL)
            queue_events(&s->links[side], events);
    }
}

/* Nothing to do: every dispatch ends with write_links. */
static void drive_is_due(struct broker_session_timer *timer) {
    (void)timer;
}

/* ---- start and stop ---- */

static bool watch(int poll_fd, int fd, enum session_ready ready) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = ready};
    return epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool open_descriptors(struct broker_session *s) {
    s->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->wakeup_fd = wakeup_open();
    s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return s->poll_fd >= 0 && s->wakeup_fd >= 0 && s->timer_fd >= 0 &&
           watch(s->poll_fd, s->wakeup_fd, READY_WAKEUP) &&
           watch(s->poll_fd, s->timer_fd, READY_TIMER);
}

static void close_descriptor(int fd) {
    if (fd >= 0)
        close(fd);
}

static int open_link(struct broker_session *s, enum broker_session_side side,
                     const struct broker_session_options *from) {
    struct broker_session_link *l = &s->links[side];
    char full_name[256];
    snprintf(full_name, sizeof full_name, "%s (%s)", from->name,
             side == BROKER_SESSION_PUBLISHER ? "publishes" : "consumes");
    struct link_options options = {
        .broker = from->broker,
        .name = full_name,
        .confirms = side == BROKER_SESSION_PUBLISHER,
        .caller_driven_io = from->caller_driven_io,
        .caller_epoll_fd = s->poll_fd,
        .caller_epoll_tag = side,
        .on_events = queue_events,
        .arg = l,
    };
    return link_new(&options, &l->link);
}

int broker_session_new(const struct broker_session_options *options,
                       struct broker_session **session) {
    struct broker_session *s = xcalloc(1, sizeof *s);
    *s = (struct broker_session){.handlers = options->handlers,
                                 .report = options->report,
                                 .report_arg = options->report_arg,
                                 .url_count = options->broker->url_count,
                                 .caller_driven_io = options->caller_driven_io,
                                 .defer_confirm_wakeup = options->defer_confirm_wakeup,
                                 .poll_fd = -1,
                                 .wakeup_fd = -1,
                                 .timer_fd = -1};
    s->publish_queue_end = &s->publish_queue;
    for (int side = 0; side < BROKER_SESSION_SIDES; side++) {
        s->links[side].session = s;
        s->links[side].side = (enum broker_session_side)side;
        s->links[side].drive_timer.fire = drive_is_due;
        event_queue_init(&s->links[side].events);
    }
    int error = CREW_ESYSTEM;
    if (!open_descriptors(s))
        goto fail;
    s->background = background_thread_new(s->wakeup_fd);
    error = open_link(s, BROKER_SESSION_PUBLISHER, options);
    if (error == 0)
        error = open_link(s, BROKER_SESSION_CONSUMER, options);
    if (error != 0)
        goto fail;
    *session = s;
    return 0;
fail:
    broker_session_stop(s, 0);
    broker_session_free(s);
    return error;
}

static void hand_over_messages(struct broker_session *s) {
    if (s->publish_queue == NULL)
        return;
    struct message *list = s->publish_queue;
    s->publish_queue = NULL;
    s->publish_queue_end = &s->publish_queue;
    struct broker_session_link *l = &s->links[BROKER_SESSION_PUBLISHER];
    link_publish(l->link, l->epoch, list);
}

void broker_session_stop(struct broker_session *s, unsigned flush_ms) {
    s->closing = true;
    hand_over_messages(s);
    for (int side = 0; side < BROKER_SESSION_SIDES; side++)
        link_stop(s->links[side].link, flush_ms);
    for (int side = 0; side < BROKER_SESSION_SIDES; side++) {
        link_free(s->links[side].link, flush_ms);
        s->links[side].link = NULL;
        s->links[side].caller_driven = false;
        s->links[side].epoch = 0;
    }
    background_thread_free(s->background);
    s->background = NULL;
}

void broker_session_free(struct broker_session *s) {
    for (int side = 0; side < BROKER_SESSION_SIDES; side++)
        event_queue_fini(&s->links[side].events);
    while (s->publish_queue != NULL) {
        struct message *next = s->publish_queue->next;
        message_free(s->publish_queue);
        s->publish_queue = next;
    }
    deadlines_fini(&s->deadlines);
    close_descriptor(s->timer_fd);
    close_descriptor(s->wakeup_fd);
    close_descriptor(s->poll_fd);
    free(s);
}

int broker_session_fd(const struct broker_session *s) {
    return s->poll_fd;
}

bool broker_session_is_open(const struct broker_session *s) {
    const struct broker_session_link *publisher = &s->links[BROKER_SESSION_PUBLISHER];
    const struct broker_session_link *consumer = &s->links[BROKER_SESSION_CONSUMER];
    return publisher->epoch != 0 && consumer->epoch != 0 &&
           publisher->url == consumer->url;
}

uint64_t broker_session_epoch(const struct broker_session *s,
                              enum broker_session_side side) {
    return s->links[side].epoch;
}

bool broker_session_is_blocked(const struct broker_session *s) {
    return s->blocked;
}

const char *broker_session_address(const struct broker_session *s) {
    return s->address;
}

bool broker_session_is_closing(const struct broker_session *s) {
    return s->closing;
}

bool broker_session_has_pending_flush(const struct broker_session *s) {
    return s->flush_pending;
}

void broker_session_report_failure(struct broker_session *s,
                                   enum broker_session_side side, const char *why) {
    if (side == BROKER_SESSION_PUBLISHER || s->links[BROKER_SESSION_PUBLISHER].epoch != 0)
        broker_session_report(s, CREW_EVENT_DISCONNECTED, "%s", why);
}

void broker_session_report(struct broker_session *s, enum crew_event_kind kind,
                           const char *format, ...) {
    if (s->report == NULL)
        return;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    s->report(s->report_arg, kind, text);
}

/* ---- timers ---- */

/* Only moves the timer to an earlier time. One that fires too early costs a wake-up. */
static void arm_timer(struct broker_session *s) {
    struct deadline *first = deadlines_first(&s->deadlines);
    if (first == NULL || (s->armed_ms != 0 && s->armed_ms <= first->at_ms))
        return;
    uint64_t at_ms = first->at_ms == 0 ? 1 : first->at_ms;
    struct itimerspec when = {.it_value = {.tv_sec = (time_t)(at_ms / 1000),
                                           .tv_nsec = (long)(at_ms % 1000) * 1000000}};
    if (timerfd_settime(s->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) == 0)
        s->armed_ms = at_ms;
}

void broker_session_timer_set(struct broker_session *s,
                              struct broker_session_timer *timer, uint64_t at_ms) {
    deadlines_set(&s->deadlines, &timer->deadline, at_ms);
    if (!s->dispatching)
        arm_timer(s);
}

void broker_session_timer_set_earlier(struct broker_session *s,
                                      struct broker_session_timer *timer,
                                      uint64_t at_ms) {
    if (!broker_session_timer_is_set(timer) || at_ms < timer->deadline.at_ms)
        broker_session_timer_set(s, timer, at_ms);
}

void broker_session_timer_clear(struct broker_session *s,
                                struct broker_session_timer *timer) {
    deadlines_clear(&s->deadlines, &timer->deadline);
}

static void clear_timer(struct broker_session *s) {
    uint64_t expirations;
    if (read(s->timer_fd, &expirations, sizeof expirations) > 0)
        s->armed_ms = 0;
}

static void fire_timers(struct broker_session *s) {
    uint64_t now_ms = clock_ms();
    if (s->armed_ms != 0 && s->armed_ms <= now_ms)
        clear_timer(s);
    struct deadline *due;
    while ((due = deadlines_take_due(&s->deadlines, now_ms)) != NULL) {
        struct broker_session_timer *timer = (struct broker_session_timer *)due;
        timer->fire(timer);
    }
}

void broker_session_run(struct broker_session *s, struct background_job *job) {
    background_thread_add(s->background, job);
}

/* ---- dispatch ---- */

static void link_closed(struct broker_session_link *l) {
    l->epoch = 0;
    if (l->side == BROKER_SESSION_PUBLISHER)
        l->session->blocked = false;
}

/* Move the other link to this address. If it is open at another one it counts as closed
 * from now on: what is published there would not reach the queues that are consumed
 * here. */
static void move_other_link(struct broker_session_link *l) {
    struct broker_session_link *other = &l->session->links[1 - l->side];
    if (l->session->url_count < 2)
        return;
    bool elsewhere = other->epoch != 0 && other->url != l->url;
    link_switch_address(other->link, elsewhere ? other->epoch : 0, l->url);
    if (elsewhere)
        link_closed(other);
}

static void link_opened(struct broker_session_link *l, const struct link_event *event) {
    l->epoch = event->epoch;
    l->caller_driven = event->caller_driven;
    l->url = event->url;
    snprintf(l->session->address, sizeof l->session->address, "%s", event->text);
    move_other_link(l);
}

static void update_link_state(struct broker_session_link *l,
                              const struct link_event *event) {
    struct broker_session *s = l->session;
    switch (event->kind) {
    case LINK_OPEN:
        link_opened(l, event);
        break;
    case LINK_LOST:
        link_closed(l);
        break;
    case LINK_BLOCKED:
    case LINK_UNBLOCKED:
        if (l->side == BROKER_SESSION_PUBLISHER)
            s->blocked = event->kind == LINK_BLOCKED;
        break;
    default:
        break;
    }
}

static void message_published(struct link_event *event) {
    if (event->message->owner != NULL) {
        publish_waiter_notify(event->message);
        event->message = NULL;
    }
    link_event_free(event);
}

static void handle_event(struct broker_session_link *l, struct link_event *event) {
    struct broker_session *s = l->session;
    update_link_state(l, event);
    if (event->kind == LINK_PUBLISHED)
        message_published(event);
    else
        s->handlers.on_event(s->handlers.owner, l->side, event);
}

static void handle_events(struct broker_session_link *l, struct link_event *event) {
    while (event != NULL) {
        struct link_event *next = event->next;
        event->next = NULL;
        handle_event(l, event);
        event = next;
    }
}

static void handle_link_events(struct broker_session_link *l, bool readable) {
    handle_events(l, event_queue_take(&l->events));
    handle_events(l, drive_link(l, readable));
}

void broker_session_begin(struct broker_session *s) {
    s->dispatching = true;
}

/* on_flush may ask for another flush, which is left to the next dispatch. The descriptor
 * is made readable for it even if the owner calls broker_session_flush: another of its
 * threads may be waiting for the descriptor already. */
void broker_session_end(struct broker_session *s) {
    s->flush_pending = false;
    bool more = s->handlers.on_flush(s->handlers.owner);
    s->dispatching = false;
    hand_over_messages(s);
    write_links(s);
    arm_timer(s);
    if (more) {
        s->flush_pending = true;
        broker_session_set_readable(s);
    }
}

void broker_session_dispatch(struct broker_session *s) {
    unsigned ready = take_ready(s);
    broker_session_begin(s);
    /* Nothing relies on the order of the two sides: an answer may overtake the confirm of
     * its request. */
    handle_link_events(&s->links[BROKER_SESSION_PUBLISHER],
                       is_ready(ready, READY_PUBLISHER));
    handle_link_events(&s->links[BROKER_SESSION_CONSUMER],
                       is_ready(ready, READY_CONSUMER));
    background_thread_collect(s->background);
    fire_timers(s);
    broker_session_end(s);
}

void broker_session_disarm(struct broker_session *s) {
    wakeup_clear(s->wakeup_fd);
    clear_timer(s);
    for (int side = 0; side < BROKER_SESSION_SIDES; side++)
        if (s->links[side].caller_driven)
            link_disarm(s->links[side].link);
}

void broker_session_set_readable(struct broker_session *s) {
    wakeup_signal(s->wakeup_fd);
}

void broker_session_flush(struct broker_session *s) {
    if (!s->flush_pending)
        return;
    broker_session_begin(s);
    broker_session_end(s);
}

void broker_session_wake(struct broker_session *s) {
    if (s->dispatching || s->flush_pending)
        return;
    s->flush_pending = true;
    if (!s->caller_driven_io)
        wakeup_signal(s->wakeup_fd);
}

void broker_session_publish(struct broker_session *s, struct message *m) {
    m->next = NULL;
    *s->publish_queue_end = m;
    s->publish_queue_end = &m->next;
    broker_session_wake(s);
}

/* A link's own thread writes what was handed over. A caller-driven one needs a flush. */
static void handed_over(struct broker_session_link *l) {
    if (l->caller_driven)
        broker_session_wake(l->session);
}

void broker_session_op(struct broker_session *s, enum broker_session_side side,
                       struct link_op *op) {
    struct broker_session_link *l = &s->links[side];
    link_op(l->link, l->epoch, op);
    handed_over(l);
}

void broker_session_ack(struct broker_session *s, const struct message *m) {
    struct broker_session_link *l = &s->links[BROKER_SESSION_CONSUMER];
    link_ack(l->link, m->epoch, m->delivery_tag);
    handed_over(l);
}

void broker_session_reject(struct broker_session *s, const struct message *m) {
    struct broker_session_link *l = &s->links[BROKER_SESSION_CONSUMER];
    link_reject(l->link, m->epoch, m->delivery_tag, false);
    handed_over(l);
}
