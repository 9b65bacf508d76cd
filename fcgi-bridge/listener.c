#include "listener.h"

#include "daemon/privileges.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_SYSTEMD_FD 3 /* sd_listen_fds(3) */

struct why {
    char *text;
    size_t bytes;
};

static enum listener_result fail(struct why why, const char *what, const char *about) {
    snprintf(why.text, why.bytes, "%s: %s", what, about);
    return LISTENER_FAILED;
}

static enum listener_result fail_errno(struct why why, const char *what) {
    return fail(why, what, strerror(errno));
}

/* ---- inherited sockets ---- */

static bool is_listening(int fd) {
    int on = 0;
    socklen_t bytes = sizeof on;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &bytes) == 0 && on;
}

static enum listener_result adopt(struct listener *listener, int fd, struct why why) {
    char name[32];
    snprintf(name, sizeof name, "descriptor %d", fd);
    if (!is_listening(fd))
        return fail(why, name, "is not a listening socket");
    int flags = fcntl(fd, F_GETFL);
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return fail_errno(why, name);
    listener->fd = fd;
    return LISTENER_OK;
}

static int systemd_fds(void) {
    const char *pid = getenv("LISTEN_PID");
    const char *count = getenv("LISTEN_FDS");
    if (pid == NULL || count == NULL || strtol(pid, NULL, 10) != (long)getpid())
        return 0;
    return atoi(count); /* NOLINT: 0 if it is not a number */
}

static enum listener_result open_inherited(struct listener *listener, struct why why) {
    if (systemd_fds() > 0)
        return adopt(listener, FIRST_SYSTEMD_FD, why);
    if (is_listening(STDIN_FILENO))
        return adopt(listener, STDIN_FILENO, why);
    fail(why, "--listen", "is missing, and no listening socket was inherited");
    return LISTENER_BAD_ADDRESS;
}

static enum listener_result open_fd(struct listener *listener, const char *number,
                                    struct why why) {
    char *end = NULL;
    long fd = strtol(number, &end, 10);
    if (end == number || *end != '\0' || fd < 0 || fd > 1 << 20) {
        fail(why, "--listen fd:N", "N is not a descriptor");
        return LISTENER_BAD_ADDRESS;
    }
    return adopt(listener, (int)fd, why);
}

/* ---- unix:PATH ---- */

static bool remember_file(struct listener *listener, const char *path) {
    struct stat file;
    if (lstat(path, &file) != 0 || !S_ISSOCK(file.st_mode))
        return false;
    listener->path = path;
    listener->device = file.st_dev;
    listener->inode = file.st_ino;
    return true;
}

static bool is_our_file(const struct listener *listener) {
    struct stat file;
    return lstat(listener->path, &file) == 0 && S_ISSOCK(file.st_mode) &&
           file.st_dev == listener->device && file.st_ino == listener->inode;
}

/* Only a refused connection proves that no process listens there. */
static bool is_stale_socket(const struct sockaddr_un *address) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool refused = connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
                   errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static enum listener_result clear_path(const struct sockaddr_un *address,
                                       struct why why) {
    const char *path = address->sun_path;
    struct stat file;
    if (lstat(path, &file) != 0)
        return errno == ENOENT ? LISTENER_OK : fail_errno(why, path);
    if (!S_ISSOCK(file.st_mode))
        return fail(why, path, "exists and is not a socket");
    if (!is_stale_socket(address))
        return fail(why, path, "another process listens there");
    return unlink(path) == 0 || errno == ENOENT ? LISTENER_OK : fail_errno(why, path);
}

/* To be called before listen(2): nobody can connect without permission. */
static enum listener_result set_rights(const char *path, const struct settings *settings,
                                       struct why why) {
    uid_t owner = (uid_t)-1;
    gid_t group = (gid_t)-1;
    if (settings->socket_owner != NULL &&
        privileges_user(settings->socket_owner, &owner) != 0)
        return fail(why, "--socket-owner", "no such user");
    if (settings->socket_group != NULL &&
        privileges_group(settings->socket_group, &group) != 0)
        return fail(why, "--socket-group", "no such group");
    if (chmod(path, settings->socket_mode) != 0 ||
        ((settings->socket_owner != NULL || settings->socket_group != NULL) &&
         chown(path, owner, group) != 0))
        return fail_errno(why, path);
    return LISTENER_OK;
}

