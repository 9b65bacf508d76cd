#include "connection.h"

#include "base/xalloc.h"
#include "daemon/log.h"
#include "fcgi-bridge/bridge.h"
#include "limits.h"
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#define INPUT_BYTES 65536
#define TICK_MS 100

/* After a stop, an idle connection is kept for a moment: the web server may have sent a
 * request on it just now, and would see it fail. */
#define LINGER_MS 250

static void pump(struct connection *c);

/* ---- closing ---- */

static void account(struct connection *c) {
    size_t now = c->state == CONNECTION_CLOSED
                     ? 0
                     : fcgi_parser_memory_bytes(&c->parser) + c->pending.len +
                           c->out.len + c->sending.len;
    c->bridge->buffered_bytes += now - c->accounted_bytes;
    c->accounted_bytes = now;
}

static void on_closed(uv_handle_t *handle) {
    struct connection *c = handle->data;
    struct bridge *bridge = c->bridge;
    struct connections *all = &bridge->connections;
    DL_DELETE(all->all, c);
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
    bridge_connection_gone(bridge);
}

static void close_now(struct connection *c) {
    if (c->state == CONNECTION_CLOSED)
        return;
    request_abandon(&c->request);
    c->state = CONNECTION_CLOSED;
    deadlines_clear(&c->bridge->connections.deadlines, &c->deadline);
    account(c);
    uv_close(&c->uv.handle, on_closed);
}

/* ---- the peer's silence ---- */

/* How long the peer may be silent as things are; 0: as long as it likes. */
static uint64_t patience_ms(const struct connection *c) {
    if (c->sending.len > 0)
        return LIMIT_STALL_MS;
    if (c->request.state != REQUEST_NONE)
        return 0;
    if (!fcgi_parser_is_idle(&c->parser))
        return LIMIT_SILENCE_MS;
    return c->bridge->state == BRIDGE_STOPPING ? LINGER_MS : 0;
}

static void on_tick(uv_timer_t *timer);

static void watch(struct connection *c) {
    struct connections *all = &c->bridge->connections;
    uint64_t patience = c->state == CONNECTION_CLOSED ? 0 : patience_ms(c);
    if (patience == 0) {
        deadlines_clear(&all->deadlines, &c->deadline);
        return;
    }
    deadlines_set(&all->deadlines, &c->deadline, uv_now(&c->bridge->loop) + patience);
    if (!uv_is_active((uv_handle_t *)&all->timer))
        uv_timer_start(&all->timer, on_tick, TICK_MS, TICK_MS);
}

static void on_silence(struct connection *c) {
    size_t queued = uv_stream_get_write_queue_size(&c->uv.stream);
    if (queued < c->queued_bytes) { /* slow, but not dead */
        c->queued_bytes = queued;
        watch(c);
        return;
    }
    if (c->bridge->state != BRIDGE_STOPPING)
        log_info("a connection of the web server was silent for too long and is closed");
    close_now(c);
}

static void on_tick(uv_timer_t *timer) {
    struct bridge *bridge = timer->data;
    struct deadlines *deadlines = &bridge->connections.deadlines;
    struct deadline *due;
    while ((due = deadlines_take_due(deadlines, uv_now(&bridge->loop))))
        on_silence(
            (struct connection *)((char *)due - offsetof(struct connection, deadline)));
    if (!deadlines_first(deadlines))
        uv_timer_stop(timer);
}

/* ---- output ---- */

static void flush(struct connection *c);

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

/* What the kernel did not take at once is libuv's, and must not move until it is gone. */
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

/* An event stream is nearly always idle. */
static size_t kept_bytes(const struct connection *c) {
    return c->request.state == REQUEST_LISTENING ? 0 : LIMIT_KEPT_BUFFER_BYTES;
}

static void flush(struct connection *c) {
    if (c->state == CONNECTION_CLOSED || c->sending.len > 0)
        return;
    if (c->out.failed) {
        log_error("out of memory for an answer: its connection is closed");
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
        buffer_reset(&c->out, kept_bytes(c));
    }
    if (c->state == CONNECTION_LEAVING)
        close_now(c);
}

