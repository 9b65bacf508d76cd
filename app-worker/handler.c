/* The life of a handler process.
 *
 * Each event (a frame, the end of the socket, the timer, the exit) may change the state,
 * and only handler_move does. The order is always the same: first the caller is answered,
 * then the process is dealt with, and the task is done (may be acked) only when nothing
 * runs for it any more: after the handler has returned or its death.
 */
#include "handler.h"

#include "base/clock.h"
#include "base/memory.h"
#include "daemon/log.h"
#include "spawn.h"
#include "wire/limits.h"
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FRAME_SLACK_BYTES = 64 * 1024,
    LAST_WORDS_READS = 64 /* a socket that somebody else still writes to has no end */
};

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

static const char *task_id(const struct handler *handler) {
    struct crew_task_view view;
    if (handler->task == NULL)
        return NULL;
    crew_task_view(handler->task, &view);
    return view.id;
}

static void handler_move(struct handler *handler, enum handler_state to) {
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

static void answer_with(struct handler *handler, int error) {
    crew_task_answer(
        handler->task,
        &(struct crew_answer){.error = error, .status = crew_error_status(error)});
}

static void task_done(struct handler *handler) {
    if (handler->task != NULL)
        crew_task_done(handler->task);
    handler->task = NULL;
}

/* ---- the socket ---- */

static void on_ready(uv_poll_t *poll, int status, int events);

/* A failure to send needs nothing done: the end of the socket will be seen. Memory that
 * was out is different: half a frame cannot be taken back. */
static void send_frames(struct handler *handler) {
    bool is_cut = handler->channel.out.failed;
    int sent = channel_flush(&handler->channel);
    if (is_cut)
        handler_kill(handler, HANDLER_ORDERED, CREW_EFAILED);
    else if (sent == 0)
        uv_poll_start(&handler->poll, UV_READABLE | UV_WRITABLE, on_ready);
}

static void send_called(struct handler *handler, int error,
                        const struct crew_answer *const answers[], size_t count) {
    frame_put_called(&handler->channel.out, error, answers, count);
    send_frames(handler);
}

/* Its calls were not made. */
static void refuse_calls(struct handler *handler, int error) {
    send_called(handler, error, NULL, 0);
}

/* ---- frames that come ---- */

static void take_hello(struct handler *handler, const struct wire_item *item) {
    if (item->body.len > 0) {
        handler->refusal = memory_zeroed(item->body.len + 1);
        memcpy(handler->refusal, item->body.data, item->body.len);
        handler_move(handler, HANDLER_LEAVING);
        return;
    }
    tasks_init(&handler->tasks, item->pairs);
    handler_move(handler, HANDLER_IDLE);
}

static bool pass_on_answer(struct handler *handler, const struct wire_item *item) {
    struct crew_answer answer;
    if (!frame_get_answer(item, &handler->parts, &answer))
        return false;
    if (answer.body_bytes > handler->context->settings->max_response_bytes)
        answer_with(handler, CREW_EBADRESPONSE);
    else
        crew_task_answer(handler->task, &answer);
    return true;
}

/* In STOPPING the caller has its answer, and this one comes too late. */
static void take_answer(struct handler *handler, const struct wire_item *item) {
    if (handler->state == HANDLER_BUSY && !pass_on_answer(handler, item)) {
        handler_kill(handler, HANDLER_BABBLED, CREW_ECRASHED);
        return;
    }
    task_done(handler);
    handler->served++;
    handler_move(handler, HANDLER_IDLE);
}

static void on_called(void *arg, int error, const struct crew_answer *const answers[],
                      size_t count) {
    struct handler *handler = arg;
    handler->calls = NULL;
    handler_move(handler, HANDLER_BUSY);
    send_called(handler, error, answers, count);
}

static void make_calls(struct handler *handler, struct calls_frame *wanted) {
    struct buffer bytes;
    channel_hold(&handler->channel, &bytes);
    int error = calls_start(handler->context->calls, wanted, &bytes, on_called, handler,
                            &handler->calls);
    if (error != CREW_OK)
        refuse_calls(handler, error);
    else
        handler_move(handler, HANDLER_WAITING);
}

static void take_calls(struct handler *handler, const struct wire_item *item) {
    struct calls_frame wanted;
    bool may_wait = false;
    if (!frame_get_calls(item, &wanted)) {
        handler_kill(handler, HANDLER_BABBLED, CREW_ECRASHED);
    } else if (handler->state == HANDLER_STOPPING) {
        refuse_calls(handler, CREW_ETIMEOUT);
    } else if (!handler->context->may_wait(handler->context->arg, handler,
                                           &wanted.group)) {
        log_request(LOG_LEVEL_WARNING, task_id(handler),
                    "its call is refused: no process would be left that does not wait "
                    "(--max-processes)");
        refuse_calls(handler, CREW_EOVERLOADED);
    } else {
        may_wait = true;
        make_calls(handler, &wanted);
    }
    if (!may_wait)
        calls_frame_fini(&wanted);
}

static void take_log(struct handler *handler, const struct wire_item *item) {
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
    if (item->kind == FRAME_LOG)
        take_log(handler, item);
    else if (item->kind == FRAME_HELLO && handler->state == HANDLER_STARTING)
        take_hello(handler, item);
    else if (item->kind == FRAME_ANSWER && runs)
        take_answer(handler, item);
    else if (item->kind == FRAME_CALL && runs)
        take_calls(handler, item);
    else
        handler_kill(handler, HANDLER_BABBLED, CREW_ECRASHED);
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

/* The caller is answered first, then the handler is told, and last the calls that it
 * waits for come back, so that it can see that it has been told. */
static void limit_reached(struct handler *handler) {
    answer_with(handler, CREW_ETIMEOUT);
    log_request(
        LOG_LEVEL_WARNING, task_id(handler),
        "handler %d has run for too long: the caller is answered, the handler told "
        "to stop",
        (int)handler->pid);
    struct calls_group *calls = handler->calls;
    handler->calls = NULL;
    handler_move(handler, HANDLER_STOPPING);
    kill(handler->pid, SIGTERM);
    if (calls != NULL) {
        calls_cancel(calls);
        refuse_calls(handler, CREW_ETIMEOUT);
    }
}

static void on_timer(uv_timer_t *timer) {
    struct handler *handler = timer->data;
    if (handler->state == HANDLER_BUSY || handler->state == HANDLER_WAITING)
        limit_reached(handler);
    else
        handler_kill(handler, HANDLER_DEAF, CREW_ETIMEOUT);
}

/* ---- orders ---- */

static void send_setup(struct handler *handler) {
    const struct settings *settings = handler->context->settings;
    const struct frame_setup setup = {
        .uuid = handler->uuid,
        .node_uuid = handler->context->node_uuid,
        .route_task = settings->route_task,
        .max_response_bytes = settings->max_response_bytes,
        .max_memory_bytes = settings->max_memory_bytes,
        .argc = settings->app_argc,
        .argv = settings->app_argv,
    };
    frame_put_setup(&handler->channel.out, &setup);
    send_frames(handler);
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
    if (spawn_handler(context->settings->app_argv[0], &pid, &fd) != 0)
        return NULL;
    struct handler *handler = memory_zeroed(sizeof *handler);
    handler->state = HANDLER_STARTING;
    handler->duty = duty;
    handler->context = context;
    handler->pid = pid;
    handler->started_ms = clock_ms();
    id_uuid(handler->uuid);
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

void handler_run(struct handler *handler, crew_task *task) {
    struct crew_task_view view;
    uint32_t limit_ms = crew_task_left_ms(task);
    if (limit_ms > handler->context->settings->timeout_ms)
        limit_ms = handler->context->settings->timeout_ms;
    handler->task = task;
    handler_move(handler, HANDLER_BUSY);
    uv_timer_start(&handler->timer, on_timer, limit_ms, 0);
    crew_task_view(task, &view);
    frame_put_run(&handler->channel.out, &view, limit_ms);
    send_frames(handler);
}

void handler_quit(struct handler *handler) {
    handler_move(handler, HANDLER_LEAVING);
    frame_put_quit(&handler->channel.out);
    send_frames(handler);
}

/* ---- the end ---- */

/* What the process said before it died counts: an answer that was sent is an answer. */
static void take_last_words(struct handler *handler) {
    struct wire_item item;
    for (int reads = 0; reads < LAST_WORDS_READS; reads++) {
        while (channel_next(&handler->channel, &item) > 0) {
            if (item.kind == FRAME_LOG)
                take_log(handler, &item);
            else if (item.kind == FRAME_ANSWER && handler->state == HANDLER_BUSY)
                pass_on_answer(handler, &item);
        }
        if (channel_fill(&handler->channel) <= 0)
            break;
    }
}

void handler_kill(struct handler *handler, enum handler_end end, int error) {
    if (handler->state >= HANDLER_KILLED)
        return;
    kill(-handler->pid, SIGKILL);
    if (end == HANDLER_LOST)
        take_last_words(handler);
    if (handler->state == HANDLER_BUSY || handler->state == HANDLER_WAITING)
        answer_with(handler, error); /* unless its last words were the answer */
    calls_cancel(handler->calls);
    handler->calls = NULL;
    handler->end = end;
    if (end == HANDLER_DEAF)
        log_request(LOG_LEVEL_WARNING, task_id(handler),
                    "handler %d did not end within %u ms and was killed",
                    (int)handler->pid, handler->context->settings->grace_ms);
    if (end == HANDLER_BABBLED)
        log_request(LOG_LEVEL_ERROR, task_id(handler),
                    "handler %d sent what is no frame and was killed", (int)handler->pid);
    handler_move(handler, HANDLER_KILLED);
}

static void report_end(const struct handler *handler, int wait_status) {
    char how[64];
    spawn_describe_end(wait_status, how, sizeof how);
    enum handler_state in = handler->killed_in;
    bool is_expected =
        handler->end != HANDLER_LOST || in == HANDLER_STARTING ||
        (in == HANDLER_LEAVING && (wait_status == 0 || handler->refusal != NULL));
    if (is_expected)
        log_debug("handler %d %s", (int)handler->pid, how);
    else
        log_request(in == HANDLER_BUSY || in == HANDLER_WAITING ? LOG_LEVEL_ERROR
                                                                : LOG_LEVEL_WARNING,
                    task_id(handler), "handler %d %s while it was %s", (int)handler->pid,
                    how, handler_state_name(in));
}

static void on_closed(uv_handle_t *uv) {
    struct handler *handler = uv->data;
    if (--handler->open_handles > 0)
        return;
    channel_fini(&handler->channel);
    frame_parts_fini(&handler->parts);
    tasks_fini(&handler->tasks);
    free(handler->refusal);
    free(handler);
}

void handler_reaped(struct handler *handler, int wait_status) {
    kill(-handler->pid, SIGKILL); /* what it has started and left behind */
    handler_kill(handler, HANDLER_LOST, CREW_ECRASHED);
    report_end(handler, wait_status);
    if (handler->killed_in == HANDLER_STARTING && handler->refusal == NULL) {
        char how[64];
        spawn_describe_end(wait_status, how, sizeof how);
        handler->refusal = memory_zeroed(sizeof how + 64);
        snprintf(handler->refusal, sizeof how + 64, "a handler process %s at its start",
                 how);
    }
    task_done(handler);
    handler_move(handler, HANDLER_GONE);
    uv_close((uv_handle_t *)&handler->poll, on_closed);
    uv_close((uv_handle_t *)&handler->timer, on_closed);
}
