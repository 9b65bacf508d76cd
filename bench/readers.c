/* readers - many who wait for what is published, and how long it takes until all have it.
 *
 *     readers PORT poll|sse SUBSCRIBE-PATH PUBLISH-PATH READERS CHANNELS
 *
 * A channel's name is put behind the paths; reader number i has channel i modulo
 * CHANNELS. Each has a connection that is kept. What is done follows from the lines on
 * stdin, and is answered with one line on stdout:
 *
 *     ask         each reader asks (sse: once and for all), with the cursor it has:
 * Crew-Cursor, or Last-Modified and Etag; `asked` publish N   N messages are published on
 * each channel, one after the other, of several channels at the same time; `accepted=US
 * half=US last=US`: from the first until the last was accepted, until half of the readers
 * had all of theirs, and all readers
 *
 * poll: one message for each ask. Every message is compared, byte by byte; a reader that
 * gets another one than the next is the end of it.
 */
#include "samples.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    PATIENCE_MS = 30000,
    MESSAGE_BYTES = 100,
    TEXT_BYTES = 1024,  /* a head, or a line of a stream */
    CURSOR_BYTES = 192, /* the request's fields for it */
    PIECE_BYTES = 65536,
    EVENTS = 256,
    PUBLISHERS = 64,
    SOURCES = 8, /* addresses that connections come from: each has so many ports only */
};

/* Where an answer is, as it is read. */
enum place { IN_HEAD, IN_BODY, IN_CHUNK_SIZE, IN_CHUNK, BEHIND_CHUNK, IN_TRAILER };

struct connection {
    int fd;
    size_t channel;
    bool reads;   /* else it publishes */
    bool waiting; /* it has asked */
    bool refused;
    enum place place;
    size_t left; /* of the body or the chunk */
    char text[TEXT_BYTES];
    size_t text_bytes;
    char cursor[CURSOR_BYTES];
    size_t had; /* messages of those that are published now; read in part: */
    size_t had_bytes;
};

struct load {
    const char *port, *subscribe_path, *publish_path;
    bool stream;
    size_t readers_count, channels_count, publishers_count;
    struct connection *connections; /* the readers, then the publishers */
    size_t heads_due;               /* of those who have asked */
    bool publishing;
    int epoll;
    /* what is published now */
    char (*messages)[MESSAGE_BYTES];
    size_t messages_count, published; /* published: of each channel, until now */
    size_t begun, accepted, served;   /* of all publications, and readers */
    uint64_t accepted_us, half_us, last_us;
};

static void fail(const char *what, const char *why) {
    fprintf(stderr, "readers: %s: %s\n", what, why);
    exit(1);
}

static void check(bool good, const char *what) {
    if (!good)
        fail(what, strerror(errno));
}

/* ---- requests ---- */

static void connect_one(const struct load *load, struct connection *one) {
    size_t number = (size_t)(one - load->connections);
    struct sockaddr_in source = {
        .sin_family = AF_INET,
        .sin_addr = {htonl(INADDR_LOOPBACK + (in_addr_t)(number % SOURCES))}};
    struct sockaddr_in server = {.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)atoi(load->port)),
                                 .sin_addr = {htonl(INADDR_LOOPBACK)}};
    one->fd = socket(AF_INET, SOCK_STREAM, 0);
    check(one->fd >= 0, "socket");
    int yes = 1;
    setsockopt(one->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
    setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    check(bind(one->fd, (struct sockaddr *)&source, sizeof source) == 0, "bind");
    check(connect(one->fd, (struct sockaddr *)&server, sizeof server) == 0, "connect");
    check(fcntl(one->fd, F_SETFL, O_NONBLOCK) == 0, "fcntl");
    struct epoll_event events = {.events = EPOLLIN, .data.ptr = one};
    check(epoll_ctl(load->epoll, EPOLL_CTL_ADD, one->fd, &events) == 0, "epoll");
}

/* On a connection where nothing is under way, so there is room for it. */
static void send_request(const struct connection *one, const char *request, int bytes) {
    ssize_t sent = send(one->fd, request, (size_t)bytes, MSG_NOSIGNAL);
    check(sent == bytes, "send");
}

