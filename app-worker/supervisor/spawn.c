/* The supervisor has threads, so between fork and exec only async-signal-safe functions
 * are called (POSIX, fork). A process that fails there exits with status 127, like a
 * handler process that dies before its HELLO. */
#include "spawn.h"

#include "base/xalloc.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define HANDLER_OPTION "--handler"
#define TITLE_FORMAT "app-worker: handler %s"

enum { EXIT_CANNOT_EXECUTE = 127 };

bool spawn_is_child(int argc, char *const *argv) {
    return argc == 2 && strcmp(argv[1], HANDLER_OPTION) == 0;
}

/* Ignored signals stay ignored across exec. */
static void reset_signals(void) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++)
        sigaction(number, &action, NULL); /* fails for SIGKILL and SIGSTOP */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The descriptors are duplicated above the numbers that they are to have, first. */
static bool arrange_descriptors(int socket_fd, int ring_fd) {
    int null_fd = open("/dev/null", O_RDWR);
    int socket_copy = fcntl(socket_fd, F_DUPFD, IPC_FDS_END);
    int ring_copy = fcntl(ring_fd, F_DUPFD, IPC_FDS_END);
    return null_fd >= 0 && socket_copy >= 0 && ring_copy >= 0 &&
           dup2(null_fd, STDIN_FILENO) >= 0 && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 &&
           dup2(socket_copy, IPC_SOCKET_FD) >= 0 && dup2(ring_copy, IPC_RING_FD) >= 0 &&
           close_range(IPC_FDS_END, ~0U, 0) == 0;
}

/* If the parent died before the prctl, the signal is never sent. */
static bool set_death_signal(pid_t parent) {
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

_Noreturn static void become_child(pid_t parent, int socket_fd, int ring_fd,
                                   char *const *argv) {
    setpgid(0, 0);
    if (set_death_signal(parent) && arrange_descriptors(socket_fd, ring_fd)) {
        reset_signals();
        execv("/proc/self/exe", argv);
    }
    _exit(EXIT_CANNOT_EXECUTE);
}

/* All signals are blocked around the fork: the child must not run the supervisor's signal
 * handlers, which write into a pipe that both share. */
static pid_t fork_child(int socket_fd, int ring_fd, char *const *argv) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        become_child(parent, socket_fd, ring_fd, argv);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return pid;
}

static char *make_title(const char *app_path) {
    size_t bytes = sizeof TITLE_FORMAT + strlen(app_path);
    char *title = xcalloc(1, bytes);
    snprintf(title, bytes, TITLE_FORMAT, app_path);
    return title;
}

int spawn_child(const char *app_path, int ring_fd, pid_t *pid, int *fd) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return -1;
    char option[] = HANDLER_OPTION;
    char *title = make_title(app_path);
    char *argv[] = {title, option, NULL};
    pid_t child = fork_child(ends[1], ring_fd, argv);
    int error = errno;
    free(title);
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        errno = error;
        return -1;
    }
    setpgid(child, child); /* also here: it must exist before the group is killed */
    *pid = child;
    *fd = ends[0];
    return 0;
}

void spawn_stop(pid_t pid, enum ipc_stop_reason why) {
    sigqueue(pid, SIGTERM, (union sigval){.sival_int = why});
}

void spawn_describe_end(int wait_status, char *text, size_t text_bytes) {
    if (WIFSIGNALED(wait_status)) {
        const char *name = sigabbrev_np(WTERMSIG(wait_status));
        if (name != NULL)
            snprintf(text, text_bytes, "was killed by SIG%s", name);
        else
            snprintf(text, text_bytes, "was killed by signal %d", WTERMSIG(wait_status));
    } else {
        snprintf(text, text_bytes, "exited with status %d", WEXITSTATUS(wait_status));
    }
}

size_t spawn_memory_bytes(pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    size_t resident_pages = 0;
    size_t data_pages = 0; /* proc(5): the sixth number */
    /* The kernel writes numbers. NOLINTNEXTLINE(cert-err34-c) */
    if (fscanf(file, "%*u %zu %*u %*u %*u %zu", &resident_pages, &data_pages) != 2)
        resident_pages = data_pages = 0;
    fclose(file);
    size_t pages = resident_pages > data_pages ? resident_pages : data_pages;
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}
