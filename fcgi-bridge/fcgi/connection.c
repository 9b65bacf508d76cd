#include "connection.h"

#include "base/deadlines.h"
#include "base/xalloc.h"
#include "daemon/log.h"
#include "limits.h"
#include <assert.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#define INPUT_BYTES 65536
#define TICK_MS 100

/* After a stop, an idle connection stays open for a moment: the web server may have just
 * sent a request on it, which would fail. */
#define LINGER_MS 250

enum connection_state {
    CONNECTION_OPEN,    /* until the peer disconnects, or does not want to keep it */
    CONNECTION_LEAVING, /* the last output is being sent; input is discarded */
    CONNECTION_CLOSED   /* uv_close was called; its callback frees the connection */
};

struct connection {
    enum connection_state state;
    union {
        uv_stream_t stream;
        uv_handle_t handle;
        uv_pipe_t unix_socket;
        uv_tcp_t tcp;
    } uv;
    struct connections *all;
    struct connection *prev, *next; /* in all->open, or (next) in all->spare */
    struct fcgi_parser parser;
    struct buffer pending; /* input that cannot be parsed yet */
    struct buffer out;     /* output, not yet given to the kernel */
    struct buffer sending; /* output that uv_write has; not touched until it is done */
    uv_write_t write;
    size_t queued_bytes;      /* when last checked for progress of the output */
    size_t accounted_bytes;   /* this connection's part of load->buffered_bytes */
    struct deadline deadline; /* of input or progress of the output */
    bool parsing;             /* inside parse(): its caller will send the output */
    bool reading;
    bool resumable;                               /* see connection_stream_resumable */
    alignas(max_align_t) unsigned char request[]; /* options.request_ops->request_bytes */
};

struct connections {
    struct connections_options options;
    struct connection *open;
    struct connection *spare;
    unsigned count;
    unsigned spare_count;
    bool stopping;
    struct deadlines deadlines;
    uv_timer_t timer; /* runs while there are deadlines */
    char *input;      /* all connections read into it, one at a time */
};

static void pump(struct connection *c);

/* ---- closing ---- */

static void account(struct connection *c) {
    size_t now = c->state == CONNECTION_CLOSED
                     ? 0
                     : fcgi_parser_input_bytes(&c->parser) + c->pending.len + c->out.len +
                           c->sending.len;
    load_update(c->all->options.load, c->accounted_bytes, now);
    c->accounted_bytes = now;
}

static void on_closed(uv_handle_t *handle) {
    struct connection *c = handle->data;
    struct connections *all = c->all;
    DL_DELETE(all->open, c);
    all->count--;
    fcgi_parser_fini(&c->parser);
    buffer_fini(&c->pending);
    buffer_fini(&c->out);
    buffer_fini(&c->sending);
    if (all->spare_count < LIMIT_SPARE_CONNECTIONS) {
        all->spare_count++;
        LL_PREPEND(all->spare, c);
    } else {
        free(c);
    }
    all->options.on_closed(all->options.arg);
}

static void close_now(struct connection *c) {
    if (c->state == CONNECTION_CLOSED)
        return;
    c->all->options.request_ops->cancel(c->request);
    c->state = CONNECTION_CLOSED;
    deadlines_clear(&c->all->deadlines, &c->deadline);
    account(c);
    uv_close(&c->uv.handle, on_closed);
}

/* ---- timeouts ---- */

/* How long the peer may neither send nor take anything in the present state; 0: without
 * limit. */
static uint64_t timeout_ms(const struct connection *c) {
    if (c->sending.len > 0)
        return LIMIT_STALL_MS;
    if (fcgi_parser_has_request(&c->parser))
        return 0;
    if (!fcgi_parser_is_idle(&c->parser))
        return LIMIT_SILENCE_MS;
    return c->all->stopping ? LINGER_MS : 0;
}

static void on_tick(uv_timer_t *timer);

