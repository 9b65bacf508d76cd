/* SIGHUP: executes the command line again, as a new process that inherits the listening
 * socket. When the new process reports over a pipe that it is ready, this one stops
 * gracefully. If it exits before, or is not ready within ten seconds, it is killed and
 * this one goes on. */
#ifndef BRIDGE_RELOAD_H
#define BRIDGE_RELOAD_H

#include <stdbool.h>
#include <uv.h>

enum reload_state {
    RELOAD_NONE,    /* until reload_begin */
    RELOAD_WAITING, /* for the new process; ended by its report, its exit or the timer */
    RELOAD_DONE     /* the new process has taken over */
};

struct reload {
    enum reload_state state;
    char **command;
    int listen_fd;
    int ready_fd; /* where to report to the previous process; -1: there is none */
    void (*on_taken_over)(void *arg);
    void *arg;
    uv_process_t process;
    pid_t pid; /* of the new process while it lives, else 0 */
    uv_pipe_t ready;
    uv_timer_t timer;
    unsigned open_handles; /* of the last attempt: still being closed */
};

struct reload_options {
    char **command; /* argv of the new process */
    int listen_fd;
    int ready_fd;                     /* from reload_inherited, or -1 */
    void (*on_taken_over)(void *arg); /* this process is to stop */
    void *arg;
};

/* reload_inherited - whether this process was started by a reload; then LISTEN_FD is the
 * listening socket and READY_FD the pipe. All other descriptors but stdio are closed. */
bool reload_inherited(int *listen_fd, int *ready_fd);

/* reload_init - 0 or a libuv error. */
int reload_init(struct reload *reload, uv_loop_t *loop,
                const struct reload_options *options);

/* reload_has_previous - a previous process waits for reload_report_ready. */
bool reload_has_previous(const struct reload *reload);

/* reload_report_ready - tell the previous process, if there is one, that it can stop. */
void reload_report_ready(struct reload *reload);

/* reload_begin - start the new process, unless one is being started. */
void reload_begin(struct reload *reload);

/* reload_cancel - end an attempt that is under way. */
void reload_cancel(struct reload *reload);

#endif
