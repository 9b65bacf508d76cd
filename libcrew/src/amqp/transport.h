/* The two byte streams of one connection: frames out, frames in.
 *
 * Over plain TCP frames are encoded here and written without ever blocking: many at a
 * time, large bodies from the memory of their message. Over TLS rabbitmq-c writes them,
 * and may block while the socket is full; transport_ready says when that is unlikely.
 *
 * Nothing here returns an error: the first one is kept, what follows it is dropped, and
 * transport_error tells.
 */
#ifndef CREW_AMQP_TRANSPORT_H
#define CREW_AMQP_TRANSPORT_H

#include "base/buffer.h"
#include <amqp.h>
#include <amqp_framing.h>

#define TRANSPORT_ERROR_BYTES 200

/* A run of bytes to be written: of the transport's own buffer, or borrowed. */
struct segment {
    const uint8_t *borrowed; /* null: the next bytes of `own` */
    size_t bytes;
};

struct transport {
    amqp_connection_state_t connection; /* owned */
    bool tls;
    int fd;
    size_t frame_max;

    uint64_t queued_bytes;  /* handed over so far */
    uint64_t written_bytes; /* of these, given to the kernel; over TLS: begun */
    uint64_t written_at_ms;
    uint64_t read_at_ms; /* when something last came in */

    struct buffer own;
    size_t own_at; /* bytes of own that are written */
    struct segment *segments;
    size_t segment_at; /* the first that is not wholly written */
    size_t segment_count;
    size_t segment_cap;

    char error[TRANSPORT_ERROR_BYTES]; /* empty: sound */
};

/* Takes over a connection that is logged in. */
void transport_init(struct transport *t, amqp_connection_state_t connection, bool tls);
void transport_fini(struct transport *t); /* closes the socket; zeroed memory is fine */

const char *transport_error(const struct transport *t); /* null: none */

/* Hand over a frame. METHOD and PROPERTIES are rabbitmq-c's structs of that name; texts
 * in a method must be short strings. ROOM is an upper bound for the encoded properties.
 */
void transport_method(struct transport *t, amqp_channel_t channel,
                      amqp_method_number_t id, void *method);
void transport_properties(struct transport *t, amqp_channel_t channel,
                          amqp_basic_properties_t *properties, uint64_t body_bytes,
                          size_t room);
/* As many body frames as it needs. A large BODY is borrowed until queued_bytes as it is
 * after this call have been written. */
void transport_body(struct transport *t, amqp_channel_t channel, const uint8_t *body,
                    size_t bytes);
void transport_heartbeat(struct transport *t);

/* Write what the socket takes. */
void transport_flush(struct transport *t);

/* Bytes handed over and not written. */
size_t transport_unsent(const struct transport *t);
/* Whether to hand over more messages now. If not, wait for the socket to be writable. */
bool transport_ready(struct transport *t);

/* The next frame that is there: true, and FRAME is valid until transport_release; it is
 * never a heartbeat. */
bool transport_read(struct transport *t, amqp_frame_t *frame);
void transport_release(struct transport *t, const amqp_frame_t *frame);
/* Frames wait in memory, although the socket may not be readable. */
bool transport_has_frames(const struct transport *t);

#endif
