/* Handler processes as the system knows them: starting (this program is executed anew),
 * signalling, exit status and memory. */
#ifndef CREW_WORKER_SPAWN_H
#define CREW_WORKER_SPAWN_H

#include "app-worker/ipc/ipc_protocol.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Start a handler process for APP_PATH, which is only shown in its title. It leads a
 * process group of its own, has /dev/null as stdin and the log as stdout and stderr, no
 * other descriptors but its end of a socket pair and a copy of RING_FD, default signal
 * handling, and dies with this thread. *FD is the other end, close-on-exec. 0, or -1 with
 * errno. */
int spawn_child(const char *app_path, int ring_fd, pid_t *pid, int *fd);

/* Was this program executed by spawn_child? */
bool spawn_is_child(int argc, char *const *argv);

/* Ask the handler to stop, by SIGTERM that carries the reason. */
void spawn_stop(pid_t pid, enum ipc_stop_reason why);

/* "was killed by SIGSEGV", "exited with status 1". */
void spawn_describe_end(int wait_status, char *text, size_t text_bytes);

/* The memory of a process: resident, or counted against RLIMIT_DATA, whichever is more; 0
 * when it is unknown. */
size_t spawn_memory_bytes(pid_t pid);

#endif
