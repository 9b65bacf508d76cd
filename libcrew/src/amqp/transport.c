/* Frames (AMQP 0-9-1 §4.2.3).
 *
 * The output is a list of segments. Encoded bytes are stored one after the other in
 * `encoded`; a large body stays in its message, and its segments point to it.
 */
#include "amqp/transport.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define FRAME_OVERHEAD_BYTES 8u /* header of 7, end octet */
#define FRAME_SIZE_AT 3u        /* offset of the size in the header */
#define METHOD_MAX_BYTES 4096u  /* more than the longest method that is sent */
/* Up to this size a copy is cheaper than a segment. */
#define REFERENCE_ABOVE_BYTES ((size_t)16 * 1024)
#define UNSENT_LIMIT_BYTES ((size_t)1024 * 1024)
#define KEEP_ENCODED_BYTES ((size_t)256 * 1024)
#define IOV_COUNT 64

void transport_init(struct transport *t, amqp_connection_state_t connection, bool tls) {
    *t = (struct transport){.connection = connection,
                            .tls = tls,
                            .fd = amqp_get_sockfd(connection),
                            .frame_max = (size_t)amqp_get_frame_max(connection),
                            .written_at_ms = clock_ms(),
                            .read_at_ms = clock_ms()};
}

void transport_fini(struct transport *t) {
    if (t->connection != NULL)
        amqp_destroy_connection(t->connection);
    buffer_fini(&t->encoded);
    free(t->segments);
    *t = (struct transport){.fd = -1};
}

int transport_fd(const struct transport *t) {
    return t->fd;
}

bool transport_is_tls(const struct transport *t) {
    return t->tls;
}

size_t transport_frame_max(const struct transport *t) {
    return t->frame_max;
}

const char *transport_error(const struct transport *t) {
    return t->error[0] != '\0' ? t->error : NULL;
}

static void fail(struct transport *t, const char *reason) {
    if (t->error[0] == '\0')
        snprintf(t->error, sizeof t->error, "%s", reason);
}

static void fail_status(struct transport *t, int status) {
    switch (status) {
    case AMQP_STATUS_CONNECTION_CLOSED:
        fail(t, "the broker closed the connection without an AMQP close");
        break;
    case AMQP_STATUS_SOCKET_ERROR:
        fail(t, errno != 0 ? strerror(errno) : "a socket error");
        break;
    case AMQP_STATUS_BAD_AMQP_DATA:
    case AMQP_STATUS_UNKNOWN_CLASS:
    case AMQP_STATUS_UNKNOWN_METHOD:
        fail(t, "what the broker sent is not AMQP");
        break;
    default:
        fail(t, amqp_error_string2(status));
    }
}

/* ---- output ---- */

static void add_segment(struct transport *t, const uint8_t *body, size_t bytes) {
    t->queued_bytes += bytes;
    if (body == NULL && t->segment_count > t->segment_at &&
        t->segments[t->segment_count - 1].body == NULL) {
        t->segments[t->segment_count - 1].bytes += bytes;
        return;
    }
    if (t->segment_count == t->segment_cap) {
        t->segment_cap = t->segment_cap > 0 ? t->segment_cap * 2 : 16;
        t->segments = xreallocarray(t->segments, t->segment_cap, sizeof *t->segments);
    }
    t->segments[t->segment_count++] = (struct segment){body, bytes};
}

/* Free what is written. Bytes are moved only when at least as many have been written, so
 * each byte is moved at most once on average. */
static void compact(struct transport *t) {
    if (t->segment_at == t->segment_count) {
        t->segment_at = t->segment_count = 0;
        t->encoded_written = 0;
        buffer_reset(&t->encoded, KEEP_ENCODED_BYTES);
        return;
    }
    if (t->encoded_written > KEEP_ENCODED_BYTES &&
        t->encoded_written > t->encoded.len / 2) {
        buffer_consume(&t->encoded, t->encoded_written);
        t->encoded_written = 0;
    }
    if (t->segment_at > t->segment_cap / 2) {
        t->segment_count -= t->segment_at;
        memmove(t->segments, t->segments + t->segment_at,
                t->segment_count * sizeof *t->segments);
        t->segment_at = 0;
    }
}

