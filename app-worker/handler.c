/* The life of a handler process.
 *
 * Each event (a frame, the end of the socket, the timer, the exit) may change the state,
 * and only handler_move does. The order is always the same: first the caller is answered,
 * then the process is dealt with, and the task is done (may be acked) only when nothing
 * runs for it any more: after the handler has returned or its death.
 */
#include "handler_room.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include "daemon/log.h"
#include "wire/limits.h"
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

enum { FRAME_SLACK_BYTES = 64 * 1024 };

static const char *const state_names[HANDLER_STATE_COUNT] = {
    [HANDLER_STARTING] = "starting", [HANDLER_IDLE] = "idle",
    [HANDLER_BUSY] = "busy",         [HANDLER_WAITING] = "waiting for a call",
    [HANDLER_STOPPING] = "stopping", [HANDLER_LEAVING] = "leaving",
    [HANDLER_KILLED] = "killed",     [HANDLER_GONE] = "gone",
};

/* From which state to which. */
#define TO(state) (1u << (state))
static const unsigned allowed[HANDLER_STATE_COUNT] = {
    [HANDLER_STARTING] = TO(HANDLER_IDLE) | TO(HANDLER_LEAVING) | TO(HANDLER_KILLED),
    [HANDLER_IDLE] = TO(HANDLER_BUSY) | TO(HANDLER_LEAVING) | TO(HANDLER_KILLED),
    [HANDLER_BUSY] = TO(HANDLER_IDLE) | TO(HANDLER_WAITING) | TO(HANDLER_STOPPING) |
                     TO(HANDLER_KILLED),
    [HANDLER_WAITING] = TO(HANDLER_BUSY) | TO(HANDLER_STOPPING) | TO(HANDLER_KILLED),
    [HANDLER_STOPPING] = TO(HANDLER_IDLE) | TO(HANDLER_KILLED),
    [HANDLER_LEAVING] = TO(HANDLER_KILLED),
    [HANDLER_KILLED] = TO(HANDLER_GONE),
};

static void on_timer(uv_timer_t *timer);

const char *handler_state_name(enum handler_state state) {
    return state_names[state];
}

const char *handler_task_id(const struct handler *handler) {
    struct crew_task_view view;
    if (handler->task == NULL)
        return NULL;
    crew_task_view(handler->task, &view);
    return view.id;
}

void handler_move(struct handler *handler, enum handler_state to) {
    enum handler_state from = handler->state;
    assert((allowed[from] & TO(to)) != 0);
    handler->state = to;
    switch (to) {
    case HANDLER_IDLE:
        handler->idle_since_ms = uv_now(handler->context->loop);
        uv_timer_stop(&handler->timer);
        break;
    case HANDLER_STOPPING:
    case HANDLER_LEAVING:
        uv_timer_start(&handler->timer, on_timer, handler->context->settings->grace_ms,
                       0);
        break;
    case HANDLER_KILLED:
        handler->killed_in = from;
        uv_timer_stop(&handler->timer);
        uv_poll_stop(&handler->poll);
        break;
    default: /* BUSY: handler_run sets the limit; WAITING: it stays */
        break;
    }
    handler->context->moved(handler->context->arg, handler, from);
}

/* ---- the task ---- */

void handler_answer_with(struct handler *handler, int error) {
    crew_task_answer(
        handler->task,
        &(struct crew_answer){.error = error, .status = crew_error_status(error)});
}

void handler_task_done(struct handler *handler) {
    if (handler->task != NULL)
        crew_task_done(handler->task);
    handler->task = NULL;
    handler->current.ticket = 0;
    handler->streams = false;
}

/* How long it may run. */
static uint32_t allowed_ms(const struct handler *handler, const crew_task *task) {
    uint32_t left_ms = crew_task_left_ms(task);
    uint32_t timeout_ms = handler->context->settings->timeout_ms;
    return left_ms < timeout_ms ? left_ms : timeout_ms;
}

static void set_limit(struct handler *handler) {
    uint32_t limit_ms = allowed_ms(handler, handler->task);
    /* One more: neither clock shows what has passed of its millisecond. */
    handler->limit_at_ms = uv_now(handler->context->loop) + limit_ms + 1;
    /* A timer that fires too early is set anew then: cheaper than to set it each time. */
    if (uv_is_active((uv_handle_t *)&handler->timer) &&
        handler->armed_ms <= handler->limit_at_ms)
        return;
    handler->armed_ms = handler->limit_at_ms;
    uv_timer_start(&handler->timer, on_timer, limit_ms + 1, 0);
}

