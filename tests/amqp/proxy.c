/* One thread does all I/O; commands are flags that are guarded by a lock. */
#include "proxy.h"

#include "base/wakeup.h"
#include "base/xalloc.h"
#include "cmocka_all.h"
#include "link_fixture.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAIRS 16
#define CHUNK_BYTES 65536

struct pair {
    int client; /* -1: free */
    int broker;
    uint64_t from_broker_bytes;
    bool cut;
    bool reset;
};

struct proxy {
    pthread_mutex_t lock;
    pthread_t thread;
    int wakeup_fd;
    int listen_fd;
    int port;
    int broker_port;
    bool listening;
    bool stalled;
    bool trickle;
    bool stop;
    uint64_t limit_bytes;
    struct pair pairs[PAIRS];
};

static struct sockaddr_in address(int port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static int bind_port(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    struct sockaddr_in a = address(port);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void close_pair(struct pair *pair) {
    struct linger reset = {.l_onoff = 1};
    if (pair->reset)
        setsockopt(pair->client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(pair->client);
    close(pair->broker);
    *pair = (struct pair){.client = -1, .broker = -1};
}

static void accept_pair(struct proxy *p) {
    int one = 1;
    int client = accept4(p->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0)
        return;
    int broker = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = address(p->broker_port);
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(broker, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    for (int i = 0; i < PAIRS; i++) {
        if (p->pairs[i].client < 0 &&
            connect(broker, (struct sockaddr *)&a, sizeof a) == 0) {
            p->pairs[i].client = client;
            p->pairs[i].broker = broker;
            return;
        }
    }
    close(client);
    close(broker);
}

/* Forward what has arrived; false: the end. Sends may block: the time limit of the test
 * handles a peer that does not read. */
static bool forward(struct proxy *p, struct pair *pair, bool from_broker) {
    char data[CHUNK_BYTES];
    int from = from_broker ? pair->broker : pair->client;
    int to = from_broker ? pair->client : pair->broker;
    size_t max = p->trickle ? 1 : sizeof data;
    if (from_broker && p->limit_bytes > 0) {
        uint64_t left = p->limit_bytes - pair->from_broker_bytes;
        max = max < left ? max : (size_t)left;
    }
    ssize_t bytes = recv(from, data, max, MSG_DONTWAIT);
    if (bytes < 0 && errno == EAGAIN)
        return true;
    if (bytes <= 0 || send(to, data, (size_t)bytes, MSG_NOSIGNAL) != bytes)
        return false;
    if (from_broker)
        pair->from_broker_bytes += (uint64_t)bytes;
    return p->limit_bytes == 0 || pair->from_broker_bytes < p->limit_bytes;
}

static void serve(struct proxy *p, const struct pollfd fds[2 + 2 * PAIRS]) {
    if (fds[0].revents != 0)
        wakeup_clear(p->wakeup_fd);
    for (int i = 0; i < PAIRS; i++) {
        struct pair *pair = &p->pairs[i];
        bool open = pair->client >= 0 && !pair->cut;
        if (open && fds[2 + 2 * i].fd == pair->client && fds[2 + 2 * i].revents != 0)
            open = forward(p, pair, false);
        if (open && fds[3 + 2 * i].fd == pair->broker && fds[3 + 2 * i].revents != 0)
            open = forward(p, pair, true);
        if (pair->client >= 0 && !open)
            close_pair(pair);
    }
    if (p->listening && fds[1].revents != 0)
        accept_pair(p);
}

static void fill(const struct proxy *p, struct pollfd fds[2 + 2 * PAIRS]) {
    fds[0] = (struct pollfd){.fd = p->wakeup_fd, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = p->listening ? p->listen_fd : -1, .events = POLLIN};
    for (int i = 0; i < PAIRS; i++) {
        bool open = p->pairs[i].client >= 0 && !p->stalled;
        fds[2 + 2 * i] =
            (struct pollfd){.fd = open ? p->pairs[i].client : -1, .events = POLLIN};
        fds[3 + 2 * i] =
            (struct pollfd){.fd = open ? p->pairs[i].broker : -1, .events = POLLIN};
    }
}

static void *run(void *arg) {
    struct proxy *p = arg;
    struct pollfd fds[2 + 2 * PAIRS];
    pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        fill(p, fds);
        pthread_mutex_unlock(&p->lock);
        poll(fds, 2 + 2 * PAIRS, -1);
        pthread_mutex_lock(&p->lock);
        serve(p, fds);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

struct proxy *proxy_new(void) {
    struct crew_broker broker;
    link_fixture_broker(&broker);
    struct proxy *p = xcalloc(1, sizeof *p);
    p->broker_port = broker.urls[0].port;
    crew_broker_fini(&broker);
    for (int i = 0; i < PAIRS; i++)
        p->pairs[i].client = p->pairs[i].broker = -1;
    struct sockaddr_in a;
    socklen_t bytes = sizeof a;
    p->listen_fd = bind_port(0);
    getsockname(p->listen_fd, (struct sockaddr *)&a, &bytes);
    p->port = ntohs(a.sin_port);
    p->wakeup_fd = wakeup_open();
    pthread_mutex_init(&p->lock, NULL);
    assert_int_equal(pthread_create(&p->thread, NULL, run, p), 0);
    return p;
}

static void unlock(struct proxy *p) {
    pthread_mutex_unlock(&p->lock);
    wakeup_signal(p->wakeup_fd);
}

void proxy_free(struct proxy *p) {
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    unlock(p);
    pthread_join(p->thread, NULL);
    for (int i = 0; i < PAIRS; i++)
        if (p->pairs[i].client >= 0)
            close_pair(&p->pairs[i]);
    close(p->listen_fd);
    close(p->wakeup_fd);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

void proxy_broker(const struct proxy *p, struct crew_broker *broker) {
    link_fixture_broker(broker);
    free(broker->urls[0].host);
    broker->urls[0].host = xstrdup("127.0.0.1");
    broker->urls[0].port = p->port;
}

void proxy_listen(struct proxy *p, bool on) {
    pthread_mutex_lock(&p->lock);
    p->listening = on;
    if (on)
        assert_int_equal(listen(p->listen_fd, 16), 0);
    unlock(p);
}

void proxy_stall(struct proxy *p, bool on) {
    pthread_mutex_lock(&p->lock);
    p->stalled = on;
    unlock(p);
}

void proxy_cut(struct proxy *p, bool reset) {
    pthread_mutex_lock(&p->lock);
    for (int i = 0; i < PAIRS; i++) {
        p->pairs[i].cut = p->pairs[i].client >= 0;
        p->pairs[i].reset = reset;
    }
    unlock(p);
}

void proxy_limit(struct proxy *p, uint64_t bytes) {
    pthread_mutex_lock(&p->lock);
    p->limit_bytes = bytes;
    unlock(p);
}

void proxy_trickle(struct proxy *p, bool on) {
    pthread_mutex_lock(&p->lock);
    p->trickle = on;
    unlock(p);
}

void proxy_inject(struct proxy *p, const void *data, size_t bytes) {
    pthread_mutex_lock(&p->lock);
    for (int i = 0; i < PAIRS; i++)
        if (p->pairs[i].client >= 0)
            assert_int_equal(send(p->pairs[i].client, data, bytes, MSG_NOSIGNAL), bytes);
    unlock(p);
}
