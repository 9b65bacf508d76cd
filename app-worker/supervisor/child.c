/* The life of a handler process.
 *
 * Each event (a frame, the end of the socket, the timer, the exit) may change the state,
 * and only move() does. The order is always the same: first the caller is answered, then
 * the process is dealt with, and the task is finished (may be acked) only when nothing
 * runs for it any more: after the handler has returned, or its death.
 *
 * What a child sends is untrusted: a frame that may not come in its state is a protocol
 * error and costs the child its life. */
#include "child.h"

#include "assignments.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/xalloc.h"
#include "child_stream.h"
#include "child_subcalls.h"
#include "daemon/log.h"
#include "limit_timer.h"
#include "spawn.h"
#include "wire/limits.h"
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FRAME_SLACK_BYTES = 64 * 1024 };

enum child_state {
    CHILD_STARTING, /* executed; its HELLO is awaited, until then its death ends it */
    CHILD_IDLE,     /* waits for a task, or for QUIT */
    CHILD_BUSY,     /* runs a task; ends with its answer, or at the task's time limit */
    CHILD_WAITING,  /* the same, but its handler waits for calls of its own */
    CHILD_STOPPING, /* the caller is answered, the handler asked to stop; ends when it
                       returns, or with the grace period */
    CHILD_QUITTING, /* was sent QUIT; ends with its exit, or with the grace period */
    CHILD_KILLED,   /* its group was sent SIGKILL; the exit status is awaited */
    CHILD_EXITED,   /* reaped */
    CHILD_STATE_COUNT
};

static const char *const state_names[CHILD_STATE_COUNT] = {
    [CHILD_STARTING] = "starting", [CHILD_IDLE] = "idle",
    [CHILD_BUSY] = "busy",         [CHILD_WAITING] = "waiting for a call",
    [CHILD_STOPPING] = "stopping", [CHILD_QUITTING] = "quitting",
    [CHILD_KILLED] = "killed",     [CHILD_EXITED] = "exited",
};

/* From which state to which. */
#define TO(state) (1u << (state))
static const unsigned allowed[CHILD_STATE_COUNT] = {
    [CHILD_STARTING] = TO(CHILD_IDLE) | TO(CHILD_QUITTING) | TO(CHILD_KILLED),
    [CHILD_IDLE] = TO(CHILD_BUSY) | TO(CHILD_QUITTING) | TO(CHILD_KILLED),
    [CHILD_BUSY] =
        TO(CHILD_IDLE) | TO(CHILD_WAITING) | TO(CHILD_STOPPING) | TO(CHILD_KILLED),
    [CHILD_WAITING] = TO(CHILD_BUSY) | TO(CHILD_STOPPING) | TO(CHILD_KILLED),
    [CHILD_STOPPING] = TO(CHILD_IDLE) | TO(CHILD_KILLED),
    [CHILD_QUITTING] = TO(CHILD_KILLED),
    [CHILD_KILLED] = TO(CHILD_EXITED),
};

/* Why a child is killed. */
enum kill_reason {
    KILL_LOST,           /* it has closed its socket, or exited */
    KILL_PROTOCOL_ERROR, /* it sent a malformed or unexpected frame */
    KILL_UNRESPONSIVE,   /* it did not stop or exit within the grace period */
    KILL_NO_MEMORY,      /* a frame to it is incomplete */
    KILL_ORDERED         /* it is not needed any more */
};

struct child {
    enum child_state state;
    struct child_context *context;
    void *owner;
    pid_t pid;
    char uuid[UUID_BYTES];
    uint64_t started_ms;
    struct task_names tasks; /* of its HELLO */
    char *load_error;        /* the same; or how it died before that */
    uint64_t last_run_us;    /* of the latest answer */
    enum kill_reason kill_reason;
    enum child_state killed_in;
    struct ipc_endpoint endpoint;
    struct assignments assignments;
    struct child_stream stream;
    struct child_subcalls subcalls;
    struct limit_timer timer; /* BUSY, WAITING: limit; STOPPING, QUITTING: grace period */
    int open_handles;
};

