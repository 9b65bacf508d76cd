/* The gate: FastCGI 1.0 as it comes from a web server. Protocol only, no I/O: bytes in,
 * events out.
 *
 * It guarantees that whoever is behind it sees complete requests of a responder, one at a
 * time, whose parameters are sound: every length lies inside the total, names are not
 * empty and have neither '=' nor NUL in them, values no NUL. What is no FastCGI breaks
 * the gate; what is FastCGI but not acceptable comes through as a request with a verdict,
 * so that it can be answered. Memory is bounded by the caps of caps.h and max_body_bytes,
 * however the peer cuts its records.
 *
 * Management records, roles other than responder and attempts to multiplex are answered
 * here, into the buffer of replies.
 */
#ifndef BRIDGE_GATE_H
#define BRIDGE_GATE_H

#include "base/buffer.h"
#include <crew/message.h>

enum gate_state {
    GATE_IDLE,     /* between requests: BEGIN_REQUEST is awaited */
    GATE_PARAMS,   /* PARAMS records are awaited, until an empty one */
    GATE_STDIN,    /* STDIN records are awaited, until an empty one */
    GATE_COMPLETE, /* the request is its owner's, until gate_finish or ABORT_REQUEST */
    GATE_BROKEN    /* the peer does not speak FastCGI: nothing is read any more */
};

enum gate_verdict {
    GATE_SOUND,
    GATE_PARAMS_TOO_LARGE, /* bytes or number */
    GATE_PARAMS_UNSOUND,   /* lengths, names or values as above */
    GATE_BODY_TOO_LARGE,   /* over max_body_bytes; the body was counted, not kept */
    GATE_REFUSED           /* gate_refuse was called, or memory is out */
};

enum gate_event {
    GATE_MORE,    /* all bytes are used up, nothing has happened */
    GATE_REQUEST, /* a request is complete: look at verdict, params and body */
    GATE_ABORTED, /* the request was aborted and its END_REQUEST is among the replies */
    GATE_LEAVE,   /* send the replies, then close: the peer asked for it */
    GATE_WAIT, /* what follows must wait: until gate_finish, or until replies went out */
    GATE_BREAK /* close: this is no FastCGI */
};

struct gate {
    enum gate_state state;
    enum gate_verdict verdict;
    uint16_t id; /* of the request that is open, else 0 */
    bool keep;   /* the last BEGIN_REQUEST had FCGI_KEEP_CONN */
    size_t max_body_bytes;
    unsigned max_connections; /* what GET_VALUES is told */
    struct buffer params;     /* the contents of all PARAMS records */
    struct buffer body;       /* the contents of all STDIN records */
    uint64_t body_bytes;      /* how many there were, kept or not */

    struct { /* the record at hand */
        enum { GATE_HEADER, GATE_CONTENT, GATE_PADDING } part;
        unsigned use; /* enum use in gate.c */
        uint8_t header[8];
        size_t header_bytes;
        uint16_t id;
        uint16_t content_bytes;
        size_t content_left;
        size_t padding_left;
        struct buffer content; /* of BEGIN_REQUEST and GET_VALUES */
    } record;
};

void gate_init(struct gate *gate, size_t max_body_bytes, unsigned max_connections);
void gate_fini(struct gate *gate);

/* gate_feed - read on, up to the next event. *USED says how many of BYTES are used up;
 * the rest is to be given again. After GATE_WAIT it may be called with no bytes at all.
 */
enum gate_event gate_feed(struct gate *gate, const uint8_t *data, size_t bytes,
                          size_t *used, struct buffer *replies);

/* gate_refuse - the request that comes in shall not be kept in memory. */
void gate_refuse(struct gate *gate);

/* gate_finish - the complete request has been answered: on to the next. Its parameters
 * and body are freed. */
void gate_finish(struct gate *gate);

/* gate_drop - free parameters and body, while the answer is awaited. */
void gate_drop(struct gate *gate);

/* gate_drop_all - the same, and keep no memory for the next request. */
void gate_drop_all(struct gate *gate);

/* gate_quiet - whether nothing was begun: no request, no record. */
bool gate_quiet(const struct gate *gate);

/* gate_held_bytes - memory that the peer's bytes occupy. */
size_t gate_held_bytes(const struct gate *gate);

/* gate_put_record - a record that is not a stream's; gate_put_end - END_REQUEST. */
void gate_put_record(struct buffer *to, uint8_t type, uint16_t id, const void *content,
                     uint16_t bytes);
void gate_put_end(struct buffer *to, uint16_t id, uint8_t protocol_status);

#endif