static void set_deadline(struct connection *c) {
    struct connections *all = c->all;
    uint64_t ms = c->state == CONNECTION_CLOSED ? 0 : timeout_ms(c);
    if (ms == 0) {
        deadlines_clear(&all->deadlines, &c->deadline);
        return;
    }
    deadlines_set(&all->deadlines, &c->deadline, uv_now(all->options.loop) + ms);
    if (!uv_is_active((uv_handle_t *)&all->timer))
        uv_timer_start(&all->timer, on_tick, TICK_MS, TICK_MS);
}

static void on_timeout(struct connection *c) {
    size_t queued = uv_stream_get_write_queue_size(&c->uv.stream);
    if (queued < c->queued_bytes) { /* slow, but there is progress */
        c->queued_bytes = queued;
        set_deadline(c);
        return;
    }
    if (!c->all->stopping)
        log_info("closing a connection of the web server: timeout");
    close_now(c);
}

static void on_tick(uv_timer_t *timer) {
    struct connections *all = timer->data;
    struct deadline *due;
    while ((due = deadlines_take_due(&all->deadlines, uv_now(timer->loop))) != NULL)
        on_timeout(
            (struct connection *)((char *)due - offsetof(struct connection, deadline)));
    if (deadlines_first(&all->deadlines) == NULL)
        uv_timer_stop(timer);
}

/* ---- output ---- */

static void on_written(uv_write_t *write, int status) {
    struct connection *c = write->data;
    buffer_reset(&c->sending, 0);
    c->queued_bytes = 0;
    if (c->state == CONNECTION_CLOSED)
        return;
    if (status < 0) {
        close_now(c);
        return;
    }
    pump(c);
}

/* libuv sends what the kernel did not take at once; it must not move meanwhile. */
static void send_rest(struct connection *c, size_t sent) {
    c->sending = c->out;
    c->out = BUFFER_INIT;
    c->write.data = c;
    c->queued_bytes = c->sending.len - sent;
    uv_buf_t rest =
        uv_buf_init((char *)c->sending.data + sent, (unsigned)(c->sending.len - sent));
    if (uv_write(&c->write, &c->uv.stream, &rest, 1, on_written) != 0)
        close_now(c);
}

static void flush(struct connection *c) {
    if (c->state == CONNECTION_CLOSED || c->sending.len > 0)
        return;
    if (c->out.failed) {
        log_error("closing a connection of the web server: out of memory for a response");
        close_now(c);
        return;
    }
    if (c->out.len > 0) {
        uv_buf_t all = uv_buf_init((char *)c->out.data, (unsigned)c->out.len);
        int sent = uv_try_write(&c->uv.stream, &all, 1);
        if (sent < 0 && sent != UV_EAGAIN) {
            close_now(c);
            return;
        }
        if (sent < (int)c->out.len) {
            send_rest(c, sent > 0 ? (size_t)sent : 0);
            return;
        }
        buffer_reset(&c->out, c->resumable ? 0 : LIMIT_KEPT_BUFFER_BYTES);
    }
    if (c->state == CONNECTION_LEAVING)
        close_now(c);
}

/* ---- the request ---- */

const struct fcgi_input *connection_input(const struct connection *c) {
    return fcgi_parser_input(&c->parser);
}

void connection_release_input(struct connection *c) {
    fcgi_parser_release_input(&c->parser);
}

void connection_release_memory(struct connection *c) {
    fcgi_parser_release_memory(&c->parser);
    if (c->out.len == 0)
        buffer_reset(&c->out, 0);
}

struct buffer *connection_output(struct connection *c) {
    return &c->out;
}

void connection_send(struct connection *c) {
    if (!c->parsing)
        pump(c);
}

void connection_stream_resumable(struct connection *c) {
    c->resumable = true;
}

static void leave_unless_kept(struct connection *c) {
    if (!fcgi_parser_keeps_connection(&c->parser) || c->all->stopping)
        c->state = CONNECTION_LEAVING;
}