static void ask(const struct load *load, struct connection *one) {
    one->waiting = true;
    char request[TEXT_BYTES];
    send_request(one, request,
                 snprintf(request, sizeof request,
                          "GET %s%zu HTTP/1.1\r\nHost: localhost\r\n%s%s\r\n",
                          load->subscribe_path, one->channel,
                          load->stream ? "Accept: text/event-stream\r\n" : "",
                          one->cursor));
}

/* The channels take turns, so that one after the other gets its first message, and so on.
 * False: all is published. */
static bool publish_next(struct load *load, const struct connection *one) {
    if (load->begun == load->messages_count * load->channels_count)
        return false;
    char request[TEXT_BYTES];
    send_request(
        one, request,
        snprintf(request, sizeof request,
                 "POST %s%zu HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
                 "Content-Length: %d\r\n\r\n%.*s",
                 load->publish_path, load->begun % load->channels_count, MESSAGE_BYTES,
                 MESSAGE_BYTES, load->messages[load->begun / load->channels_count]));
    load->begun++;
    return true;
}

/* ---- answers ---- */

static void had_message(struct load *load, struct connection *one) {
    one->had_bytes = 0;
    if (++one->had < load->messages_count)
        return;
    load->served++;
    if (load->served == (load->readers_count + 1) / 2)
        load->half_us = now_us();
    if (load->served == load->readers_count)
        load->last_us = now_us();
}

static void check_message(const struct load *load, const struct connection *one,
                          const char *piece, size_t bytes) {
    if (one->had == load->messages_count || bytes > MESSAGE_BYTES - one->had_bytes ||
        memcmp(load->messages[one->had] + one->had_bytes, piece, bytes) != 0)
        fail("answer", "not the next message");
}

/* A line of a stream of events; what is not data does not matter. */
static void stream_line(struct load *load, struct connection *one) {
    static const char name[] = "data: ";
    enum { NAME_BYTES = sizeof name - 1 };
    if (one->text_bytes < NAME_BYTES || memcmp(one->text, name, NAME_BYTES) != 0)
        return;
    if (one->text_bytes - NAME_BYTES != MESSAGE_BYTES)
        fail("answer", "a message of another size");
    check_message(load, one, one->text + NAME_BYTES, MESSAGE_BYTES);
    had_message(load, one);
}

static void add_text(struct connection *one, const char *piece, size_t bytes) {
    if (bytes >= sizeof one->text - one->text_bytes)
        fail("answer", "a head or a line that is too long");
    memcpy(one->text + one->text_bytes, piece, bytes);
    one->text_bytes += bytes;
}

static void stream_piece(struct load *load, struct connection *one, const char *piece,
                         size_t bytes) {
    while (bytes > 0) {
        const char *end = memchr(piece, '\n', bytes);
        size_t taken = end != NULL ? (size_t)(end - piece) : bytes;
        add_text(one, piece, taken);
        if (end == NULL)
            return;
        stream_line(load, one);
        one->text_bytes = 0;
        piece += taken + 1;
        bytes -= taken + 1;
    }
}

static void body_piece(struct load *load, struct connection *one, const char *piece,
                       size_t bytes) {
    if (one->refused)
        return;
    if (load->stream) {
        stream_piece(load, one, piece, bytes);
    } else {
        check_message(load, one, piece, bytes);
        one->had_bytes += bytes;
    }
}

static void end_answer(struct load *load, struct connection *one) {
    one->place = IN_HEAD;
    one->text_bytes = 0;
    one->waiting = false;
    if (!one->reads) {
        load->accepted++;
        load->accepted_us = now_us();
        publish_next(load, one);
    } else if (one->refused) {
        one->refused = false;
    } else if (load->stream || one->had_bytes != MESSAGE_BYTES) {
        fail("answer", "it ends too early");
    } else {
        had_message(load, one);
    }
}

/* What a field of the answer is called in the next request. */
static const struct {
    const char *answer, *request;
} cursor_fields[] = {{"Crew-Cursor:", "Crew-Cursor:"},
                     {"Last-Modified:", "If-Modified-Since:"},
                     {"Etag:", "If-None-Match:"}};

/* What follows NAME, if LINE begins with it; else null. */
static const char *field(const char *line, const char *name) {
    size_t bytes = strlen(name);
    return strncasecmp(line, name, bytes) == 0 ? line + bytes : NULL;
}

