/* Frames to and from the broker over one connection.
 *
 * Over plain TCP frames are encoded here and written without blocking: many per system
 * call, large bodies directly from the memory of their message. Over TLS rabbitmq-c
 * writes them and may block while the socket is full; transport_ready says when that is
 * unlikely.
 *
 * No function returns an error: the first one is kept for transport_error, and later
 * calls do nothing.
 */
#ifndef CREW_AMQP_TRANSPORT_H
#define CREW_AMQP_TRANSPORT_H

#include "amqp/rabbitmq_c.h"
#include "base/buffer.h"

#define TRANSPORT_ERROR_BYTES 200

/* The AMQP channels of a connection. */
#define DATA_CHANNEL 1
#define TOPOLOGY_CHANNEL 2

/* A run of bytes to write: the next ones of `encoded`, or a part of a message's body. */
struct segment {
    const uint8_t *body; /* null: the next bytes of `encoded` */
    size_t bytes;
};

struct transport {
    amqp_connection_state_t connection; /* owned */
    bool tls;
    int fd;
    size_t frame_max;

    uint64_t queued_bytes;  /* of all frames so far */
    uint64_t written_bytes; /* of these, passed to the kernel; over TLS: started */
    uint64_t written_at_ms;
    uint64_t read_at_ms;

    struct buffer encoded;
    size_t encoded_written; /* bytes of it that are written */
    struct segment *segments;
    size_t segment_at; /* the first that is not completely written */
    size_t segment_count;
    size_t segment_cap;

    char error[TRANSPORT_ERROR_BYTES]; /* empty: none */
};

/* Takes ownership of a connection that is logged in. */
void transport_init(struct transport *t, amqp_connection_state_t connection, bool tls);
void transport_fini(struct transport *t); /* closes the socket; a zeroed struct is fine */

int transport_fd(const struct transport *t);
bool transport_is_tls(const struct transport *t);
size_t transport_frame_max(const struct transport *t);

const char *transport_error(const struct transport *t); /* null: none */

/* Queue a frame for writing. METHOD and PROPERTIES are rabbitmq-c's structs; texts in a
 * method must be short strings. BOUND is an upper bound for the encoded properties. */
void transport_method(struct transport *t, amqp_channel_t channel,
                      amqp_method_number_t id, void *method);
void transport_properties(struct transport *t, amqp_channel_t channel,
                          amqp_basic_properties_t *properties, uint64_t body_bytes,
                          size_t bound);
/* Queue body frames. A large BODY is not copied: it must live until as many bytes have
 * been written as are queued after this call. */
void transport_body(struct transport *t, amqp_channel_t channel, const uint8_t *body,
                    size_t bytes);
void transport_heartbeat(struct transport *t);

/* Write what the socket accepts. */
void transport_flush(struct transport *t);

/* Bytes queued and written so far, and the difference. */
uint64_t transport_queued_bytes(const struct transport *t);
uint64_t transport_written_bytes(const struct transport *t);
size_t transport_unsent(const struct transport *t);
/* Whether to queue more messages now. If not, wait until the socket is writable. */
bool transport_ready(struct transport *t);

/* True: FRAME is the next frame, never a heartbeat, and valid until transport_release.
 * False: no frame is complete. */
bool transport_read(struct transport *t, amqp_frame_t *frame);
void transport_release(struct transport *t, const amqp_frame_t *frame);
/* Whether received bytes are buffered, so that there may be frames although the socket is
 * not readable. */
bool transport_has_frames(const struct transport *t);

/* When bytes were last written, and received (base/clock.h). */
uint64_t transport_written_at_ms(const struct transport *t);
uint64_t transport_read_at_ms(const struct transport *t);
/* The socket became readable at NOW_MS. */
void transport_note_read(struct transport *t, uint64_t now_ms);

#endif
