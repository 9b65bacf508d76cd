/* The life of a handler process.
 *
 * Each event (a frame, the end of the socket, the timer, the exit) may change the state,
 * and only child_move does. The order is always the same: first the caller is answered,
 * then the process is dealt with, and the task is done (may be acked) only when nothing
 * runs for it any more: after the handler has returned or its death.
 */
#include "child_internal.h"

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

static const char *const state_names[CHILD_STATE_COUNT] = {
    [CHILD_STARTING] = "starting", [CHILD_IDLE] = "idle",
    [CHILD_BUSY] = "busy",         [CHILD_WAITING] = "waiting for a call",
    [CHILD_STOPPING] = "stopping", [CHILD_LEAVING] = "leaving",
    [CHILD_KILLED] = "killed",     [CHILD_GONE] = "gone",
};

/* From which state to which. */
#define TO(state) (1u << (state))
static const unsigned allowed[CHILD_STATE_COUNT] = {
    [CHILD_STARTING] = TO(CHILD_IDLE) | TO(CHILD_LEAVING) | TO(CHILD_KILLED),
    [CHILD_IDLE] = TO(CHILD_BUSY) | TO(CHILD_LEAVING) | TO(CHILD_KILLED),
    [CHILD_BUSY] =
        TO(CHILD_IDLE) | TO(CHILD_WAITING) | TO(CHILD_STOPPING) | TO(CHILD_KILLED),
    [CHILD_WAITING] = TO(CHILD_BUSY) | TO(CHILD_STOPPING) | TO(CHILD_KILLED),
    [CHILD_STOPPING] = TO(CHILD_IDLE) | TO(CHILD_KILLED),
    [CHILD_LEAVING] = TO(CHILD_KILLED),
    [CHILD_KILLED] = TO(CHILD_GONE),
};

static void on_timer(uv_timer_t *timer);

const char *child_state_name(enum child_state state) {
    return state_names[state];
}

const char *child_task_id(const struct child *child) {
    struct crew_task_view view;
    if (child->task == NULL)
        return NULL;
    crew_task_view(child->task, &view);
    return view.id;
}

void child_move(struct child *child, enum child_state to) {
    enum child_state from = child->state;
    assert((allowed[from] & TO(to)) != 0);
    child->state = to;
    switch (to) {
    case CHILD_IDLE:
        uv_timer_stop(&child->timer);
        break;
    case CHILD_STOPPING:
    case CHILD_LEAVING:
        uv_timer_start(&child->timer, on_timer, child->context->settings->grace_ms, 0);
        break;
    case CHILD_KILLED:
        child->killed_in = from;
        uv_timer_stop(&child->timer);
        uv_poll_stop(&child->poll);
        break;
    default: /* BUSY: child_run sets the limit; WAITING: it stays */
        break;
    }
    child->context->moved(child->context->arg, child, from);
}

/* ---- the task ---- */

void child_answer_with(struct child *child, int error) {
    crew_task_answer(
        child->task,
        &(struct crew_answer){.error = error, .status = crew_error_status(error)});
}

void child_task_done(struct child *child) {
    if (child->task != NULL)
        crew_task_done(child->task);
    child->task = NULL;
    child->current.generation = 0;
    child->streams = false;
}

/* How long it may run. */
static uint32_t allowed_ms(const struct child *child, const crew_task *task) {
    uint32_t left_ms = crew_task_left_ms(task);
    uint32_t timeout_ms = child->context->settings->timeout_ms;
    return left_ms < timeout_ms ? left_ms : timeout_ms;
}

static void set_limit(struct child *child) {
    uint32_t limit_ms = allowed_ms(child, child->task);
    /* One more: neither clock shows what has passed of its millisecond. */
    child->limit_at_ms = uv_now(child->context->loop) + limit_ms + 1;
    /* A timer that fires too early is set anew then: cheaper than to set it each time. */
    if (uv_is_active((uv_handle_t *)&child->timer) &&
        child->armed_ms <= child->limit_at_ms)
        return;
    child->armed_ms = child->limit_at_ms;
    uv_timer_start(&child->timer, on_timer, limit_ms + 1, 0);
}

/* The first of those ahead is the one that runs now. */
void child_next_task(struct child *child) {
    child->current = child->pipelined[0];
    child->task = child->current.task;
    child->pipelined_count--;
    memmove(child->pipelined, child->pipelined + 1,
            child->pipelined_count * sizeof *child->pipelined);
    set_limit(child);
}

