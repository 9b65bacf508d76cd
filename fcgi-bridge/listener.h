/* The listening socket: made here, or left open by systemd, a parent, or the bridge that
 * this one takes over from. Always non-blocking and close-on-exec. */
#ifndef BRIDGE_LISTENER_H
#define BRIDGE_LISTENER_H

#include "settings.h"
#include <stdbool.h>
#include <sys/types.h>

struct listener {
    int fd;
    const char *path; /* of the socket file that is to be removed at the end, or null */
    dev_t device;     /* it is removed only if it is still this file */
    ino_t inode;
};

enum listener_result {
    LISTENER_OK,
    LISTENER_BAD_ADDRESS, /* the command line is wrong */
    LISTENER_FAILED       /* the system refuses */
};

/* listener_open - as settings->listen says; without it what systemd (LISTEN_FDS) or the
 * parent (descriptor 0) left open. A socket file that nobody listens on any more is
 * replaced; one that is in use, or a file that is no socket, is an error. WHY says what
 * is wrong, in one line. */
enum listener_result listener_open(struct listener *listener,
                                   const struct settings *settings, char *why,
                                   size_t why_bytes);

/* listener_adopt - take over FD from the bridge before, with the duty to remove its file.
 */
enum listener_result listener_adopt(struct listener *listener,
                                    const struct settings *settings, int fd, char *why,
                                    size_t why_bytes);

/* listener_close - HANDED_OVER: the socket file belongs to another bridge now. */
void listener_close(struct listener *listener, bool handed_over);

#endif
