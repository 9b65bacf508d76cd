/* SIGHUP: the same command line is executed anew, with the listening socket inherited.
 * The new bridge says over a pipe that it is ready, then this one stops gracefully. One
 * that ends before that, or is not ready in ten seconds, is given up and this one stays.
 */
#ifndef BRIDGE_RELOAD_H
#define BRIDGE_RELOAD_H

#include <stdbool.h>
#include <uv.h>

struct bridge;

enum reload_state {
    RELOAD_NONE,    /* until SIGHUP */
    RELOAD_WAITING, /* for the new one's word; ended by that, by its exit or by the timer
                     */
    RELOAD_DONE     /* the new one has taken over: this one is leaving */
};

struct reload {
    enum reload_state state;
    char **command;
    uv_process_t process;
    pid_t pid; /* of the process while it lives, else 0 */
    uv_pipe_t ready;
    uv_timer_t timer;
    unsigned open_handles; /* of the last attempt, still being closed */
    int ready_fd; /* where to tell the bridge before this one; -1: there is none */
};

int reload_init(struct bridge *bridge, char **command, int ready_fd);
void reload_begin(struct bridge *bridge);
/* reload_give_up - end an attempt that is under way. */
void reload_give_up(struct bridge *bridge);

/* reload_tell_ready - say to the bridge before this one that it can go. */
void reload_tell_ready(struct bridge *bridge);

/* reload_inherited - whether this process was started to take over: then the descriptors
 * of the listening socket and of the pipe. All others but stdio are closed. */
bool reload_inherited(int *listen_fd, int *ready_fd);

#endif