static crew_task *revoke_pipelined(struct child *child) {
    const struct assignment *last = &child->pipelined[child->pipelined_count - 1];
    if (!task_ring_claim(child->ring, last->slot, last->generation))
        return NULL; /* started, and those before it, too */
    child->pipelined_count--;
    return last->task;
}

static crew_task *revoke_current(struct child *child) {
    crew_task *task = child->task;
    if (child->state != CHILD_BUSY || task == NULL ||
        !task_ring_claim(child->ring, child->current.slot, child->current.generation))
        return NULL;
    child->task = NULL;
    return task;
}

crew_task *child_revoke(struct child *child) {
    return child->pipelined_count > 0 ? revoke_pipelined(child) : revoke_current(child);
}

/* ---- the socket ---- */

static void on_ready(uv_poll_t *poll, int status, int events);

/* A failure to send needs nothing done: the end of the socket will be seen. Memory that
 * was out is different: half a frame cannot be taken back. */
void child_send_frames(struct child *child) {
    bool is_cut = child->socket.out.failed;
    int sent = ipc_socket_flush(&child->socket);
    if (is_cut)
        child_kill(child, CHILD_ORDERED, CREW_EFAILED);
    else if (sent == 0)
        uv_poll_start(&child->poll, UV_READABLE | UV_WRITABLE, on_ready);
}

/* Its calls were not made. */
void child_refuse_calls(struct child *child, int error) {
    ipc_put_call_result(&child->socket.out, error, NULL, 0);
    child_send_frames(child);
}

/* ---- frames that come ---- */

static void take_hello(struct child *child, const struct wire_item *item) {
    if (item->body.len > 0) {
        child->load_error = xcalloc(1, item->body.len + 1);
        memcpy(child->load_error, item->body.data, item->body.len);
        child_move(child, CHILD_LEAVING);
        return;
    }
    task_names_init(&child->tasks, item->pairs);
    child_move(child, CHILD_IDLE);
}

bool child_pass_on_answer(struct child *child, const struct wire_item *item) {
    struct crew_answer answer;
    if (!ipc_get_answer(item, &child->scratch, &answer))
        return false;
    child->last_run_us = answer.run_us;
    if (answer.body_bytes > child->context->settings->max_response_bytes)
        child_answer_with(child, CREW_EBADRESPONSE);
    else
        crew_task_answer(child->task, &answer);
    return true;
}

/* In STOPPING the caller has its answer, and this one comes too late. One that was seen
 * already where the process kept it comes once more. */
static void take_answer(struct child *child, const struct wire_item *item) {
    if (child->current.generation == 0 ||
        ipc_generation(item) != child->current.generation)
        return;
    if (child->state == CHILD_BUSY && !child_pass_on_answer(child, item)) {
        child_kill(child, CHILD_PROTOCOL_ERROR, CREW_ECRASHED);
        return;
    }
    child_task_done(child);
    if (child->state == CHILD_BUSY && child->pipelined_count > 0) {
        child_next_task(child);
        child->context->finished(child->context->arg, child);
    } else {
        child_move(child, CHILD_IDLE);
    }
}

static void on_called(void *arg, int error, const struct crew_answer *const answers[],
                      size_t count) {
    struct child *child = arg;
    child->calls = NULL;
    ipc_put_call_result(&child->socket.out, error, answers, count);
    child_move(child, CHILD_BUSY); /* it may be given more: behind this frame */
    child_send_frames(child);
}

static void make_calls(struct child *child, struct ipc_call *wanted) {
    struct buffer bytes;
    ipc_socket_detach(&child->socket, &bytes);
    int error = subcalls_start(child->context->subcalls, wanted, &bytes, on_called, child,
                               &child->calls);
    if (error != CREW_OK)
        child_refuse_calls(child, error);
    else
        child_move(child, CHILD_WAITING);
}

/* What is behind this task would wait as long as it does, and is thrown away where the
 * process waits for the answer. */
static void take_calls(struct child *child, const struct wire_item *item) {
    struct ipc_call wanted;
    bool may_wait = false;
    child->context->revoke(child->context->arg, child, false);
    if (!ipc_get_call(item, &wanted)) {
        child_kill(child, CHILD_PROTOCOL_ERROR, CREW_ECRASHED);
    } else if (child->state == CHILD_STOPPING) {
        child_refuse_calls(child, CREW_ETIMEOUT);
    } else if (!child->context->may_wait(child->context->arg, child, &wanted.group)) {
        log_request(LOG_LEVEL_WARNING, child_task_id(child),
                    "its call is refused: no process would be left that does not wait "
                    "(--max-processes)");
        child_refuse_calls(child, CREW_EOVERLOADED);
    } else {
        may_wait = true;
        make_calls(child, &wanted);
    }
    if (!may_wait)
        ipc_call_fini(&wanted);
    child->context->revoked(child->context->arg);
}