static void read_field(struct connection *one, const char *line) {
    const char *value = field(line, "Content-Length:");
    if (value != NULL) {
        one->left = strtoul(value, NULL, 10);
        one->place = one->left > 0 ? IN_BODY : IN_HEAD;
    } else if (field(line, "Transfer-Encoding:") != NULL) {
        one->place = IN_CHUNK_SIZE;
    }
    for (size_t i = 0; i < sizeof cursor_fields / sizeof *cursor_fields; i++) {
        if ((value = field(line, cursor_fields[i].answer)) == NULL)
            continue;
        size_t had = strlen(one->cursor);
        snprintf(one->cursor + had, sizeof one->cursor - had, "%s%.*s\r\n",
                 cursor_fields[i].request, (int)strcspn(value, "\r\n"), value);
    }
}

static bool has_status(const struct connection *one, const char *status) {
    return field(one->text, status) != NULL;
}

static void read_status(struct load *load, struct connection *one) {
    if (one->reads)
        load->heads_due--;
    one->refused = one->reads && !load->publishing && has_status(one, "HTTP/1.1 502");
    if (!one->refused && !has_status(one, one->reads ? "HTTP/1.1 200" : "HTTP/1.1 2"))
        fail("answer", one->text);
}

/* The head is whole. Whatever has neither a length nor chunks has no end. */
static void read_head(struct load *load, struct connection *one) {
    one->text[one->text_bytes] = '\0';
    read_status(load, one);
    one->place = IN_BODY;
    one->left = SIZE_MAX;
    if (!one->refused)
        one->cursor[0] = '\0';
    for (const char *line = one->text; (line = strchr(line, '\n')) != NULL;) {
        line++;
        if (*line != '\0' && strchr("CcTtLlEe", *line) != NULL)
            read_field(one, line);
    }
    one->text_bytes = 0;
}

/* Each of these takes what it can of a piece that has at least a byte, and says how
 * much. */

static size_t head_piece(struct load *load, struct connection *one, const char *piece,
                         size_t bytes) {
    static const char end_mark[] = "\r\n\r\n";
    size_t before = one->text_bytes;
    size_t taken = bytes < TEXT_BYTES - 1 - before ? bytes : TEXT_BYTES - 1 - before;
    add_text(one, piece, taken);
    const char *end = memmem(one->text, one->text_bytes, end_mark, sizeof end_mark - 1);
    if (end == NULL)
        return taken;
    one->text_bytes = (size_t)(end - one->text) + sizeof end_mark - 1;
    taken = one->text_bytes - before;
    read_head(load, one);
    if (one->place == IN_HEAD)
        end_answer(load, one);
    return taken;
}

/* A size in hex, or what ends a chunk, or what follows the last one: up to a line's
 * end. */
static size_t line_piece(struct load *load, struct connection *one, const char *piece) {
    char byte = *piece;
    if (byte != '\n') {
        if (one->place == IN_CHUNK_SIZE && isxdigit((unsigned char)byte))
            one->left = one->left * 16 + (size_t)(isdigit((unsigned char)byte)
                                                      ? byte - '0'
                                                      : tolower(byte) - 'a' + 10);
        return 1;
    }
    if (one->place == IN_TRAILER)
        end_answer(load, one);
    else if (one->place == BEHIND_CHUNK)
        one->place = IN_CHUNK_SIZE;
    else
        one->place = one->left > 0 ? IN_CHUNK : IN_TRAILER;
    return 1;
}

static size_t content_piece(struct load *load, struct connection *one, const char *piece,
                            size_t bytes) {
    size_t taken = bytes < one->left ? bytes : one->left;
    if (one->reads)
        body_piece(load, one, piece, taken);
    one->left -= taken;
    if (one->left == 0 && one->place == IN_CHUNK)
        one->place = BEHIND_CHUNK;
    else if (one->left == 0)
        end_answer(load, one);
    return taken;
}

static void take(struct load *load, struct connection *one, const char *piece,
                 size_t bytes) {
    for (size_t taken; bytes > 0; piece += taken, bytes -= taken)
        if (one->place == IN_HEAD)
            taken = head_piece(load, one, piece, bytes);
        else if (one->place == IN_BODY || one->place == IN_CHUNK)
            taken = content_piece(load, one, piece, bytes);
        else
            taken = line_piece(load, one, piece);
}

static void receive(struct load *load, struct connection *one) {
    static char piece[PIECE_BYTES];
    ssize_t got = recv(one->fd, piece, sizeof piece, 0);
    check(got >= 0, "receive");
    if (got == 0)
        fail("receive", "the server has closed the connection");
    take(load, one, piece, (size_t)got);
}