/* The first of those ahead is the one that runs now. */
void handler_next_task(struct handler *handler) {
    handler->current = handler->ahead[0];
    handler->task = handler->current.task;
    handler->ahead_count--;
    --*handler->context->ahead;
    memmove(handler->ahead, handler->ahead + 1,
            handler->ahead_count * sizeof *handler->ahead);
    set_limit(handler);
}

void handler_take_back(struct handler *handler, unsigned most) {
    while (most-- > 0 && handler->ahead_count > 0) {
        const struct given *last = &handler->ahead[handler->ahead_count - 1];
        if (!claims_take(handler->claims, last->place, last->ticket))
            return; /* begun, and those before it, too */
        handler->ahead_count--;
        --*handler->context->ahead;
        crew_task_unbegin(last->task);
        handler->context->unbegun(handler->context->arg, last->task);
    }
}

/* ---- the socket ---- */

static void on_ready(uv_poll_t *poll, int status, int events);

/* A failure to send needs nothing done: the end of the socket will be seen. Memory that
 * was out is different: half a frame cannot be taken back. */
void handler_send_frames(struct handler *handler) {
    bool is_cut = handler->channel.out.failed;
    int sent = channel_flush(&handler->channel);
    if (is_cut)
        handler_kill(handler, HANDLER_ORDERED, CREW_EFAILED);
    else if (sent == 0)
        uv_poll_start(&handler->poll, UV_READABLE | UV_WRITABLE, on_ready);
}

/* Its calls were not made. */
void handler_refuse_calls(struct handler *handler, int error) {
    frame_put_called(&handler->channel.out, error, NULL, 0);
    handler_send_frames(handler);
}

/* ---- frames that come ---- */

static void take_hello(struct handler *handler, const struct wire_item *item) {
    if (item->body.len > 0) {
        handler->refusal = xcalloc(1, item->body.len + 1);
        memcpy(handler->refusal, item->body.data, item->body.len);
        handler_move(handler, HANDLER_LEAVING);
        return;
    }
    tasks_init(&handler->tasks, item->pairs);
    handler_move(handler, HANDLER_IDLE);
}

bool handler_pass_on_answer(struct handler *handler, const struct wire_item *item) {
    struct crew_answer answer;
    if (!frame_get_answer(item, &handler->parts, &answer))
        return false;
    handler->last_run_us = answer.run_us;
    if (answer.body_bytes > handler->context->settings->max_response_bytes)
        handler_answer_with(handler, CREW_EBADRESPONSE);
    else
        crew_task_answer(handler->task, &answer);
    return true;
}

/* In STOPPING the caller has its answer, and this one comes too late. One that was seen
 * already where the process kept it comes once more. */
static void take_answer(struct handler *handler, const struct wire_item *item) {
    if (handler->current.ticket == 0 || frame_ticket(item) != handler->current.ticket)
        return;
    if (handler->state == HANDLER_BUSY && !handler_pass_on_answer(handler, item)) {
        handler_kill(handler, HANDLER_BABBLED, CREW_ECRASHED);
        return;
    }
    handler_task_done(handler);
    handler->served++;
    handler->is_slow = false;
    if (handler->state == HANDLER_BUSY && handler->ahead_count > 0) {
        handler_next_task(handler);
        handler->context->went_on(handler->context->arg, handler);
    } else {
        handler_move(handler, HANDLER_IDLE);
    }
}

static void on_called(void *arg, int error, const struct crew_answer *const answers[],
                      size_t count) {
    struct handler *handler = arg;
    handler->calls = NULL;
    frame_put_called(&handler->channel.out, error, answers, count);
    handler_move(handler, HANDLER_BUSY); /* it may be given more: behind this frame */
    handler_send_frames(handler);
}

static void make_calls(struct handler *handler, struct calls_frame *wanted) {
    struct buffer bytes;
    channel_hold(&handler->channel, &bytes);
    int error = calls_start(handler->context->calls, wanted, &bytes, on_called, handler,
                            &handler->calls);
    if (error != CREW_OK)
        handler_refuse_calls(handler, error);
    else
        handler_move(handler, HANDLER_WAITING);
}

/* What is behind this task would wait as long as it does, and is thrown away where the
 * process waits for the answer. */
static void take_calls(struct handler *handler, const struct wire_item *item) {
    struct calls_frame wanted;
    bool may_wait = false;
    handler_take_back(handler, HANDLER_AHEAD_MOST);
    if (!frame_get_calls(item, &wanted)) {
        handler_kill(handler, HANDLER_BABBLED, CREW_ECRASHED);
    } else if (handler->state == HANDLER_STOPPING) {
        handler_refuse_calls(handler, CREW_ETIMEOUT);
    } else if (!handler->context->may_wait(handler->context->arg, handler,
                                           &wanted.group)) {
        log_request(LOG_LEVEL_WARNING, handler_task_id(handler),
                    "its call is refused: no process would be left that does not wait "
                    "(--max-processes)");
        handler_refuse_calls(handler, CREW_EOVERLOADED);
    } else {
        may_wait = true;
        make_calls(handler, &wanted);
    }
    if (!may_wait)
        calls_frame_fini(&wanted);
    handler->context->gave_back(handler->context->arg);
}

