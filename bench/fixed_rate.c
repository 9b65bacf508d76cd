/* fixed_rate - requests over HTTP at a fixed rate, whatever the answers take.
 *
 *     fixed_rate PORT PATH CONNECTIONS RATE SECONDS
 *
 * A request is due at its time, and its latency counts from then: one that has to wait
 * for a free connection has waited. (A client that sends the next request when the last
 * one is answered measures less of a slow server the slower it is.) What has not been
 * answered at the end counts as wrong, as does an answer that is not 200.
 */
#include "samples.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { ANSWER_BYTES = 4096, EVENTS = 64, GRACE_US = 2000000 };

struct connection {
    int fd;
    uint64_t due_us; /* of the request that is under way */
    size_t got;
    char answer[ANSWER_BYTES + 1];
    struct connection *next; /* free */
};

struct load {
    struct samples samples;
    char request[1024];
    struct connection *free;
    uint64_t begin_us;
    double rate;
    size_t total, sent, answered, wrong;
    int epoll_fd;
};

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void watch(const struct load *load, int fd, void *what) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    if (epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        fail("epoll_ctl");
}

static void open_connection(struct load *load, int port) {
    struct connection *c = calloc(1, sizeof *c);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    if (c == NULL)
        fail("memory");
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0)
        fail("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    watch(load, c->fd, c);
    c->next = load->free;
    load->free = c;
}

static uint64_t due_us(const struct load *load, size_t number) {
    return load->begin_us + (uint64_t)((double)number * 1e6 / load->rate);
}

/* Those that are due go out as long as there are free connections. */
static void send_due(struct load *load) {
    uint64_t now = now_us();
    size_t bytes = strlen(load->request);
    struct connection *c;
    while (load->sent < load->total && due_us(load, load->sent) <= now &&
           (c = load->free) != NULL) {
        load->free = c->next;
        c->due_us = due_us(load, load->sent++);
        c->got = 0;
        if (write(c->fd, load->request, bytes) != (ssize_t)bytes)
            fail("write");
    }
}

/* Whether all of a short answer with a Content-Length is there. */
static bool is_whole(const struct connection *c) {
    const char *body = strstr(c->answer, "\r\n\r\n");
    const char *length = strcasestr(c->answer, "\r\nContent-Length:");
    if (body == NULL || length == NULL || length > body)
        return false;
    size_t head_bytes = (size_t)(body - c->answer) + 4;
    return c->got >= head_bytes + strtoul(length + 17, NULL, 10);
}

static void take(struct load *load, struct connection *c) {
    ssize_t got = read(c->fd, c->answer + c->got, ANSWER_BYTES - c->got);
    if (got <= 0) {
        fprintf(stderr, "a connection was closed\n");
        exit(1);
    }
    c->got += (size_t)got;
    c->answer[c->got] = '\0';
    if (!is_whole(c))
        return;
    load->answered++;
    load->wrong += strncmp(c->answer, "HTTP/1.1 200", 12) != 0;
    samples_add(&load->samples, c->due_us);
    c->next = load->free;
    load->free = c;
}

/* The timer ticks for the next one that is due; late ones are late by their own latency. */
static int open_timer(const struct load *load) {
    double tick_us = 1e6 / load->rate;
    if (tick_us < 200)
        tick_us = 200;
    long ns = (long)(tick_us * 1000);
    struct itimerspec every = {.it_interval = {ns / 1000000000, ns % 1000000000},
                               .it_value = {0, 1000}};
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    if (fd < 0 || timerfd_settime(fd, 0, &every, NULL) != 0)
        fail("timerfd");
    return fd;
}

static void run(struct load *load, uint64_t end_us) {
    int timer = open_timer(load);
    uint64_t ticks;
    watch(load, timer, NULL);
    while (load->answered < load->total && now_us() < end_us + GRACE_US) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(load->epoll_fd, events, EVENTS, 100);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr != NULL)
                take(load, events[i].data.ptr);
            else if (read(timer, &ticks, sizeof ticks) < 0)
                continue;
        }
        send_due(load);
    }
    load->wrong += load->total - load->answered;
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: fixed_rate PORT PATH CONNECTIONS RATE SECONDS\n");
        return 2;
    }
    struct load load = {.epoll_fd = epoll_create1(0), .rate = strtod(argv[4], NULL)};
    double seconds = strtod(argv[5], NULL);
    snprintf(load.request, sizeof load.request,
             "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", argv[2]);
    for (long i = strtol(argv[3], NULL, 10); i > 0; i--)
        open_connection(&load, (int)strtol(argv[1], NULL, 10));
    load.total = (size_t)(load.rate * seconds);
    samples_begin(&load.samples);
    load.begin_us = now_us();
    run(&load, load.begin_us + (uint64_t)(seconds * 1e6));
    if (load.wrong > 0)
        printf("wrong=%zu ", load.wrong);
    samples_print(&load.samples, 1);
    return 0;
}
