/* rabbitmq-c can connect too, but does not report why it failed. */
#include "amqp/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void set_options(int fd) {
    int one = 1;
    /* Output is written in batches: the kernel need not wait for more. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    /* Without heartbeats only this detects a dead peer. */
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
}

/* Returns 0 or an errno value. */
static int wait_connected(int fd, int timeout_ms) {
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int count;
    do {
        count = poll(&p, 1, timeout_ms);
    } while (count < 0 && errno == EINTR);
    if (count == 0)
        return ETIMEDOUT;
    int error = 0;
    socklen_t bytes = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0 ? errno : error;
}

static int dial_address(const struct addrinfo *address, int timeout_ms) {
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    address->ai_protocol);
    if (fd < 0)
        return -1;
    set_options(fd);
    int error = 0;
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0)
        error = errno == EINPROGRESS ? wait_connected(fd, timeout_ms) : errno;
    if (error != 0) {
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

int dial(const char *host, int port, int timeout_ms, char *error, size_t error_bytes) {
    struct addrinfo hint = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *addresses;
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    int status = getaddrinfo(host, service, &hint, &addresses);
    if (status != 0) {
        snprintf(error, error_bytes, "name look-up: %s",
                 status == EAI_SYSTEM ? strerror(errno) : gai_strerror(status));
        return -1;
    }
    int fd = -1;
    for (struct addrinfo *a = addresses; a != NULL && fd < 0; a = a->ai_next)
        fd = dial_address(a, timeout_ms);
    if (fd < 0)
        snprintf(error, error_bytes, "%s", strerror(errno));
    freeaddrinfo(addresses);
    return fd;
}
