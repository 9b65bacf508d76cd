/* The listening socket: created here, or inherited from systemd, from the parent process,
 * or from the bridge that this one replaces. Always non-blocking and close-on-exec. */
#ifndef BRIDGE_LISTENER_H
#define BRIDGE_LISTENER_H

#include "settings.h"
#include <stdbool.h>
#include <sys/types.h>

struct listener {
    int fd;
    const char *path; /* of the socket file to be removed at the end, or NULL */
    dev_t device;     /* of that file: another file there is not removed */
    ino_t inode;
};

enum listener_result {
    LISTENER_OK,
    LISTENER_BAD_ADDRESS, /* the command line is wrong */
    LISTENER_FAILED       /* a system call failed */
};

/* listener_open - as settings->listen says; without it the socket inherited from systemd
 * (LISTEN_FDS) or from the parent (descriptor 0). A socket file on which no process
 * listens is replaced; one that is in use, or a file that is not a socket, is an error.
 * WHY is set to the reason, in one line. */
enum listener_result listener_open(struct listener *listener,
                                   const struct settings *settings, char *why,
                                   size_t why_bytes);

/* listener_adopt - use FD, inherited from the previous bridge, and remove its socket file
 * at the end. */
enum listener_result listener_adopt(struct listener *listener,
                                    const struct settings *settings, int fd, char *why,
                                    size_t why_bytes);

/* listener_close - HANDED_OVER: the socket file belongs to the next bridge. */
void listener_close(struct listener *listener, bool handed_over);

#endif