void handler_take_log(struct handler *handler, const struct wire_item *item) {
    static const enum log_level levels[] = {
        [CREW_LOG_DEBUG] = LOG_LEVEL_DEBUG,
        [CREW_LOG_INFO] = LOG_LEVEL_INFO,
        [CREW_LOG_WARNING] = LOG_LEVEL_WARNING,
        [CREW_LOG_ERROR] = LOG_LEVEL_ERROR,
    };
    enum crew_log_level level;
    const char *id;
    const char *text;
    if (frame_get_log(item, &handler->parts, &level, &id, &text))
        log_request(levels[level], id, "%s", text);
}

static void take(struct handler *handler, const struct wire_item *item) {
    bool runs = handler->state == HANDLER_BUSY || handler->state == HANDLER_STOPPING;
    bool streams =
        runs && ((item->kind == FRAME_HEAD && handler_pass_on_head(handler, item)) ||
                 (item->kind == FRAME_CHUNK && handler_pass_on_chunk(handler, item)));
    if (item->kind == FRAME_LOG)
        handler_take_log(handler, item);
    else if (item->kind == FRAME_HELLO && handler->state == HANDLER_STARTING)
        take_hello(handler, item);
    else if (item->kind == FRAME_ANSWER)
        take_answer(handler, item);
    else if (item->kind == FRAME_CALL && runs)
        take_calls(handler, item);
    else if (item->kind == FRAME_PUBLISH && runs)
        handler_take_publish(handler, item);
    else if (!streams)
        handler_kill(handler, HANDLER_BABBLED, CREW_ECRASHED);
}

void handler_look(struct handler *handler) {
    struct buffer kept = BUFFER_INIT;
    struct wire_item item;
    claims_look(handler->claims, &kept);
    struct wire_reader reader = {.at = kept.data, .end = kept.data + kept.len};
    while (handler->state == HANDLER_BUSY && !kept.failed && kept.len > 0 &&
           wire_next(&reader, &item) == 1)
        if (item.kind == FRAME_ANSWER)
            take_answer(handler, &item);
    buffer_fini(&kept);
}

static void read_frames(struct handler *handler) {
    ssize_t bytes = channel_fill(&handler->channel);
    if (bytes < 0 && errno == EAGAIN)
        return;
    if (bytes <= 0 && handler->state == HANDLER_LEAVING) {
        uv_poll_stop(&handler->poll); /* it may take its time, up to the grace period */
        return;
    }
    if (bytes <= 0) {
        handler_kill(handler, HANDLER_LOST, CREW_ECRASHED);
        return;
    }
    struct wire_item item;
    int got = 0;
    while (handler->state < HANDLER_KILLED &&
           (got = channel_next(&handler->channel, &item)) > 0)
        take(handler, &item);
    if (got < 0 && handler->state < HANDLER_KILLED)
        handler_kill(handler, HANDLER_BABBLED, CREW_ECRASHED);
}

/* STATUS is an error when the process has died with unread frames (ECONNRESET): what it
 * has still said is read all the same. */
static void on_ready(uv_poll_t *poll, int status, int events) {
    struct handler *handler = poll->data;
    if (status < 0) {
        handler_kill(handler, HANDLER_LOST, CREW_ECRASHED);
        return;
    }
    if ((events & UV_WRITABLE) != 0 && channel_flush(&handler->channel) != 0)
        uv_poll_start(&handler->poll, UV_READABLE, on_ready);
    if ((events & UV_READABLE) != 0)
        read_frames(handler);
}

/* ---- the timer ---- */

static void limit_reached(struct handler *handler) {
    handler_answer_with(handler, CREW_ETIMEOUT);
    log_request(LOG_LEVEL_WARNING, handler_task_id(handler),
                "handler %d has run for too long: the caller is answered, the handler "
                "told to stop",
                (int)handler->pid);
    handler_tell_to_stop(handler, SPAWN_STOP_LATE);
}

/* The limit of the task that runs, or of an earlier one. Where the process has begun the
 * next one already, the answer to this one is kept, or there to be read. */
static void on_limit(struct handler *handler) {
    uint64_t now_ms = uv_now(handler->context->loop);
    if (now_ms >= handler->limit_at_ms && handler->ahead_count > 0) {
        handler_take_back(handler, HANDLER_AHEAD_MOST);
        handler_look(handler);
        if (handler->state != HANDLER_BUSY)
            return;
    }
    if (now_ms >= handler->limit_at_ms && handler->ahead_count == 0) {
        limit_reached(handler);
        return;
    }
    handler->armed_ms = handler->limit_at_ms > now_ms ? handler->limit_at_ms : now_ms + 1;
    uv_timer_start(&handler->timer, on_timer, handler->armed_ms - now_ms, 0);
}