static enum listener_result open_unix(struct listener *listener, const char *path,
                                      const struct settings *settings, struct why why) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (*path == '\0' || strlen(path) >= sizeof address.sun_path) {
        fail(why, "--listen unix:PATH", "the path is empty or too long");
        return LISTENER_BAD_ADDRESS;
    }
    strcpy(address.sun_path, path); /* NOLINT: the length was checked above */
    enum listener_result result = clear_path(&address, why);
    if (result != LISTENER_OK)
        return result;
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0)
        return fail_errno(why, path);
    mode_t mask = umask(0777);
    int bound = bind(listener->fd, (const struct sockaddr *)&address, sizeof address);
    int error = errno;
    umask(mask);
    errno = error;
    if (bound != 0 || !remember_file(listener, path))
        return fail_errno(why, path);
    result = set_rights(path, settings, why);
    if (result == LISTENER_OK && listen(listener->fd, (int)settings->backlog) != 0)
        return fail_errno(why, path);
    return result;
}

/* ---- HOST:PORT ---- */

/* Splits at the last colon and removes brackets around an IPv6 address. */
static bool split_address(char *text, const char **host, const char **port) {
    char *colon = strrchr(text, ':');
    if (colon == NULL || colon[1] == '\0')
        return false;
    *colon = 0;
    *port = colon + 1;
    *host = text;
    size_t bytes = (size_t)(colon - text);
    if (bytes >= 2 && text[0] == '[' && text[bytes - 1] == ']') {
        text[bytes - 1] = 0;
        *host = text + 1;
    } else if (strchr(text, ':') != NULL) {
        return false; /* IPv6 without brackets is ambiguous */
    }
    if (**host == '\0' || strcmp(*host, "*") == 0)
        *host = NULL;
    return true;
}

static int bind_one(const struct addrinfo *address, unsigned backlog) {
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 &&
        listen(fd, (int)backlog) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static enum listener_result open_tcp(struct listener *listener, const char *text,
                                     const struct settings *settings, struct why why) {
    char copy[300];
    const char *host = NULL;
    const char *port = NULL;
    if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy ||
        !split_address(copy, &host, &port)) {
        fail(why, "--listen", "is not one of unix:PATH, HOST:PORT, fd:N");
        return LISTENER_BAD_ADDRESS;
    }
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *addresses = NULL;
    int error = getaddrinfo(host, port, &hints, &addresses);
    if (error)
        return fail(why, text, gai_strerror(error));
    for (const struct addrinfo *a = addresses; a != NULL && listener->fd < 0;
         a = a->ai_next)
        listener->fd = bind_one(a, settings->backlog);
    error = errno;
    freeaddrinfo(addresses);
    return listener->fd >= 0 ? LISTENER_OK : fail(why, text, strerror(error));
}

enum listener_result listener_open(struct listener *listener,
                                   const struct settings *settings, char *why,
                                   size_t why_bytes) {
    struct why reason = {why, why_bytes};
    const char *listen = settings->listen;
    *listener = (struct listener){.fd = -1};
    enum listener_result result = listen == NULL ? open_inherited(listener, reason)
                                  : strncmp(listen, "unix:", 5) == 0
                                      ? open_unix(listener, listen + 5, settings, reason)
                                  : strncmp(listen, "fd:", 3) == 0
                                      ? open_fd(listener, listen + 3, reason)
                                      : open_tcp(listener, listen, settings, reason);
    if (result != LISTENER_OK)
        listener_close(listener, false);
    return result;
}

enum listener_result listener_adopt(struct listener *listener,
                                    const struct settings *settings, int fd, char *why,
                                    size_t why_bytes) {
    *listener = (struct listener){.fd = -1};
    enum listener_result result = adopt(listener, fd, (struct why){why, why_bytes});
    if (result == LISTENER_OK && settings->listen != NULL &&
        strncmp(settings->listen, "unix:", 5) == 0)
        remember_file(listener, settings->listen + 5);
    return result;
}

void listener_close(struct listener *listener, bool handed_over) {
    if (listener->path != NULL && !handed_over && is_our_file(listener))
        unlink(listener->path);
    listener->path = NULL;
    if (listener->fd >= 0)
        close(listener->fd);
    listener->fd = -1;
}
