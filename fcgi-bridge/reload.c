#include "reload.h"

#include "base/xalloc.h"
#include "bridge.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READY_WITHIN_MS 10000
#define MARK "CREW_BRIDGE_TAKES_OVER"

/* Where the new process finds them. */
enum { CHILD_LISTEN_FD = 3, CHILD_READY_FD = 4, CHILD_FDS = 5 };

extern char **environ;

int reload_init(struct bridge *bridge, char **command, int ready_fd) {
    struct reload *reload = &bridge->reload;
    reload->command = command;
    reload->ready_fd = ready_fd;
    reload->process.data = reload->ready.data = reload->timer.data = bridge;
    return uv_timer_init(&bridge->loop, &reload->timer);
}

/* ---- the new one's side ---- */

bool reload_inherited(int *listen_fd, int *ready_fd) {
    if (!getenv(MARK))
        return false;
    unsetenv(MARK);
    close_range(CHILD_FDS, ~0u, 0);
    fcntl(CHILD_READY_FD, F_SETFD, FD_CLOEXEC);
    *listen_fd = CHILD_LISTEN_FD;
    *ready_fd = CHILD_READY_FD;
    return true;
}

void reload_tell_ready(struct bridge *bridge) {
    struct reload *reload = &bridge->reload;
    if (reload->ready_fd < 0)
        return;
    if (write(reload->ready_fd, "R", 1) != 1)
        log_warning("the bridge before this one is gone already");
    close(reload->ready_fd);
    reload->ready_fd = -1;
}

/* ---- the old one's side ---- */

static void on_handle_closed(uv_handle_t *handle) {
    struct bridge *bridge = handle->data;
    bridge->reload.open_handles--;
}

static void end_attempt(struct bridge *bridge, enum reload_state state) {
    struct reload *reload = &bridge->reload;
    reload->state = state;
    uv_timer_stop(&reload->timer);
    uv_close((uv_handle_t *)&reload->ready, on_handle_closed);
    uv_close((uv_handle_t *)&reload->process, on_handle_closed);
}

void reload_give_up(struct bridge *bridge) {
    if (bridge->reload.state != RELOAD_WAITING)
        return;
    if (bridge->reload.pid > 0)
        kill(bridge->reload.pid, SIGKILL);
    end_attempt(bridge, RELOAD_NONE);
}

static void fail(struct bridge *bridge, const char *why) {
    log_error("reload failed, this process stays: %s", why);
    notify("READY=1");
    reload_give_up(bridge);
}

static void tell_manager(const struct bridge *bridge) {
    char text[64];
    snprintf(text, sizeof text, "MAINPID=%d\nREADY=1", (int)bridge->reload.pid);
    notify(text);
}

static void on_new_one_ended(uv_process_t *process, int64_t status, int signal) {
    struct bridge *bridge = process->data;
    (void)status;
    (void)signal;
    bridge->reload.pid = 0;
    if (bridge->reload.state == RELOAD_WAITING)
        fail(bridge, "the new one ended at once");
}

static void on_late(uv_timer_t *timer) {
    fail(timer->data, "the new one was not ready in time");
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf) {
    static char word[8];
    (void)handle;
    (void)size;
    *buf = uv_buf_init(word, sizeof word);
}

static void on_ready(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buf) {
    struct bridge *bridge = stream->data;
    if (bytes <= 0 || bridge->reload.state != RELOAD_WAITING) {
        uv_read_stop(stream); /* its exit tells */
        return;
    }
    (void)buf;
    log_info("reloaded: process %d has taken over", (int)bridge->reload.pid);
    tell_manager(bridge);
    end_attempt(bridge, RELOAD_DONE);
    bridge_stop(bridge, true);
}

/* The environment, with the mark that tells the new process what it is. */
static char **marked_environment(void) {
    size_t count = 0;
    while (environ[count])
        count++;
    char **copy = xcalloc(1, (count + 2) * sizeof *copy);
    memcpy(copy, environ, count * sizeof *copy);
    static char mark[] = MARK "=1";
    copy[count] = mark;
    return copy;
}

static int spawn(struct bridge *bridge, int ready_fd) {
    char **env = marked_environment();
    uv_stdio_container_t stdio[CHILD_FDS] = {
        {.flags = UV_IGNORE}, /* libuv would make a listening socket there blocking */
        {.flags = UV_INHERIT_FD, .data.fd = 1},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
        [CHILD_LISTEN_FD] = {.flags = UV_INHERIT_FD, .data.fd = bridge->listener->fd},
        [CHILD_READY_FD] = {.flags = UV_INHERIT_FD, .data.fd = ready_fd}};
    const uv_process_options_t options = {.file = bridge->reload.command[0],
                                          .args = bridge->reload.command,
                                          .env = env,
                                          .stdio = stdio,
                                          .stdio_count = CHILD_FDS,
                                          .exit_cb = on_new_one_ended};
    int error = uv_spawn(&bridge->loop, &bridge->reload.process, &options);
    free(env);
    return error;
}

void reload_begin(struct bridge *bridge) {
    struct reload *reload = &bridge->reload;
    if (reload->state != RELOAD_NONE || reload->open_handles > 0 ||
        bridge->state != BRIDGE_RUNNING)
        return;
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) {
        log_error("reload failed, this process stays: %s", strerror(errno));
        return;
    }
    uv_pipe_init(&bridge->loop, &reload->ready, 0);
    uv_pipe_open(&reload->ready, fds[0]);
    reload->open_handles = 2;
    reload->state = RELOAD_WAITING;
    reload->pid = 0;
    int error = spawn(bridge, fds[1]);
    close(fds[1]);
    if (error) {
        fail(bridge, uv_strerror(error));
        return;
    }
    reload->pid = uv_process_get_pid(&reload->process);
    log_info("reload: process %d is to take over", (int)reload->pid);
    notify("RELOADING=1");
    uv_read_start((uv_stream_t *)&reload->ready, on_alloc, on_ready);
    uv_timer_start(&reload->timer, on_late, READY_WITHIN_MS, 0);
}