static size_t gather(const struct transport *t, struct iovec iov[IOV_COUNT]) {
    uint8_t *encoded = t->encoded.data + t->encoded_written;
    size_t count = 0;
    for (size_t i = t->segment_at; i < t->segment_count && count < IOV_COUNT; i++) {
        const struct segment *s = &t->segments[i];
        iov[count].iov_len = s->bytes;
        if (s->body == NULL) {
            iov[count].iov_base = encoded;
            encoded += s->bytes;
        } else {
            iov[count].iov_base = (void *)s->body;
        }
        count++;
    }
    return count;
}

static void mark_written(struct transport *t, size_t bytes) {
    t->written_bytes += bytes;
    t->written_at_ms = clock_ms();
    while (bytes > 0) {
        struct segment *s = &t->segments[t->segment_at];
        size_t part = bytes < s->bytes ? bytes : s->bytes;
        if (s->body == NULL)
            t->encoded_written += part;
        else
            s->body += part;
        s->bytes -= part;
        bytes -= part;
        if (s->bytes == 0)
            t->segment_at++;
    }
}

void transport_flush(struct transport *t) {
    while (t->error[0] == '\0' && t->segment_at < t->segment_count) {
        struct iovec iov[IOV_COUNT];
        struct msghdr head = {.msg_iov = iov, .msg_iovlen = gather(t, iov)};
        ssize_t bytes = sendmsg(t->fd, &head, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (bytes >= 0)
            mark_written(t, (size_t)bytes);
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            break;
        else if (errno != EINTR)
            fail(t, strerror(errno));
    }
    compact(t);
}

uint64_t transport_queued_bytes(const struct transport *t) {
    return t->queued_bytes;
}

uint64_t transport_written_bytes(const struct transport *t) {
    return t->written_bytes;
}

size_t transport_unsent(const struct transport *t) {
    return (size_t)(t->queued_bytes - t->written_bytes);
}

bool transport_ready(struct transport *t) {
    if (t->tls) {
        struct pollfd p = {.fd = t->fd, .events = POLLOUT};
        return poll(&p, 1, 0) > 0;
    }
    return transport_unsent(t) < UNSENT_LIMIT_BYTES;
}

/* ---- encoding ---- */

static void send_tls(struct transport *t, amqp_frame_t *frame, size_t bytes) {
    if (t->error[0] != '\0')
        return;
    t->queued_bytes += bytes;
    t->written_bytes = t->queued_bytes; /* also if it fails: a part may have been sent */
    errno = 0;
    int status = amqp_send_frame(t->connection, frame);
    if (status != AMQP_STATUS_OK)
        fail_status(t, status);
    t->written_at_ms = clock_ms();
}

static size_t start_frame(struct transport *t, uint8_t type, amqp_channel_t channel) {
    size_t start = t->encoded.len;
    buffer_u8(&t->encoded, type);
    buffer_u16(&t->encoded, channel);
    buffer_u32(&t->encoded, 0);
    return start;
}

/* End a frame that starts at START; BODY_BYTES of its payload are at BODY. */
static void end_frame(struct transport *t, size_t start, const uint8_t *body,
                      size_t body_bytes) {
    buffer_u8(&t->encoded, AMQP_FRAME_END);
    if (t->encoded.failed) {
        fail(t, "out of memory");
        return;
    }
    size_t bytes = t->encoded.len - start;
    size_t payload = bytes - FRAME_OVERHEAD_BYTES + body_bytes;
    buffer_put_u32_at(&t->encoded, start + FRAME_SIZE_AT, (uint32_t)payload);
    if (body != NULL) {
        add_segment(t, NULL, bytes - 1);
        add_segment(t, body, body_bytes);
        add_segment(t, NULL, 1);
    } else {
        add_segment(t, NULL, bytes);
    }
}

/* rabbitmq-c has appended BYTES; negative: an error. Frames always fit their bound,
 * because the callers check the length of texts. */
static void append_encoded(struct transport *t, int bytes) {
    if (bytes < 0)
        fail(t, "a frame could not be encoded");
    else
        t->encoded.len += (size_t)bytes;
}

void transport_method(struct transport *t, amqp_channel_t channel,
                      amqp_method_number_t id, void *method) {
    if (t->tls) {
        amqp_frame_t frame = {.frame_type = AMQP_FRAME_METHOD, .channel = channel};
        frame.payload.method = (amqp_method_t){.id = id, .decoded = method};
        send_tls(t, &frame, FRAME_OVERHEAD_BYTES);
        return;
    }
    size_t start = start_frame(t, AMQP_FRAME_METHOD, channel);
    buffer_u32(&t->encoded, id);
    uint8_t *to = buffer_reserve(&t->encoded, METHOD_MAX_BYTES);
    if (to != NULL) {
        amqp_bytes_t space = {.len = METHOD_MAX_BYTES, .bytes = to};
        append_encoded(t, amqp_encode_method(id, method, space));
    }
    end_frame(t, start, NULL, 0);
}

void transport_properties(struct transport *t, amqp_channel_t channel,
                          amqp_basic_properties_t *properties, uint64_t body_bytes,
                          size_t bound) {
    if (t->tls) {
        amqp_frame_t frame = {.frame_type = AMQP_FRAME_HEADER, .channel = channel};
        frame.payload.properties.class_id = AMQP_BASIC_CLASS;
        frame.payload.properties.body_size = body_bytes;
        frame.payload.properties.decoded = properties;
        send_tls(t, &frame, FRAME_OVERHEAD_BYTES);
        return;
    }
    size_t start = start_frame(t, AMQP_FRAME_HEADER, channel);
    buffer_u16(&t->encoded, AMQP_BASIC_CLASS);
    buffer_u16(&t->encoded, 0); /* weight, unused */
    buffer_u64(&t->encoded, body_bytes);
    uint8_t *to = buffer_reserve(&t->encoded, bound);
    if (to != NULL) {
        amqp_bytes_t space = {.len = bound, .bytes = to};
        append_encoded(t, amqp_encode_properties(AMQP_BASIC_CLASS, properties, space));
    }
    end_frame(t, start, NULL, 0);
}

static void put_body_frame(struct transport *t, amqp_channel_t channel,
                           const uint8_t *body, size_t bytes, bool reference) {
    if (t->tls) {
        amqp_frame_t frame = {.frame_type = AMQP_FRAME_BODY, .channel = channel};
        frame.payload.body_fragment.len = bytes;
        frame.payload.body_fragment.bytes = (void *)body;
        send_tls(t, &frame, bytes + FRAME_OVERHEAD_BYTES);
        return;
    }
    size_t start = start_frame(t, AMQP_FRAME_BODY, channel);
    if (!reference)
        buffer_append(&t->encoded, body, bytes);
    end_frame(t, start, reference ? body : NULL, reference ? bytes : 0);
}

void transport_body(struct transport *t, amqp_channel_t channel, const uint8_t *body,
                    size_t bytes) {
    size_t max = t->frame_max - FRAME_OVERHEAD_BYTES;
    bool reference = bytes > REFERENCE_ABOVE_BYTES;
    while (bytes > 0) {
        size_t part = bytes < max ? bytes : max;
        put_body_frame(t, channel, body, part, reference);
        body += part;
        bytes -= part;
    }
}

void transport_heartbeat(struct transport *t) {
    if (t->tls) {
        amqp_frame_t frame = {.frame_type = AMQP_FRAME_HEARTBEAT, .channel = 0};
        send_tls(t, &frame, FRAME_OVERHEAD_BYTES);
        return;
    }
    end_frame(t, start_frame(t, AMQP_FRAME_HEARTBEAT, 0), NULL, 0);
}

/* ---- input ---- */

bool transport_read(struct transport *t, amqp_frame_t *frame) {
    static const struct timeval no_wait = {0};
    if (t->error[0] != '\0')
        return false;
    errno = 0;
    int status = amqp_simple_wait_frame_noblock(t->connection, frame, &no_wait);
    if (status == AMQP_STATUS_OK)
        return true;
    if (status != AMQP_STATUS_TIMEOUT)
        fail_status(t, status);
    return false;
}

void transport_release(struct transport *t, const amqp_frame_t *frame) {
    amqp_maybe_release_buffers_on_channel(t->connection, frame->channel);
}

bool transport_has_frames(const struct transport *t) {
    return amqp_frames_enqueued(t->connection) || amqp_data_in_buffer(t->connection);
}

uint64_t transport_written_at_ms(const struct transport *t) {
    return t->written_at_ms;
}

uint64_t transport_read_at_ms(const struct transport *t) {
    return t->read_at_ms;
}

void transport_note_read(struct transport *t, uint64_t now_ms) {
    t->read_at_ms = now_ms;
}
