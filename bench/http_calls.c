/* http_calls - requests over HTTP at a fixed rate, each timed from when it was due.
 *
 *     http_calls PORT PATH CONNECTIONS RATE SECONDS get ANSWER
 *     http_calls PORT PATH CONNECTIONS RATE SECONDS echo BODY-BYTES
 *
 * RATE requests a second are due, evenly spaced. A request that is due is sent on a
 * connection that has nothing to do, and waits for one if need be; its latency counts
 * from when it was due. So a stall of the server shows in every request that it has held
 * up, not only in those that were under way (which is what generators that send late and
 * measure from then make of it: coordinated omission). RATE 0 is as fast as the answers
 * come.
 *
 * `get` is answered with the text ANSWER, `echo` sends random bytes, which come back.
 * Every answer is compared, byte by byte. What is printed is the line of samples.h and
 * `wrong=N`.
 */
#include "samples.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
    PATIENCE_S = 30, /* with a server from which nothing comes */
    HEAD_BYTES = 4096,
    PIECE_BYTES = 65536,
    EVENTS = 64,
};

struct connection {
    int fd;
    uint64_t due_us;
    size_t sent;
    char head[HEAD_BYTES]; /* of the answer, until it is whole */
    size_t head_bytes;
    bool head_whole, wrong;
    size_t body_bytes, body_read;
    struct connection *next_idle;
};

struct load {
    const char *port;
    struct connection *connections;
    struct connection *idle, **idle_end; /* the one that has waited longest first */
    char *request;
    size_t request_bytes;
    const char *answer;
    size_t answer_bytes;
    double rate;
    uint64_t begin_us, end_us;
    size_t begun, under_way, wrong;
    int epoll;
    struct samples samples;
};

static void fail(const char *what, const char *why) {
    fprintf(stderr, "http_calls: %s: %s\n", what, why);
    exit(1);
}

static void check(bool good, const char *what) {
    if (!good)
        fail(what, strerror(errno));
}

/* ---- connections ---- */

static void rest(struct load *load, struct connection *one) {
    one->next_idle = NULL;
    *load->idle_end = one;
    load->idle_end = &one->next_idle;
}

static struct connection *wake(struct load *load) {
    struct connection *one = load->idle;
    load->idle = one->next_idle;
    if (load->idle == NULL)
        load->idle_end = &load->idle;
    return one;
}