static void on_timer(uv_timer_t *timer) {
    struct handler *handler = timer->data;
    if (handler->state == HANDLER_BUSY || handler->state == HANDLER_WAITING)
        on_limit(handler);
    else
        handler_kill(handler, HANDLER_DEAF, CREW_ETIMEOUT);
}

/* ---- orders ---- */

static void send_setup(struct handler *handler) {
    const struct handler_context *context = handler->context;
    const struct settings *settings = context->settings;
    const struct frame_setup setup = {
        .uuid = handler->uuid,
        .node_uuid = context->node_uuid,
        .route_task = settings->route_task,
        .app = handler->duty == DUTY_CANDIDATE ? context->next_app : context->app,
        .max_response_bytes = settings->max_response_bytes,
        .max_memory_bytes = settings->max_memory_bytes,
        .argc = settings->app_argc,
        .argv = settings->app_argv,
    };
    frame_put_setup(&handler->channel.out, &setup);
    handler_send_frames(handler);
}

static size_t max_frame_bytes(const struct settings *settings) {
    size_t body = settings->max_response_bytes > LIMIT_MESSAGE_BYTES
                      ? settings->max_response_bytes
                      : LIMIT_MESSAGE_BYTES;
    return body + LIMIT_PAIRS_BYTES + FRAME_SLACK_BYTES;
}

struct handler *handler_start(const struct handler_context *context,
                              enum handler_duty duty) {
    pid_t pid;
    int fd;
    int claims_fd;
    struct claims *claims = claims_new(&claims_fd);
    if (claims == NULL)
        return NULL;
    int failed = spawn_handler(context->settings->app_argv[0], claims_fd, &pid, &fd);
    int error = errno;
    close(claims_fd);
    if (failed) {
        claims_free(claims);
        errno = error;
        return NULL;
    }
    struct handler *handler = xcalloc(1, sizeof *handler);
    handler->claims = claims;
    handler->state = HANDLER_STARTING;
    handler->duty = duty;
    handler->context = context;
    handler->pid = pid;
    handler->started_ms = clock_ms();
    random_uuid(handler->uuid);
    channel_init(&handler->channel, fd, max_frame_bytes(context->settings));
    uv_poll_init(context->loop, &handler->poll, fd);
    uv_timer_init(context->loop, &handler->timer);
    handler->open_handles = 2;
    handler->poll.data = handler->timer.data = handler;
    uv_poll_start(&handler->poll, UV_READABLE, on_ready);
    send_setup(handler);
    log_debug("handler %d started", (int)pid);
    return handler;
}

static void put_run(struct handler *handler, const struct given *given) {
    struct crew_task_view view;
    const struct frame_terms terms = {.left_ms = allowed_ms(handler, given->task),
                                      .place = given->place,
                                      .ticket = given->ticket};
    crew_task_view(given->task, &view);
    claims_offer(handler->claims, given->place, given->ticket);
    frame_put_run(&handler->channel.out, &view, &terms);
    if (!handler->has_unsent)
        DL_APPEND2(*handler->context->unsent, handler, unsent_prev, unsent_next);
    handler->has_unsent = true;
}

void handler_run(struct handler *handler, crew_task *task) {
    uint32_t ticket = ++handler->last_ticket;
    if (ticket == 0) /* stands for none */
        ticket = ++handler->last_ticket;
    const struct given given = {task, ticket % CLAIM_PLACES, ticket};
    put_run(handler, &given);
    if (handler->state == HANDLER_BUSY) {
        handler->ahead[handler->ahead_count++] = given;
        ++*handler->context->ahead;
        return;
    }
    handler->current = given;
    handler->task = task;
    handler_move(handler, HANDLER_BUSY);
    set_limit(handler);
}

void handler_forget_unsent(struct handler *handler) {
    if (handler->has_unsent)
        DL_DELETE2(*handler->context->unsent, handler, unsent_prev, unsent_next);
    handler->has_unsent = false;
}

void handlers_flush(const struct handler_context *context) {
    struct handler *handler;
    while ((handler = *context->unsent) != NULL) {
        handler_forget_unsent(handler);
        if (handler->state < HANDLER_KILLED)
            handler_send_frames(handler);
    }
}

void handler_quit(struct handler *handler) {
    handler_move(handler, HANDLER_LEAVING);
    frame_put_quit(&handler->channel.out);
    handler_send_frames(handler);
}