/* ---- all of them ---- */

static struct connection *publishers(const struct load *load) {
    return load->connections + load->readers_count;
}

static void write_messages(struct load *load, size_t count) {
    load->messages = realloc(load->messages, count * sizeof *load->messages);
    check(load->messages != NULL, "messages");
    load->messages_count = count;
    for (size_t i = 0; i < count; i++) {
        memset(load->messages[i], '.', MESSAGE_BYTES);
        char number[24];
        int digits = snprintf(number, sizeof number, "%zu", load->published++);
        memcpy(load->messages[i], number, (size_t)digits);
    }
}

/* False: nothing has come in this time. */
static bool turn(struct load *load, int patience_ms) {
    struct epoll_event events[EVENTS];
    int ready = epoll_wait(load->epoll, events, EVENTS, patience_ms);
    for (int i = 0; i < ready; i++)
        receive(load, events[i].data.ptr);
    return ready > 0;
}

static void turn_surely(struct load *load) {
    if (!turn(load, PATIENCE_MS))
        fail("answer", "nothing comes");
}

static void ask_all(struct load *load) {
    size_t asked = 0;
    while (turn(load, 0)) /* refusals, if anything */
        ;
    for (size_t i = 0; i < load->readers_count; i++) {
        if (!load->connections[i].waiting) {
            ask(load, &load->connections[i]);
            asked++;
        }
    }
    load->heads_due += asked;
    while (load->stream && load->heads_due > 0)
        turn_surely(load);
    printf("asked=%zu\n", asked);
}

static void publish(struct load *load, size_t count) {
    write_messages(load, count);
    load->begun = load->accepted = load->served = 0;
    for (size_t i = 0; i < load->readers_count; i++)
        load->connections[i].had = 0;
    load->publishing = true;
    uint64_t begin_us = now_us();
    for (size_t i = 0; i < load->publishers_count; i++)
        publish_next(load, &publishers(load)[i]);
    while (load->served < load->readers_count ||
           load->accepted < count * load->channels_count)
        turn_surely(load);
    load->publishing = false;
    printf("accepted=%" PRIu64 " half=%" PRIu64 " last=%" PRIu64 "\n",
           load->accepted_us - begin_us, load->half_us - begin_us,
           load->last_us - begin_us);
}

static void obey(struct load *load) {
    char line[64];
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof line, stdin) != NULL) {
        size_t count;
        if (strcmp(line, "ask\n") == 0)
            ask_all(load);
        else if (sscanf(line, "publish %zu", &count) == 1 && count > 0)
            publish(load, count);
        else
            fail("what to do", line);
    }
}

/* As many descriptors as may be had. */
static void raise_limit(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void connect_all(struct load *load) {
    raise_limit();
    load->epoll = epoll_create1(0);
    check(load->epoll >= 0, "epoll");
    size_t count = load->readers_count + load->publishers_count;
    load->connections = calloc(count, sizeof *load->connections);
    check(load->connections != NULL, "connections");
    for (size_t i = 0; i < count; i++) {
        struct connection *one = &load->connections[i];
        one->reads = i < load->readers_count;
        one->channel = i % load->channels_count;
        connect_one(load, one);
    }
}

int main(int argc, char **argv) {
    bool stream = argc == 7 && strcmp(argv[2], "sse") == 0;
    if (argc != 7 || (!stream && strcmp(argv[2], "poll") != 0)) {
        fprintf(stderr, "usage: readers PORT poll|sse SUBSCRIBE-PATH PUBLISH-PATH"
                        " READERS CHANNELS\n");
        return 2;
    }
    struct load load = {.port = argv[1],
                        .stream = stream,
                        .subscribe_path = argv[3],
                        .publish_path = argv[4],
                        .readers_count = strtoul(argv[5], NULL, 10),
                        .channels_count = strtoul(argv[6], NULL, 10)};
    if (load.channels_count < 1 || load.channels_count > load.readers_count)
        fail("CHANNELS", "at least 1, and no more than READERS");
    load.publishers_count =
        load.channels_count < PUBLISHERS ? load.channels_count : PUBLISHERS;
    connect_all(&load);
    obey(&load);
    free(load.messages);
    free(load.connections);
    return 0;
}