static const struct child_listener *listener_of(const struct child *child) {
    return child->context->listener;
}

pid_t child_pid(const struct child *child) {
    return child->pid;
}

struct task_names *child_tasks(struct child *child) {
    return &child->tasks;
}

crew_task *child_current_task(const struct child *child) {
    return assignments_current(&child->assignments);
}

/* For the log; may be null. */
static const char *task_id(const struct child *child) {
    struct crew_task_view view;
    if (child_current_task(child) == NULL)
        return NULL;
    crew_task_view(child_current_task(child), &view);
    return view.id;
}

/* ---- the state ---- */

static void report(struct child *child, enum child_state from) {
    const struct child_listener *listener = listener_of(child);
    switch (child->state) {
    case CHILD_IDLE:
        if (from == CHILD_STARTING)
            listener->ready(child->owner);
        else
            listener->finished(child->owner, child->last_run_us);
        break;
    case CHILD_BUSY:
        if (from == CHILD_WAITING)
            listener->resumed(child->owner);
        break;
    case CHILD_WAITING:
        listener->waiting(child->owner);
        break;
    case CHILD_STOPPING:
        listener->stopping(child->owner);
        break;
    case CHILD_QUITTING:
        listener->ending(child->owner);
        break;
    case CHILD_KILLED:
        listener->revoked(child->owner);
        break;
    default: /* EXITED: child_reaped */
        break;
    }
}

/* The one place where the state changes. */
static void move(struct child *child, enum child_state to) {
    enum child_state from = child->state;
    assert((allowed[from] & TO(to)) != 0);
    child->state = to;
    switch (to) {
    case CHILD_IDLE:
        limit_timer_stop(&child->timer);
        break;
    case CHILD_STOPPING:
    case CHILD_QUITTING:
        limit_timer_start(&child->timer, child->context->settings->grace_ms);
        break;
    case CHILD_KILLED:
        child->killed_in = from;
        limit_timer_stop(&child->timer);
        ipc_endpoint_stop(&child->endpoint);
        break;
    default: /* BUSY: child_assign sets the limit; WAITING: it stays */
        break;
    }
    report(child, from);
}

/* ---- the end ---- */

static void take_log(struct child *child, const struct wire_item *item) {
    static const enum log_level levels[] = {
        [CREW_LOG_DEBUG] = LOG_LEVEL_DEBUG,
        [CREW_LOG_INFO] = LOG_LEVEL_INFO,
        [CREW_LOG_WARNING] = LOG_LEVEL_WARNING,
        [CREW_LOG_ERROR] = LOG_LEVEL_ERROR,
    };
    enum crew_log_level level;
    const char *id;
    const char *text;
    if (ipc_get_log(item, ipc_endpoint_scratch(&child->endpoint), &level, &id, &text))
        log_request(levels[level], id, "%s", text);
}

static bool pass_on_answer(struct child *child, const struct wire_item *item) {
    struct crew_answer answer;
    if (!ipc_get_answer(item, ipc_endpoint_scratch(&child->endpoint), &answer))
        return false;
    child->last_run_us = answer.run_us;
    if (answer.body_bytes > child->context->settings->max_response_bytes)
        answer = (struct crew_answer){.error = CREW_EBADRESPONSE,
                                      .status = crew_error_status(CREW_EBADRESPONSE)};
    crew_task_answer(child_current_task(child), &answer);
    return true;
}

static void finish_current(struct child *child) {
    assignments_finish_current(&child->assignments);
    child_stream_reset(&child->stream);
}

/* A frame of a dead process. */
static void take_last(void *arg, const struct wire_item *item) {
    struct child *child = arg;
    if (item->kind == IPC_LOG)
        take_log(child, item);
    if (child->state != CHILD_BUSY)
        return;
    if (item->kind == IPC_HEAD)
        child_stream_head(&child->stream, item, false);
    if (item->kind == IPC_CHUNK)
        child_stream_chunk(&child->stream, item, false);
    if (item->kind != IPC_ANSWER ||
        !assignments_is_current(&child->assignments, ipc_generation(item)) ||
        !pass_on_answer(child, item) || !assignments_have_pipelined(&child->assignments))
        return;
    finish_current(child);
    assignments_next(&child->assignments);
}