static void connect_one(struct load *load, struct connection *one) {
    one->sent = load->request_bytes; /* nothing is to be sent yet */
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(load->port)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    one->fd = socket(AF_INET, SOCK_STREAM, 0);
    check(one->fd >= 0, "socket");
    check(connect(one->fd, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    int yes = 1;
    setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    check(fcntl(one->fd, F_SETFL, O_NONBLOCK) == 0, "fcntl");
    struct epoll_event events = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = one};
    check(epoll_ctl(load->epoll, EPOLL_CTL_ADD, one->fd, &events) == 0, "epoll");
    rest(load, one);
}

/* ---- one request ---- */

static void send_more(const struct load *load, struct connection *one) {
    while (one->sent < load->request_bytes) {
        ssize_t done = send(one->fd, load->request + one->sent,
                            load->request_bytes - one->sent, MSG_NOSIGNAL);
        if (done < 0 && errno == EAGAIN)
            return;
        check(done >= 0, "send");
        one->sent += (size_t)done;
    }
}

static void begin(struct load *load, uint64_t due_us) {
    struct connection *one = wake(load);
    one->due_us = due_us;
    one->sent = one->head_bytes = one->body_read = 0;
    one->head_whole = one->wrong = false;
    load->begun++;
    load->under_way++;
    send_more(load, one);
}

/* The status line and the one field that matters. */
static void read_head(const struct load *load, struct connection *one) {
    const char *length = strcasestr(one->head, "\r\nContent-Length:");
    if (length == NULL)
        fail("answer", "without Content-Length");
    one->body_bytes = strtoul(strchr(length, ':') + 1, NULL, 10);
    one->wrong = strncmp(one->head, "HTTP/1.1 200 ", strlen("HTTP/1.1 200 ")) != 0 ||
                 one->body_bytes != load->answer_bytes;
    one->head_whole = true;
}

/* How much of PIECE belongs to the head. */
static size_t head_piece(const struct load *load, struct connection *one,
                         const char *piece, size_t bytes) {
    size_t before = one->head_bytes;
    size_t room = sizeof one->head - 1 - before;
    size_t taken = bytes < room ? bytes : room;
    memcpy(one->head + before, piece, taken);
    one->head[before + taken] = '\0';
    char *end = strstr(one->head, "\r\n\r\n");
    if (end == NULL) {
        if (taken == room)
            fail("answer", "a head without end");
        one->head_bytes += taken;
        return taken;
    }
    end += strlen("\r\n\r\n");
    size_t used = (size_t)(end - one->head) - before;
    *end = '\0';
    read_head(load, one);
    return used;
}

static void body_piece(const struct load *load, struct connection *one, const char *piece,
                       size_t bytes) {
    if (bytes > one->body_bytes - one->body_read)
        fail("answer", "longer than it says");
    if (!one->wrong && memcmp(load->answer + one->body_read, piece, bytes) != 0)
        one->wrong = true;
    one->body_read += bytes;
}

static void end(struct load *load, struct connection *one) {
    samples_add(&load->samples, one->due_us);
    load->wrong += one->wrong;
    load->under_way--;
    one->head_whole = false;
    rest(load, one);
}

static void receive_more(struct load *load, struct connection *one) {
    static char piece[PIECE_BYTES];
    for (;;) {
        ssize_t got = recv(one->fd, piece, sizeof piece, 0);
        if (got < 0 && errno == EAGAIN)
            return;
        check(got >= 0, "receive");
        if (got == 0)
            fail("receive", "the server has closed the connection");
        size_t used = one->head_whole ? 0 : head_piece(load, one, piece, (size_t)got);
        if (one->head_whole)
            body_piece(load, one, piece + used, (size_t)got - used);
        if (one->head_whole && one->body_read == one->body_bytes)
            end(load, one);
    }
}

/* ---- all of them ---- */

/* When the next request is due. */
static uint64_t next_due_us(const struct load *load) {
    if (load->rate <= 0)
        return now_us();
    return load->begin_us + (uint64_t)((double)load->begun * 1e6 / load->rate);
}

/* Begin what is due; how long to wait for events then, with no request due before. */
static struct timespec begin_due(struct load *load) {
    while (load->idle != NULL) {
        uint64_t due_us = next_due_us(load), time_us = now_us();
        if (due_us >= load->end_us)
            break;
        if (due_us > time_us)
            return (struct timespec){(time_t)((due_us - time_us) / 1000000),
                                     (long)((due_us - time_us) % 1000000 * 1000)};
        begin(load, due_us);
    }
    return (struct timespec){PATIENCE_S, 0};
}

static void run(struct load *load, double seconds) {
    samples_begin(&load->samples);
    load->begin_us = now_us();
    load->end_us = load->begin_us + (uint64_t)(seconds * 1e6);
    struct timespec wait = begin_due(load);
    while (load->under_way > 0 || next_due_us(load) < load->end_us) {
        struct epoll_event events[EVENTS];
        int count = epoll_pwait2(load->epoll, events, EVENTS, &wait, NULL);
        if (count == 0 && wait.tv_sec == PATIENCE_S)
            fail("answer", "nothing comes");
        for (int i = 0; i < count; i++) {
            send_more(load, events[i].data.ptr);
            receive_more(load, events[i].data.ptr);
        }
        wait = begin_due(load);
    }
    samples_print(&load->samples, 1);
    printf("wrong=%zu\n", load->wrong);
}

/* ---- the whole ---- */

static void prepare_get(struct load *load, const char *path, const char *answer) {
    load->request_bytes = (size_t)asprintf(
        &load->request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    load->answer = answer;
    load->answer_bytes = strlen(answer);
}

static void prepare_echo(struct load *load, const char *path, size_t body_bytes) {
    char *head;
    int head_bytes = asprintf(&head,
                              "POST %s HTTP/1.1\r\nHost: localhost\r\n"
                              "Content-Type: application/octet-stream\r\n"
                              "Content-Length: %zu\r\n\r\n",
                              path, body_bytes);
    load->request_bytes = (size_t)head_bytes + body_bytes;
    load->request = realloc(head, load->request_bytes + 1);
    check(load->request != NULL, "body");
    random_bytes(load->request + head_bytes, body_bytes);
    load->answer = load->request + head_bytes;
    load->answer_bytes = body_bytes;
}

static void prepare_connections(struct load *load, size_t count) {
    load->idle_end = &load->idle;
    load->epoll = epoll_create1(0);
    check(load->epoll >= 0, "epoll");
    load->connections = calloc(count, sizeof *load->connections);
    check(load->connections != NULL, "connections");
    for (size_t i = 0; i < count; i++)
        connect_one(load, &load->connections[i]);
}

int main(int argc, char **argv) {
    bool get = argc == 8 && strcmp(argv[6], "get") == 0;
    bool echo = argc == 8 && strcmp(argv[6], "echo") == 0;
    if (!get && !echo) {
        fprintf(stderr, "usage: http_calls PORT PATH CONNECTIONS RATE SECONDS"
                        " get ANSWER | echo BODY-BYTES\n");
        return 2;
    }
    struct load load = {.port = argv[1], .rate = strtod(argv[4], NULL)};
    if (get)
        prepare_get(&load, argv[2], argv[7]);
    else
        prepare_echo(&load, argv[2], strtoul(argv[7], NULL, 10));
    prepare_connections(&load, strtoul(argv[3], NULL, 10));
    prctl(PR_SET_TIMERSLACK, 1UL); /* wake when a request is due, not 50 us later */
    run(&load, strtod(argv[5], NULL));
    free(load.connections);
    free(load.request);
    return 0;
}