/* ---- input ---- */

static void leave_unless_kept(struct connection *c) {
    if (!c->parser.keep || c->bridge->state == BRIDGE_STOPPING)
        c->state = CONNECTION_LEAVING;
}

static void on_request_end(void *arg) {
    struct connection *c = arg;
    fcgi_parser_finish_request(&c->parser);
    leave_unless_kept(c);
    if (!c->feeding)
        pump(c);
}

static void on_request_output(void *arg) {
    struct connection *c = arg;
    if (!c->feeding)
        pump(c);
}

/* The web server gets what there is, and no END_REQUEST. */
static void on_request_break(void *arg) {
    struct connection *c = arg;
    log_debug("a response broke off: its connection is closed");
    fcgi_parser_finish_request(&c->parser);
    c->state = CONNECTION_LEAVING;
    if (!c->feeding)
        pump(c);
}

static void on_gate_event(struct connection *c, enum fcgi_parser_event event) {
    switch (event) {
    case FCGI_PARSER_REQUEST:
        request_start(&c->request);
        break;
    case FCGI_PARSER_ABORTED:
        request_abandon(&c->request);
        leave_unless_kept(c);
        break;
    case FCGI_PARSER_CLOSE:
        c->state = CONNECTION_LEAVING;
        break;
    case FCGI_PARSER_PROTOCOL_ERROR:
        log_debug("a connection that does not speak FastCGI is closed");
        close_now(c);
        break;
    case FCGI_PARSER_NEEDS_INPUT:
    case FCGI_PARSER_BLOCKED:
        break;
    }
}

/* Up to where the gate wants no more. *USED says how many of BYTES are used up. */
static enum fcgi_parser_event feed(struct connection *c, const void *data, size_t bytes,
                                   size_t *used) {
    size_t at = 0;
    enum fcgi_parser_event event;
    c->feeding = true;
    do {
        size_t n = 0;
        event = fcgi_parser_feed(&c->parser, (const uint8_t *)data + at, bytes - at, &n,
                                 &c->out);
        at += n;
        on_gate_event(c, event);
    } while (c->state == CONNECTION_OPEN && event != FCGI_PARSER_NEEDS_INPUT &&
             event != FCGI_PARSER_BLOCKED);
    c->feeding = false;
    *used = c->state == CONNECTION_OPEN ? at : bytes;
    return event;
}

static void take(struct connection *c, const char *data, size_t bytes) {
    if (c->state != CONNECTION_OPEN)
        return;
    if (c->pending.len > 0) {
        buffer_append(&c->pending, data, bytes);
        return;
    }
    size_t used = 0;
    feed(c, data, bytes, &used);
    buffer_append(&c->pending, data + used, bytes - used);
}

static void on_read(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buf);
static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf);

/* Read on as long as there is room for what has to wait. */
static void regulate(struct connection *c) {
    bool wanted = c->pending.len < LIMIT_PENDING_BYTES;
    if (c->state == CONNECTION_CLOSED || wanted == c->reading)
        return;
    c->reading = wanted;
    if (wanted)
        uv_read_start(&c->uv.stream, on_alloc, on_read);
    else
        uv_read_stop(&c->uv.stream);
}

static enum fcgi_parser_event feed_pending(struct connection *c) {
    if (c->state != CONNECTION_OPEN ||
        (c->pending.len == 0 && fcgi_parser_is_idle(&c->parser)))
        return FCGI_PARSER_NEEDS_INPUT;
    size_t used = 0;
    const void *data = c->pending.len > 0 ? (const void *)c->pending.data : "";
    enum fcgi_parser_event event = feed(c, data, c->pending.len, &used);
    buffer_consume(&c->pending, used);
    if (c->pending.len == 0)
        buffer_reset(&c->pending, 0);
    return event;
}

/* The gate wanted the replies to go out first, and they have. */
static bool waits_for_nothing(const struct connection *c) {
    return c->state == CONNECTION_OPEN && c->request.state == REQUEST_NONE &&
           c->out.len == 0 && c->sending.len == 0;
}