void child_take_log(struct child *child, const struct wire_item *item) {
    static const enum log_level levels[] = {
        [CREW_LOG_DEBUG] = LOG_LEVEL_DEBUG,
        [CREW_LOG_INFO] = LOG_LEVEL_INFO,
        [CREW_LOG_WARNING] = LOG_LEVEL_WARNING,
        [CREW_LOG_ERROR] = LOG_LEVEL_ERROR,
    };
    enum crew_log_level level;
    const char *id;
    const char *text;
    if (ipc_get_log(item, &child->scratch, &level, &id, &text))
        log_request(levels[level], id, "%s", text);
}

static void take(struct child *child, const struct wire_item *item) {
    bool runs = child->state == CHILD_BUSY || child->state == CHILD_STOPPING;
    bool streams =
        runs && ((item->kind == IPC_HEAD && child_pass_on_head(child, item)) ||
                 (item->kind == IPC_CHUNK && child_pass_on_chunk(child, item)));
    if (item->kind == IPC_LOG)
        child_take_log(child, item);
    else if (item->kind == IPC_HELLO && child->state == CHILD_STARTING)
        take_hello(child, item);
    else if (item->kind == IPC_ANSWER && child->state != CHILD_WAITING)
        take_answer(child, item);
    else if (item->kind == IPC_CALL && runs)
        take_calls(child, item);
    else if (item->kind == IPC_PUBLISH && runs)
        child_take_publish(child, item);
    else if (!streams)
        child_kill(child, CHILD_PROTOCOL_ERROR, CREW_ECRASHED);
}

void child_collect(struct child *child) {
    struct buffer kept = BUFFER_INIT;
    struct wire_item item;
    task_ring_read(child->ring, &kept);
    struct wire_reader reader = {.at = kept.data, .end = kept.data + kept.len};
    while (child->state == CHILD_BUSY && !kept.failed && kept.len > 0 &&
           wire_next(&reader, &item) == 1)
        if (item.kind == IPC_ANSWER)
            take_answer(child, &item);
    buffer_fini(&kept);
}

static void read_frames(struct child *child) {
    ssize_t bytes = ipc_socket_read(&child->socket);
    if (bytes < 0 && errno == EAGAIN)
        return;
    if (bytes <= 0 && child->state == CHILD_LEAVING) {
        uv_poll_stop(&child->poll); /* it may take its time, up to the grace period */
        return;
    }
    if (bytes <= 0) {
        child_kill(child, CHILD_LOST, CREW_ECRASHED);
        return;
    }
    struct wire_item item;
    int got = 0;
    while (child->state < CHILD_KILLED &&
           (got = ipc_socket_next(&child->socket, &item)) > 0)
        take(child, &item);
    if (got < 0 && child->state < CHILD_KILLED)
        child_kill(child, CHILD_PROTOCOL_ERROR, CREW_ECRASHED);
}

/* STATUS is an error when the process has died with unread frames (ECONNRESET): what it
 * has still said is read all the same. */
static void on_ready(uv_poll_t *poll, int status, int events) {
    struct child *child = poll->data;
    if (status < 0) {
        child_kill(child, CHILD_LOST, CREW_ECRASHED);
        return;
    }
    if ((events & UV_WRITABLE) != 0 && ipc_socket_flush(&child->socket) != 0)
        uv_poll_start(&child->poll, UV_READABLE, on_ready);
    if ((events & UV_READABLE) != 0)
        read_frames(child);
}

/* ---- the timer ---- */

static void limit_reached(struct child *child) {
    child_answer_with(child, CREW_ETIMEOUT);
    log_request(LOG_LEVEL_WARNING, child_task_id(child),
                "handler %d has run for too long: the caller is answered, the handler "
                "told to stop",
                (int)child->pid);
    child_tell_to_stop(child, IPC_STOP_TIMEOUT);
}

/* The limit of the task that runs, or of an earlier one. Where the process has begun the
 * next one already, the answer to this one is kept, or there to be read. */