void connection_end_request(struct connection *c) {
    c->resumable = false;
    fcgi_parser_finish_request(&c->parser);
    leave_unless_kept(c);
    connection_send(c);
}

void connection_fail_request(struct connection *c) {
    log_debug("closing a connection of the web server: incomplete response");
    c->resumable = false;
    fcgi_parser_finish_request(&c->parser);
    c->state = CONNECTION_LEAVING;
    connection_send(c);
}

static void on_parser_event(struct connection *c, enum fcgi_parser_event event) {
    const struct fcgi_request_ops *ops = c->all->options.request_ops;
    switch (event) {
    case FCGI_PARSER_REQUEST:
        ops->start(c->request);
        break;
    case FCGI_PARSER_ABORTED:
        c->resumable = false;
        ops->cancel(c->request);
        leave_unless_kept(c);
        break;
    case FCGI_PARSER_CLOSE:
        c->state = CONNECTION_LEAVING;
        break;
    case FCGI_PARSER_PROTOCOL_ERROR:
        log_debug("closing a connection that does not speak FastCGI");
        close_now(c);
        break;
    case FCGI_PARSER_NEEDS_INPUT:
    case FCGI_PARSER_BLOCKED:
        break;
    }
}

/* ---- input ---- */

/* Parse until the parser needs more or is blocked. *USED: how many of BYTES were used. */
static enum fcgi_parser_event parse(struct connection *c, const void *data, size_t bytes,
                                    size_t *used) {
    size_t at = 0;
    enum fcgi_parser_event event;
    c->parsing = true;
    do {
        size_t n = 0;
        event = fcgi_parser_feed(&c->parser, (const uint8_t *)data + at, bytes - at, &n,
                                 &c->out);
        at += n;
        on_parser_event(c, event);
    } while (c->state == CONNECTION_OPEN && event != FCGI_PARSER_NEEDS_INPUT &&
             event != FCGI_PARSER_BLOCKED);
    c->parsing = false;
    *used = c->state == CONNECTION_OPEN ? at : bytes;
    return event;
}

static void receive(struct connection *c, const char *data, size_t bytes) {
    if (c->state != CONNECTION_OPEN)
        return;
    if (c->pending.len > 0) {
        buffer_append(&c->pending, data, bytes);
        return;
    }
    size_t used = 0;
    parse(c, data, bytes, &used);
    buffer_append(&c->pending, data + used, bytes - used);
}

static enum fcgi_parser_event parse_pending(struct connection *c) {
    if (c->state != CONNECTION_OPEN ||
        (c->pending.len == 0 && fcgi_parser_is_idle(&c->parser)))
        return FCGI_PARSER_NEEDS_INPUT;
    size_t used = 0;
    const void *data = c->pending.len > 0 ? (const void *)c->pending.data : "";
    enum fcgi_parser_event event = parse(c, data, c->pending.len, &used);
    buffer_consume(&c->pending, used);
    if (c->pending.len == 0)
        buffer_reset(&c->pending, 0);
    return event;
}

static void on_read(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buf);
static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf);

/* Read while there is room for input that cannot be parsed yet. */
static void regulate_reading(struct connection *c) {
    bool wanted = c->pending.len < LIMIT_PENDING_BYTES;
    if (c->state == CONNECTION_CLOSED || wanted == c->reading)
        return;
    c->reading = wanted;
    if (wanted)
        uv_read_start(&c->uv.stream, on_alloc, on_read);
    else
        uv_read_stop(&c->uv.stream);
}

/* The parser was blocked until its replies are sent, and they are. */
static bool is_unblocked(const struct connection *c) {
    return c->state == CONNECTION_OPEN && !fcgi_parser_has_request(&c->parser) &&
           c->out.len == 0 && c->sending.len == 0;
}

/* Output that was sent makes room for more of a streamed response. */
static bool has_more_output(struct connection *c) {
    if (c->state == CONNECTION_CLOSED)
        return false;
    size_t unsent = c->out.len + uv_stream_get_write_queue_size(&c->uv.stream);
    return c->all->options.request_ops->drained(c->request, unsent);
}