/* Frames that the child has stored in the task ring. */
static void read_stored(struct child *child,
                        void (*take)(void *arg, const struct wire_item *item)) {
    struct buffer stored = BUFFER_INIT;
    struct wire_item item;
    assignments_read_stored(&child->assignments, &stored);
    struct wire_reader reader = {.at = stored.data, .end = stored.data + stored.len};
    while (!stored.failed && stored.len > 0 && wire_next(&reader, &item) == 1)
        take(child, &item);
    buffer_fini(&stored);
}

static void log_kill(const struct child *child, enum kill_reason reason) {
    if (reason == KILL_UNRESPONSIVE)
        log_request(LOG_LEVEL_WARNING, task_id(child),
                    "handler process %d did not end within %u ms and was killed",
                    (int)child->pid, child->context->settings->grace_ms);
    if (reason == KILL_PROTOCOL_ERROR)
        log_request(LOG_LEVEL_ERROR, task_id(child),
                    "handler process %d sent a malformed frame and was killed",
                    (int)child->pid);
}

/* What the process sent before it died counts: an answer that was sent is an answer, and
 * so is one that it stored. What it has not started can be revoked. The rest is answered
 * with ERROR: the current task, and pipelined ones whose answers were on their way. */
static void kill_for(struct child *child, enum kill_reason reason, int error) {
    if (child->state >= CHILD_KILLED)
        return;
    kill(-child->pid, SIGKILL);
    if (reason == KILL_LOST) {
        ipc_endpoint_drain(&child->endpoint, take_last);
        read_stored(child, take_last);
    }
    listener_of(child)->ending(child->owner);
    if (child->state == CHILD_BUSY || child->state == CHILD_WAITING)
        assignments_answer_all(&child->assignments, error);
    child_subcalls_cancel(&child->subcalls);
    child->kill_reason = reason;
    log_kill(child, reason);
    move(child, CHILD_KILLED);
}

void child_kill(struct child *child) {
    kill_for(child, KILL_ORDERED, CREW_ELOST);
}

static void protocol_error(struct child *child) {
    kill_for(child, KILL_PROTOCOL_ERROR, CREW_ECRASHED);
}

static void log_exit(const struct child *child, int status) {
    char how[64];
    spawn_describe_end(status, how, sizeof how);
    enum child_state in = child->killed_in;
    bool is_expected =
        child->kill_reason != KILL_LOST || in == CHILD_STARTING ||
        (in == CHILD_QUITTING && (status == 0 || child->load_error != NULL));
    if (is_expected)
        log_debug("handler process %d %s", (int)child->pid, how);
    else
        log_request(in == CHILD_BUSY || in == CHILD_WAITING ? LOG_LEVEL_ERROR
                                                            : LOG_LEVEL_WARNING,
                    task_id(child), "handler process %d %s while it was %s",
                    (int)child->pid, how, state_names[in]);
}

static void describe_early_exit(struct child *child, int status) {
    char how[64];
    size_t bytes = sizeof how + 64;
    if (child->killed_in != CHILD_STARTING || child->load_error != NULL)
        return;
    spawn_describe_end(status, how, sizeof how);
    child->load_error = xcalloc(1, bytes);
    snprintf(child->load_error, bytes, "a handler process %s at its start", how);
}

static void on_closed(void *arg) {
    struct child *child = arg;
    if (--child->open_handles > 0)
        return;
    assignments_fini(&child->assignments);
    task_names_fini(&child->tasks);
    free(child->load_error);
    free(child);
}

void child_reaped(struct child *child, int status) {
    kill(-child->pid, SIGKILL); /* what it has started and left behind */
    kill_for(child, KILL_LOST, CREW_ECRASHED);
    log_exit(child, status);
    describe_early_exit(child, status);
    assignments_finish_all(&child->assignments);
    move(child, CHILD_EXITED);
    const struct child_exit how = {.load_error = child->load_error,
                                   .was_ordered = child->kill_reason == KILL_ORDERED,
                                   .lived_ms = clock_ms() - child->started_ms};
    listener_of(child)->exited(child->owner, &how);
    ipc_endpoint_close(&child->endpoint);
    limit_timer_close(&child->timer);
}

