/* Frames out and in (AMQP 0-9-1 §4.2.3).
 *
 * What is to be written is a list of segments. Bytes of frames lie one behind the other
 * in `own`; a large body stays where it is, and its segments point to it.
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
#define FRAME_SIZE_AT 3u        /* where the size stands in the header */
#define METHOD_ROOM_BYTES 4096u /* more than the longest method of ours */
/* Below, a copy is cheaper than a segment. */
#define BORROW_ABOVE_BYTES ((size_t)16 * 1024)
#define UNSENT_LIMIT_BYTES ((size_t)1024 * 1024)
#define KEEP_OWN_BYTES ((size_t)256 * 1024)
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
    buffer_fini(&t->own);
    free(t->segments);
    *t = (struct transport){.fd = -1};
}

const char *transport_error(const struct transport *t) {
    return t->error[0] != '\0' ? t->error : NULL;
}

static void fail(struct transport *t, const char *why) {
    if (t->error[0] == '\0')
        snprintf(t->error, sizeof t->error, "%s", why);
}

static void fail_status(struct transport *t, int status) {
    switch (status) {
    case AMQP_STATUS_CONNECTION_CLOSED:
        fail(t, "the broker closed the connection without a word");
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

/* ---- segments ---- */

static void add_segment(struct transport *t, const uint8_t *borrowed, size_t bytes) {
    t->queued_bytes += bytes;
    if (borrowed == NULL && t->segment_count > t->segment_at &&
        t->segments[t->segment_count - 1].borrowed == NULL) {
        t->segments[t->segment_count - 1].bytes += bytes;
        return;
    }
    if (t->segment_count == t->segment_cap) {
        t->segment_cap = t->segment_cap > 0 ? t->segment_cap * 2 : 16;
        t->segments = xreallocarray(t->segments, t->segment_cap, sizeof *t->segments);
    }
    t->segments[t->segment_count++] = (struct segment){borrowed, bytes};
}

/* Free what is written. Bytes move only when at least as many have gone, so each byte
 * moves at most once on average. */
static void compact(struct transport *t) {
    if (t->segment_at == t->segment_count) {
        t->segment_at = t->segment_count = 0;
        t->own_at = 0;
        buffer_reset(&t->own, KEEP_OWN_BYTES);
        return;
    }
    if (t->own_at > KEEP_OWN_BYTES && t->own_at > t->own.len / 2) {
        buffer_consume(&t->own, t->own_at);
        t->own_at = 0;
    }
    if (t->segment_at > t->segment_cap / 2) {
        t->segment_count -= t->segment_at;
        memmove(t->segments, t->segments + t->segment_at,
                t->segment_count * sizeof *t->segments);
        t->segment_at = 0;
    }
}

static size_t gather(const struct transport *t, struct iovec iov[IOV_COUNT]) {
    uint8_t *own = t->own.data + t->own_at;
    size_t count = 0;
    for (size_t i = t->segment_at; i < t->segment_count && count < IOV_COUNT; i++) {
        const struct segment *s = &t->segments[i];
        iov[count].iov_len = s->bytes;
        if (s->borrowed == NULL) {
            iov[count].iov_base = own;
            own += s->bytes;
        } else {
            iov[count].iov_base = (void *)s->borrowed;
        }
        count++;
    }
    return count;
}

static void wrote(struct transport *t, size_t bytes) {
    t->written_bytes += bytes;
    t->written_at_ms = clock_ms();
    while (bytes > 0) {
        struct segment *s = &t->segments[t->segment_at];
        size_t part = bytes < s->bytes ? bytes : s->bytes;
        if (s->borrowed == NULL)
            t->own_at += part;
        else
            s->borrowed += part;
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
            wrote(t, (size_t)bytes);
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            break;
        else if (errno != EINTR)
            fail(t, strerror(errno));
    }
    compact(t);
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

/* ---- frames out ---- */

static void send_tls(struct transport *t, amqp_frame_t *frame, size_t bytes) {
    if (t->error[0] != '\0')
        return;
    t->queued_bytes += bytes;
    t->written_bytes = t->queued_bytes; /* if it fails, some of it may have gone out */
    errno = 0;
    int status = amqp_send_frame(t->connection, frame);
    if (status != AMQP_STATUS_OK)
        fail_status(t, status);
    t->written_at_ms = clock_ms();
}

static size_t begin_frame(struct transport *t, uint8_t type, amqp_channel_t channel) {
    size_t start = t->own.len;
    buffer_u8(&t->own, type);
    buffer_u16(&t->own, channel);
    buffer_u32(&t->own, 0);
    return start;
}

/* Ends a frame that began at START and whose payload has BORROWED bytes elsewhere. */
static void end_frame(struct transport *t, size_t start, const uint8_t *borrowed,
                      size_t borrowed_bytes) {
    buffer_u8(&t->own, AMQP_FRAME_END);
    if (t->own.failed) {
        fail(t, "out of memory");
        return;
    }
    size_t bytes = t->own.len - start;
    size_t payload = bytes - FRAME_OVERHEAD_BYTES + borrowed_bytes;
    buffer_put_u32_at(&t->own, start + FRAME_SIZE_AT, (uint32_t)payload);
    if (borrowed != NULL) {
        add_segment(t, NULL, bytes - 1);
        add_segment(t, borrowed, borrowed_bytes);
        add_segment(t, NULL, 1);
    } else {
        add_segment(t, NULL, bytes);
    }
}

/* The frames of ours always fit the room they ask for: whoever hands them over has
 * checked their texts. */
static void encoded(struct transport *t, int bytes) {
    if (bytes < 0)
        fail(t, "a frame could not be encoded");
    else
        t->own.len += (size_t)bytes;
}

void transport_method(struct transport *t, amqp_channel_t channel,
                      amqp_method_number_t id, void *method) {
    if (t->tls) {
        amqp_frame_t frame = {.frame_type = AMQP_FRAME_METHOD, .channel = channel};
        frame.payload.method = (amqp_method_t){.id = id, .decoded = method};
        send_tls(t, &frame, FRAME_OVERHEAD_BYTES);
        return;
    }
    size_t start = begin_frame(t, AMQP_FRAME_METHOD, channel);
    buffer_u32(&t->own, id);
    uint8_t *to = buffer_reserve(&t->own, METHOD_ROOM_BYTES);
    if (to != NULL) {
        amqp_bytes_t room = {.len = METHOD_ROOM_BYTES, .bytes = to};
        encoded(t, amqp_encode_method(id, method, room));
    }
    end_frame(t, start, NULL, 0);
}

void transport_properties(struct transport *t, amqp_channel_t channel,
                          amqp_basic_properties_t *properties, uint64_t body_bytes,
                          size_t room_bytes) {
    if (t->tls) {
        amqp_frame_t frame = {.frame_type = AMQP_FRAME_HEADER, .channel = channel};
        frame.payload.properties.class_id = AMQP_BASIC_CLASS;
        frame.payload.properties.body_size = body_bytes;
        frame.payload.properties.decoded = properties;
        send_tls(t, &frame, FRAME_OVERHEAD_BYTES);
        return;
    }
    size_t start = begin_frame(t, AMQP_FRAME_HEADER, channel);
    buffer_u16(&t->own, AMQP_BASIC_CLASS);
    buffer_u16(&t->own, 0); /* weight, unused */
    buffer_u64(&t->own, body_bytes);
    uint8_t *to = buffer_reserve(&t->own, room_bytes);
    if (to != NULL) {
        amqp_bytes_t room = {.len = room_bytes, .bytes = to};
        encoded(t, amqp_encode_properties(AMQP_BASIC_CLASS, properties, room));
    }
    end_frame(t, start, NULL, 0);
}

static void put_body_frame(struct transport *t, amqp_channel_t channel,
                           const uint8_t *body, size_t bytes, bool borrow) {
    if (t->tls) {
        amqp_frame_t frame = {.frame_type = AMQP_FRAME_BODY, .channel = channel};
        frame.payload.body_fragment.len = bytes;
        frame.payload.body_fragment.bytes = (void *)body;
        send_tls(t, &frame, bytes + FRAME_OVERHEAD_BYTES);
        return;
    }
    size_t start = begin_frame(t, AMQP_FRAME_BODY, channel);
    if (!borrow)
        buffer_append(&t->own, body, bytes);
    end_frame(t, start, borrow ? body : NULL, borrow ? bytes : 0);
}

void transport_body(struct transport *t, amqp_channel_t channel, const uint8_t *body,
                    size_t bytes) {
    size_t most = t->frame_max - FRAME_OVERHEAD_BYTES;
    bool borrow = bytes > BORROW_ABOVE_BYTES;
    while (bytes > 0) {
        size_t part = bytes < most ? bytes : most;
        put_body_frame(t, channel, body, part, borrow);
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
    end_frame(t, begin_frame(t, AMQP_FRAME_HEARTBEAT, 0), NULL, 0);
}

/* ---- frames in ---- */

bool transport_read(struct transport *t, amqp_frame_t *frame) {
    static const struct timeval at_once = {0};
    if (t->error[0] != '\0')
        return false;
    errno = 0;
    int status = amqp_simple_wait_frame_noblock(t->connection, frame, &at_once);
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