static void on_limit(struct child *child) {
    uint64_t now_ms = uv_now(child->context->loop);
    if (now_ms >= child->limit_at_ms && child->pipelined_count > 0) {
        child->context->revoke(child->context->arg, child, false);
        child_collect(child);
        if (child->state != CHILD_BUSY)
            return;
    }
    if (now_ms >= child->limit_at_ms && child->pipelined_count == 0) {
        limit_reached(child);
        return;
    }
    child->armed_ms = child->limit_at_ms > now_ms ? child->limit_at_ms : now_ms + 1;
    uv_timer_start(&child->timer, on_timer, child->armed_ms - now_ms, 0);
}

static void on_timer(uv_timer_t *timer) {
    struct child *child = timer->data;
    if (child->state == CHILD_BUSY || child->state == CHILD_WAITING)
        on_limit(child);
    else
        child_kill(child, CHILD_UNRESPONSIVE, CREW_ETIMEOUT);
}

/* ---- orders ---- */

static void send_setup(struct child *child, const char *app) {
    const struct child_context *context = child->context;
    const struct settings *settings = context->settings;
    const struct ipc_setup setup = {
        .uuid = child->uuid,
        .node_uuid = context->node_uuid,
        .route_task = settings->route_task,
        .app = app,
        .max_response_bytes = settings->max_response_bytes,
        .max_memory_bytes = settings->max_memory_bytes,
        .argc = settings->app_argc,
        .argv = settings->app_argv,
    };
    ipc_put_setup(&child->socket.out, &setup);
    child_send_frames(child);
}

static size_t max_frame_bytes(const struct settings *settings) {
    size_t body = settings->max_response_bytes > LIMIT_MESSAGE_BYTES
                      ? settings->max_response_bytes
                      : LIMIT_MESSAGE_BYTES;
    return body + LIMIT_PAIRS_BYTES + FRAME_SLACK_BYTES;
}

struct child *child_start(struct child_context *context, const char *app) {
    pid_t pid;
    int fd;
    int ring_fd;
    struct task_ring *ring = task_ring_new(&ring_fd);
    if (ring == NULL)
        return NULL;
    int failed = spawn_handler(context->settings->app_argv[0], ring_fd, &pid, &fd);
    int error = errno;
    close(ring_fd);
    if (failed) {
        task_ring_free(ring);
        errno = error;
        return NULL;
    }
    struct child *child = xcalloc(1, sizeof *child);
    child->ring = ring;
    child->state = CHILD_STARTING;
    child->context = context;
    child->pid = pid;
    child->started_ms = clock_ms();
    random_uuid(child->uuid);
    ipc_socket_init(&child->socket, fd, max_frame_bytes(context->settings));
    uv_poll_init(context->loop, &child->poll, fd);
    uv_timer_init(context->loop, &child->timer);
    child->open_handles = 2;
    child->poll.data = child->timer.data = child;
    uv_poll_start(&child->poll, UV_READABLE, on_ready);
    send_setup(child, app);
    log_debug("handler process %d started", (int)pid);
    return child;
}

static void put_run(struct child *child, const struct assignment *given) {
    struct crew_task_view view;
    const struct ipc_run_terms terms = {.left_ms = allowed_ms(child, given->task),
                                        .slot = given->slot,
                                        .generation = given->generation};
    crew_task_view(given->task, &view);
    task_ring_offer(child->ring, given->slot, given->generation);
    ipc_put_run(&child->socket.out, &view, &terms);
    if (!child->has_unsent)
        DL_APPEND2(child->context->unsent, child, unsent_prev, unsent_next);
    child->has_unsent = true;
}

void child_run(struct child *child, crew_task *task) {
    uint32_t generation = ++child->last_generation;
    if (generation == 0) /* stands for none */
        generation = ++child->last_generation;
    const struct assignment given = {task, generation % TASK_RING_SLOTS, generation};
    put_run(child, &given);
    if (child->state == CHILD_BUSY) {
        child->pipelined[child->pipelined_count++] = given;
        return;
    }
    child->current = given;
    child->task = task;
    child_move(child, CHILD_BUSY);
    set_limit(child);
}

void child_forget_unsent(struct child *child) {
    if (child->has_unsent)
        DL_DELETE2(child->context->unsent, child, unsent_prev, unsent_next);
    child->has_unsent = false;
}

void children_flush(struct child_context *context) {
    struct child *child;
    while ((child = context->unsent) != NULL) {
        child_forget_unsent(child);
        if (child->state < CHILD_KILLED)
            child_send_frames(child);
    }
}

void child_quit(struct child *child) {
    child_move(child, CHILD_LEAVING);
    ipc_put_quit(&child->socket.out);
    child_send_frames(child);
}