/* ---- the time limit ---- */

/* How long a task may run. */
static uint32_t allowed_ms(const struct child *child, const crew_task *task) {
    uint32_t left_ms = crew_task_left_ms(task);
    uint32_t timeout_ms = child->context->settings->timeout_ms;
    return left_ms < timeout_ms ? left_ms : timeout_ms;
}

/* One more: neither clock shows what has passed of its millisecond. */
static void set_limit(struct child *child) {
    limit_timer_start(&child->timer, allowed_ms(child, child_current_task(child)) + 1);
}

static void answer_current(struct child *child, int error) {
    crew_task_answer(
        child_current_task(child),
        &(struct crew_answer){.error = error, .status = crew_error_status(error)});
}

/* The caller is answered already. What the handler waits for ends after the signal, so
 * that it can see that it was asked to stop. */
static void stop_handler(struct child *child, enum ipc_stop_reason reason) {
    move(child, CHILD_STOPPING);
    spawn_stop(child->pid, reason);
    child_stream_stop(&child->stream);
    child_subcalls_stop(&child->subcalls);
}

/* Where the process has started the next task already, the answer to this one is stored,
 * or can be read from the socket soon. */
static void limit_reached(struct child *child) {
    if (assignments_have_pipelined(&child->assignments)) {
        listener_of(child)->revoke(child->owner, false);
        child_collect(child);
        if (child->state != CHILD_BUSY || !limit_timer_is_due(&child->timer))
            return;
    }
    if (assignments_have_pipelined(&child->assignments)) {
        limit_timer_start(&child->timer, 1);
        return;
    }
    answer_current(child, CREW_ETIMEOUT);
    log_request(LOG_LEVEL_WARNING, task_id(child),
                "handler process %d has exceeded the time limit: the caller is answered, "
                "the handler is asked to stop",
                (int)child->pid);
    stop_handler(child, IPC_STOP_TIMEOUT);
}

static void on_timer(void *arg) {
    struct child *child = arg;
    if (child->state == CHILD_BUSY || child->state == CHILD_WAITING)
        limit_reached(child);
    else
        kill_for(child, KILL_UNRESPONSIVE, CREW_ETIMEOUT);
}

/* ---- frames ---- */

static void take_hello(struct child *child, const struct wire_item *item) {
    if (item->body.len > 0) {
        child->load_error = xcalloc(1, item->body.len + 1);
        memcpy(child->load_error, item->body.data, item->body.len);
        move(child, CHILD_QUITTING);
        return;
    }
    task_names_init(&child->tasks, item->pairs);
    move(child, CHILD_IDLE);
}

/* In STOPPING the caller has its answer, and this one is too late. One that was stored,
 * and read there, comes again. */
static void take_answer(struct child *child, const struct wire_item *item) {
    if (!assignments_is_current(&child->assignments, ipc_generation(item)))
        return;
    if (child->state == CHILD_BUSY && !pass_on_answer(child, item)) {
        protocol_error(child);
        return;
    }
    finish_current(child);
    if (child->state == CHILD_BUSY && assignments_have_pipelined(&child->assignments)) {
        assignments_next(&child->assignments);
        set_limit(child);
        listener_of(child)->finished(child->owner, child->last_run_us);
    } else {
        move(child, CHILD_IDLE);
    }
}

static void on_resumed(void *arg) {
    move(arg, CHILD_BUSY);
}

/* True: CALL is taken over. */
static bool make_calls(struct child *child, struct ipc_call *call) {
    if (child->state == CHILD_STOPPING) {
        child_subcalls_refuse(&child->subcalls, CREW_ETIMEOUT);
        return false;
    }
    if (!listener_of(child)->may_wait(child->owner, &call->group)) {
        log_request(LOG_LEVEL_WARNING, task_id(child),
                    "its call is refused: all handler processes would wait for calls "
                    "(--max-processes)");
        child_subcalls_refuse(&child->subcalls, CREW_EOVERLOADED);
        return false;
    }
    if (child_subcalls_call(&child->subcalls, call))
        move(child, CHILD_WAITING);
    return true;
}