/* What is sent makes room for more of an answer that comes in pieces. */
static bool goes_on(struct connection *c) {
    if (c->state == CONNECTION_CLOSED)
        return false;
    size_t unsent = c->out.len + uv_stream_get_write_queue_size(&c->uv.stream);
    return request_drained(&c->request, unsent);
}

/* Whatever has changed: go on with the input that waits, send what there is, set the
 * watch. The one place where a connection moves on. */
static void pump(struct connection *c) {
    enum fcgi_parser_event event;
    do {
        event = feed_pending(c);
        if (c->state == CONNECTION_OPEN && bridge_full(c->bridge))
            fcgi_parser_discard(&c->parser);
        flush(c);
    } while ((event == FCGI_PARSER_BLOCKED && waits_for_nothing(c)) || goes_on(c));
    account(c);
    watch(c);
    regulate(c);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf) {
    struct connection *c = handle->data;
    (void)size;
    *buf = uv_buf_init(c->bridge->connections.input, INPUT_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buf) {
    struct connection *c = stream->data;
    if (bytes < 0) { /* a hang-up: whoever asked is gone */
        close_now(c);
        return;
    }
    take(c, buf->base, (size_t)bytes);
    if (c->pending.failed)
        close_now(c);
    pump(c);
}

/* ---- opening ---- */

static int open_handle(struct connection *c, int fd) {
    int domain = AF_UNIX;
    socklen_t bytes = sizeof domain;
    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes);
    if (domain == AF_UNIX) {
        uv_pipe_init(&c->bridge->loop, &c->uv.unix_socket, 0);
        return uv_pipe_open(&c->uv.unix_socket, fd);
    }
    uv_tcp_init(&c->bridge->loop, &c->uv.tcp);
    int error = uv_tcp_open(&c->uv.tcp, fd);
    if (!error) {
        uv_tcp_nodelay(&c->uv.tcp, 1);
        uv_tcp_keepalive(&c->uv.tcp, 1, LIMIT_SILENCE_MS / 1000);
    }
    return error;
}

static struct connection *new_connection(struct bridge *bridge) {
    struct connections *all = &bridge->connections;
    struct connection *c = all->spare;
    if (c) {
        LL_DELETE(all->spare, c);
        all->spare_count--;
    } else {
        c = xcalloc(1, sizeof *c);
    }
    *c = (struct connection){.state = CONNECTION_OPEN, .bridge = bridge};
    fcgi_parser_init(&c->parser, bridge->settings->max_body_bytes,
                     bridge->settings->max_inflight + bridge->settings->max_parked);
    c->request = (struct request){.bridge = bridge,
                                  .parser = &c->parser,
                                  .out = &c->out,
                                  .on_end = on_request_end,
                                  .on_output = on_request_output,
                                  .on_break = on_request_break,
                                  .arg = c};
    DL_APPEND(all->all, c);
    all->count++;
    return c;
}

void connection_open(struct bridge *bridge, int fd) {
    struct connection *c = new_connection(bridge);
    int error = open_handle(c, fd);
    c->uv.handle.data = c;
    if (error) {
        close(fd);
        close_now(c);
        return;
    }
    regulate(c);
}

int connections_init(struct bridge *bridge) {
    struct connections *all = &bridge->connections;
    all->input = xcalloc(1, INPUT_BYTES);
    all->timer.data = bridge;
    return uv_timer_init(&bridge->loop, &all->timer);
}

void connections_stop(struct bridge *bridge) {
    struct connection *c;
    DL_FOREACH (bridge->connections.all, c) {
        if (c->request.state == REQUEST_LISTENING && c->sending.len > 0)
            close_now(c); /* a slow reader, who comes back anyway, is not waited for */
        watch(c);
    }
}

void connections_close(struct bridge *bridge) {
    struct connection *c;
    DL_FOREACH (bridge->connections.all, c) {
        request_give_up(&c->request);
        close_now(c);
    }
}

void connections_fini(struct bridge *bridge) {
    struct connections *all = &bridge->connections;
    assert(!all->all);
    struct connection *c;
    struct connection *next;
    LL_FOREACH_SAFE (all->spare, c, next)
        free(c);
    deadlines_fini(&all->deadlines);
    free(all->input);
}