/* After any change: parse pending input, send output, set deadline and reading. The only
 * function that advances a connection. */
static void pump(struct connection *c) {
    enum fcgi_parser_event event;
    do {
        event = parse_pending(c);
        if (c->state == CONNECTION_OPEN && load_memory_full(c->all->options.load))
            fcgi_parser_discard(&c->parser);
        flush(c);
    } while ((event == FCGI_PARSER_BLOCKED && is_unblocked(c)) || has_more_output(c));
    account(c);
    set_deadline(c);
    regulate_reading(c);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf) {
    struct connection *c = handle->data;
    (void)size;
    *buf = uv_buf_init(c->all->input, INPUT_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buf) {
    struct connection *c = stream->data;
    if (bytes < 0) { /* the web server has disconnected */
        close_now(c);
        return;
    }
    receive(c, buf->base, (size_t)bytes);
    if (c->pending.failed)
        close_now(c);
    pump(c);
}

/* ---- opening ---- */

static int open_handle(struct connection *c, int fd) {
    uv_loop_t *loop = c->all->options.loop;
    int domain = AF_UNIX;
    socklen_t bytes = sizeof domain;
    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes);
    if (domain == AF_UNIX) {
        uv_pipe_init(loop, &c->uv.unix_socket, 0);
        return uv_pipe_open(&c->uv.unix_socket, fd);
    }
    uv_tcp_init(loop, &c->uv.tcp);
    int error = uv_tcp_open(&c->uv.tcp, fd);
    if (error == 0) {
        uv_tcp_nodelay(&c->uv.tcp, 1);
        uv_tcp_keepalive(&c->uv.tcp, 1, LIMIT_SILENCE_MS / 1000);
    }
    return error;
}

static struct connection *new_connection(struct connections *all) {
    const struct connections_options *options = &all->options;
    size_t bytes = sizeof(struct connection) + options->request_ops->request_bytes;
    struct connection *c = all->spare;
    if (c != NULL) {
        LL_DELETE(all->spare, c);
        all->spare_count--;
        memset(c, 0, bytes);
    } else {
        c = xcalloc(1, bytes);
    }
    c->all = all;
    fcgi_parser_init(&c->parser, options->max_body_bytes, options->max_connections);
    options->request_ops->init(c->request, c, options->request_arg);
    DL_APPEND(all->open, c);
    all->count++;
    return c;
}

void connection_open(struct connections *all, int fd) {
    struct connection *c = new_connection(all);
    int error = open_handle(c, fd);
    c->uv.handle.data = c;
    if (error != 0) {
        close(fd);
        close_now(c);
        return;
    }
    regulate_reading(c);
}

/* ---- all connections ---- */

int connections_new(const struct connections_options *options,
                    struct connections **result) {
    struct connections *all = xcalloc(1, sizeof *all);
    all->options = *options;
    all->timer.data = all;
    int error = uv_timer_init(options->loop, &all->timer);
    if (error != 0) {
        free(all);
        return error;
    }
    all->input = xcalloc(1, INPUT_BYTES);
    *result = all;
    return 0;
}

void connections_free(struct connections *all) {
    if (all == NULL)
        return;
    assert(all->open == NULL);
    struct connection *c;
    struct connection *next;
    LL_FOREACH_SAFE (all->spare, c, next)
        free(c);
    deadlines_fini(&all->deadlines);
    free(all->input);
    free(all);
}

unsigned connections_count(const struct connections *all) {
    return all->count;
}

void connections_stop(struct connections *all) {
    struct connection *c;
    all->stopping = true;
    DL_FOREACH (all->open, c) {
        if (c->resumable && c->sending.len > 0)
            close_now(c);
        set_deadline(c);
    }
}

void connections_close(struct connections *all) {
    struct connection *c;
    DL_FOREACH (all->open, c) {
        all->options.request_ops->shutdown(c->request);
        close_now(c);
    }
}