/* What is pipelined behind this task would wait as long as it does, and the child drops
 * what it has not started while it waits. */
static void take_call(struct child *child, const struct wire_item *item) {
    struct ipc_call call;
    bool is_taken = false;
    listener_of(child)->revoke(child->owner, false);
    if (ipc_get_call(item, &call))
        is_taken = make_calls(child, &call);
    else
        protocol_error(child);
    if (!is_taken)
        ipc_call_fini(&call);
    listener_of(child)->revoked(child->owner);
}

/* The same. */
static void take_publish(struct child *child, const struct wire_item *item) {
    struct ipc_publish publish;
    if (!ipc_get_publish(item, &publish)) {
        ipc_publish_fini(&publish);
        protocol_error(child);
        return;
    }
    listener_of(child)->revoke(child->owner, true);
    if (!child_subcalls_publish(&child->subcalls, &publish,
                                child->state == CHILD_STOPPING))
        protocol_error(child);
    listener_of(child)->revoked(child->owner);
}

static void take_head(struct child *child, const struct wire_item *item) {
    bool is_stopping = child->state == CHILD_STOPPING;
    int error = child_stream_head(&child->stream, item, is_stopping);
    if (error == CREW_EINVAL) {
        protocol_error(child);
        return;
    }
    if (is_stopping)
        return;
    listener_of(child)->revoke(child->owner, true);
    if (error == CREW_ECANCELLED)
        child_unread(child);
    listener_of(child)->revoked(child->owner);
}

static void take_chunk(struct child *child, const struct wire_item *item) {
    if (child_stream_chunk(&child->stream, item, child->state == CHILD_STOPPING) !=
        CREW_OK)
        protocol_error(child);
}

/* Frames of a handler that runs. */
static void take_from_handler(struct child *child, const struct wire_item *item) {
    switch (item->kind) {
    case IPC_CALL:
        take_call(child, item);
        break;
    case IPC_PUBLISH:
        take_publish(child, item);
        break;
    case IPC_HEAD:
        take_head(child, item);
        break;
    case IPC_CHUNK:
        take_chunk(child, item);
        break;
    default:
        protocol_error(child);
        break;
    }
}

static void on_frame(void *arg, const struct wire_item *item) {
    struct child *child = arg;
    bool runs = child->state == CHILD_BUSY || child->state == CHILD_STOPPING;
    if (item->kind == IPC_LOG)
        take_log(child, item);
    else if (item->kind == IPC_HELLO && child->state == CHILD_STARTING)
        take_hello(child, item);
    else if (item->kind == IPC_ANSWER && child->state != CHILD_WAITING)
        take_answer(child, item);
    else if (runs)
        take_from_handler(child, item);
    else
        protocol_error(child);
}

/* One that quits may take its time for that, up to the grace period. */
static void on_failed(void *arg, enum ipc_endpoint_error error) {
    struct child *child = arg;
    if (error == IPC_ENDPOINT_MALFORMED)
        protocol_error(child);
    else if (error == IPC_ENDPOINT_NO_MEMORY)
        kill_for(child, KILL_NO_MEMORY, CREW_EFAILED);
    else if (child->state == CHILD_QUITTING)
        ipc_endpoint_stop(&child->endpoint);
    else
        kill_for(child, KILL_LOST, CREW_ECRASHED);
}

static void take_stored(void *arg, const struct wire_item *item) {
    struct child *child = arg;
    if (child->state == CHILD_BUSY && item->kind == IPC_ANSWER)
        take_answer(child, item);
}

void child_collect(struct child *child) {
    read_stored(child, take_stored);
}

/* ---- what the pool asks for ---- */

