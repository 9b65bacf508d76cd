#include "reload.h"

#include "base/xalloc.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READY_TIMEOUT_MS 10000
#define VARIABLE "CREW_BRIDGE_TAKES_OVER"

/* Descriptors of the new process. */
enum { CHILD_LISTEN_FD = 3, CHILD_READY_FD = 4, CHILD_FDS = 5 };

extern char **environ;

int reload_init(struct reload *reload, uv_loop_t *loop,
                const struct reload_options *options) {
    *reload = (struct reload){.command = options->command,
                              .listen_fd = options->listen_fd,
                              .ready_fd = options->ready_fd,
                              .on_taken_over = options->on_taken_over,
                              .arg = options->arg};
    int error = uv_timer_init(loop, &reload->timer);
    reload->process.data = reload->ready.data = reload->timer.data = reload;
    return error;
}

/* ---- in the new process ---- */

bool reload_inherited(int *listen_fd, int *ready_fd) {
    if (getenv(VARIABLE) == NULL)
        return false;
    unsetenv(VARIABLE);
    close_range(CHILD_FDS, ~0u, 0);
    fcntl(CHILD_READY_FD, F_SETFD, FD_CLOEXEC);
    *listen_fd = CHILD_LISTEN_FD;
    *ready_fd = CHILD_READY_FD;
    return true;
}

bool reload_has_previous(const struct reload *reload) {
    return reload->ready_fd >= 0;
}

void reload_report_ready(struct reload *reload) {
    if (reload->ready_fd < 0)
        return;
    if (write(reload->ready_fd, "R", 1) != 1)
        log_warning("reload: the previous process has ended already");
    close(reload->ready_fd);
    reload->ready_fd = -1;
}

/* ---- in the old process ---- */

static void on_handle_closed(uv_handle_t *handle) {
    struct reload *reload = handle->data;
    reload->open_handles--;
}

static void end_attempt(struct reload *reload, enum reload_state state) {
    reload->state = state;
    uv_timer_stop(&reload->timer);
    uv_close((uv_handle_t *)&reload->ready, on_handle_closed);
    uv_close((uv_handle_t *)&reload->process, on_handle_closed);
}

void reload_cancel(struct reload *reload) {
    if (reload->state != RELOAD_WAITING)
        return;
    if (reload->pid > 0)
        kill(reload->pid, SIGKILL);
    end_attempt(reload, RELOAD_NONE);
}

static void fail(struct reload *reload, const char *why) {
    log_error("reload failed, this process goes on: %s", why);
    notify("READY=1");
    reload_cancel(reload);
}

static void notify_service_manager(const struct reload *reload) {
    char text[64];
    snprintf(text, sizeof text, "MAINPID=%d\nREADY=1", (int)reload->pid);
    notify(text);
}

static void on_exit_of_new(uv_process_t *process, int64_t status, int signal) {
    struct reload *reload = process->data;
    (void)status;
    (void)signal;
    reload->pid = 0;
    if (reload->state == RELOAD_WAITING)
        fail(reload, "the new process has exited");
}

static void on_ready_timeout(uv_timer_t *timer) {
    fail(timer->data, "the new process was not ready in time");
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf) {
    static char input[8];
    (void)handle;
    (void)size;
    *buf = uv_buf_init(input, sizeof input);
}

static void on_ready(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buf) {
    struct reload *reload = stream->data;
    (void)buf;
    if (bytes <= 0 || reload->state != RELOAD_WAITING) {
        uv_read_stop(stream); /* on_exit_of_new will be called */
        return;
    }
    log_info("reloaded: process %d has taken over", (int)reload->pid);
    notify_service_manager(reload);
    end_attempt(reload, RELOAD_DONE);
    reload->on_taken_over(reload->arg);
}

/* The environment with the variable that reload_inherited looks for. */
static char **environment_of_new(void) {
    static char variable[] = VARIABLE "=1";
    size_t count = 0;
    while (environ[count] != NULL)
        count++;
    char **copy = xcalloc(1, (count + 2) * sizeof *copy);
    memcpy(copy, environ, count * sizeof *copy);
    copy[count] = variable;
    return copy;
}

static int spawn(struct reload *reload, int ready_fd) {
    char **env = environment_of_new();
    uv_stdio_container_t stdio[CHILD_FDS] = {
        {.flags = UV_IGNORE}, /* libuv would make an inherited socket blocking */
        {.flags = UV_INHERIT_FD, .data.fd = 1},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
        [CHILD_LISTEN_FD] = {.flags = UV_INHERIT_FD, .data.fd = reload->listen_fd},
        [CHILD_READY_FD] = {.flags = UV_INHERIT_FD, .data.fd = ready_fd}};
    const uv_process_options_t options = {.file = reload->command[0],
                                          .args = reload->command,
                                          .env = env,
                                          .stdio = stdio,
                                          .stdio_count = CHILD_FDS,
                                          .exit_cb = on_exit_of_new};
    int error = uv_spawn(reload->timer.loop, &reload->process, &options);
    free(env);
    return error;
}

void reload_begin(struct reload *reload) {
    if (reload->state != RELOAD_NONE || reload->open_handles > 0)
        return;
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) {
        log_error("reload failed, this process goes on: %s", strerror(errno));
        return;
    }
    uv_pipe_init(reload->timer.loop, &reload->ready, 0);
    uv_pipe_open(&reload->ready, fds[0]);
    reload->open_handles = 2;
    reload->state = RELOAD_WAITING;
    reload->pid = 0;
    int error = spawn(reload, fds[1]);
    close(fds[1]);
    if (error != 0) {
        fail(reload, uv_strerror(error));
        return;
    }
    reload->pid = uv_process_get_pid(&reload->process);
    log_info("reload: waiting for process %d", (int)reload->pid);
    notify("RELOADING=1");
    uv_read_start((uv_stream_t *)&reload->ready, on_alloc, on_ready);
    uv_timer_start(&reload->timer, on_ready_timeout, READY_TIMEOUT_MS, 0);
}