static void send_setup(struct child *child, const char *app) {
    const struct settings *settings = child->context->settings;
    const struct ipc_setup setup = {
        .uuid = child->uuid,
        .node_uuid = child->context->node_uuid,
        .route_task = settings->route_task,
        .app = app,
        .max_response_bytes = settings->max_response_bytes,
        .max_memory_bytes = settings->max_memory_bytes,
        .argc = settings->app_argc,
        .argv = settings->app_argv,
    };
    ipc_put_setup(ipc_endpoint_out(&child->endpoint), &setup);
    ipc_endpoint_send(&child->endpoint);
}

static size_t max_frame_bytes(const struct settings *settings) {
    size_t body = settings->max_response_bytes > LIMIT_MESSAGE_BYTES
                      ? settings->max_response_bytes
                      : LIMIT_MESSAGE_BYTES;
    return body + LIMIT_PAIRS_BYTES + FRAME_SLACK_BYTES;
}

static void init_parts(struct child *child, int fd) {
    static const struct ipc_endpoint_listener listener = {
        .frame = on_frame, .failed = on_failed, .closed = on_closed};
    struct child_context *context = child->context;
    child->open_handles = 2;
    ipc_endpoint_init(&child->endpoint, context->loop, fd,
                      max_frame_bytes(context->settings), &context->send_queue, &listener,
                      child);
    limit_timer_init(&child->timer, context->loop, on_timer, on_closed, child);
    child_stream_init(&child->stream, &child->endpoint, &child->assignments);
    child_subcalls_init(&child->subcalls, context->subcalls, &child->endpoint, on_resumed,
                        child);
}

struct child *child_start(struct child_context *context, const char *app, void *owner) {
    struct assignments assignments;
    pid_t pid;
    int fd;
    int ring_fd;
    if (assignments_init(&assignments, &ring_fd) != 0)
        return NULL;
    int failed = spawn_child(context->settings->app_argv[0], ring_fd, &pid, &fd);
    int error = errno;
    close(ring_fd);
    if (failed) {
        assignments_fini(&assignments);
        errno = error;
        return NULL;
    }
    struct child *child = xcalloc(1, sizeof *child);
    child->assignments = assignments;
    child->context = context;
    child->owner = owner;
    child->pid = pid;
    child->started_ms = clock_ms();
    random_uuid(child->uuid);
    init_parts(child, fd);
    send_setup(child, app);
    log_debug("handler process %d started", (int)pid);
    return child;
}

static void put_run(struct child *child, const struct assignment *assigned) {
    struct crew_task_view view;
    const struct ipc_run_terms terms = {.left_ms = allowed_ms(child, assigned->task),
                                        .slot = assigned->slot,
                                        .generation = assigned->generation};
    crew_task_view(assigned->task, &view);
    ipc_put_run(ipc_endpoint_out(&child->endpoint), &view, &terms);
    ipc_endpoint_queue(&child->endpoint);
}

void child_assign(struct child *child, crew_task *task) {
    const struct assignment assigned = assignments_add(&child->assignments, task);
    put_run(child, &assigned);
    if (child->state == CHILD_BUSY)
        return;
    move(child, CHILD_BUSY);
    set_limit(child);
}

void children_flush(struct child_context *context) {
    ipc_send_queue_flush(&context->send_queue);
}

/* In BUSY only; and the current one only when the process is dead, since the owner asks
 * for no more than what is pipelined before that. */
crew_task *child_revoke(struct child *child) {
    return assignments_revoke(&child->assignments, child->state == CHILD_BUSY);
}

void child_credit(struct child *child, uint32_t allowed_bytes) {
    if (child->state == CHILD_BUSY || child->state == CHILD_WAITING)
        child_stream_credit(&child->stream, allowed_bytes);
}

void child_unread(struct child *child) {
    if (child->state != CHILD_BUSY && child->state != CHILD_WAITING)
        return;
    log_request(LOG_LEVEL_DEBUG, task_id(child),
                "the streamed answer has no reader any more: handler process %d is asked "
                "to stop",
                (int)child->pid);
    answer_current(child, CREW_ELOST);
    stop_handler(child, IPC_STOP_UNWANTED);
}

void child_quit(struct child *child) {
    move(child, CHILD_QUITTING);
    ipc_put_quit(ipc_endpoint_out(&child->endpoint));
    ipc_endpoint_send(&child->endpoint);
}
