/* The gate: FastCGI 1.0 as it comes from a web server. Protocol only, no I/O: bytes in,
 * events out.
 *
 * It guarantees that whoever is behind it sees complete requests of a responder, one at a
 * time, whose parameters are sound: every length lies inside the total, names are not
 * empty and have neither '=' nor NUL in them, values no NUL. What is no FastCGI breaks
 * the gate; what is FastCGI but not acceptable comes through as a request with a status,
 * so that it can be answered. Memory is bounded by the caps of caps.h and max_body_bytes,
 * however the peer cuts its records.
 *
 * Management records, roles other than responder and attempts to multiplex are answered
 * here, into the buffer of replies.
 */
#ifndef BRIDGE_FCGI_PARSER_H
#define BRIDGE_FCGI_PARSER_H

#include "base/buffer.h"
#include <crew/message.h>

enum fcgi_parser_state {
    FCGI_PARSER_IDLE,   /* between requests: BEGIN_REQUEST is awaited */
    FCGI_PARSER_PARAMS, /* PARAMS records are awaited, until an empty one */
    FCGI_PARSER_STDIN,  /* STDIN records are awaited, until an empty one */
    FCGI_PARSER_COMPLETE, /* the request is its owner's, until fcgi_parser_finish_request or ABORT_REQUEST */
    FCGI_PARSER_FAILED /* the peer does not speak FastCGI: nothing is read any more */
};

enum fcgi_input_status {
    FCGI_INPUT_VALID,
    FCGI_INPUT_PARAMS_TOO_LARGE, /* bytes or number */
    FCGI_INPUT_PARAMS_MALFORMED, /* lengths, names or values as above */
    FCGI_INPUT_BODY_TOO_LARGE,   /* over max_body_bytes; the body was counted, not kept */
    FCGI_INPUT_DISCARDED         /* fcgi_parser_discard was called, or memory is out */
};

enum fcgi_parser_event {
    FCGI_PARSER_NEEDS_INPUT, /* all bytes are used up, nothing has happened */
    FCGI_PARSER_REQUEST,     /* a request is complete: look at status, params and body */
    FCGI_PARSER_ABORTED, /* the request was aborted and its END_REQUEST is among the replies */
    FCGI_PARSER_CLOSE, /* send the replies, then close: the peer asked for it */
    FCGI_PARSER_BLOCKED, /* what follows must wait: until fcgi_parser_finish_request, or until replies went out */
    FCGI_PARSER_PROTOCOL_ERROR /* close: this is no FastCGI */
};

struct fcgi_parser {
    enum fcgi_parser_state state;
    enum fcgi_input_status input_status;
    uint16_t id; /* of the request that is open, else 0 */
    bool keep;   /* the last BEGIN_REQUEST had FCGI_KEEP_CONN */
    size_t max_body_bytes;
    unsigned max_connections; /* what GET_VALUES is told */
    struct buffer params;     /* the contents of all PARAMS records */
    struct buffer body;       /* the contents of all STDIN records */
    uint64_t body_bytes;      /* how many there were, kept or not */

    struct { /* the record at hand */
        enum {
            FCGI_PARSER_IN_HEADER,
            FCGI_PARSER_IN_CONTENT,
            FCGI_PARSER_IN_PADDING
        } part;
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

void fcgi_parser_init(struct fcgi_parser *parser, size_t max_body_bytes,
                      unsigned max_connections);
void fcgi_parser_fini(struct fcgi_parser *parser);

/* fcgi_parser_feed - read on, up to the next event. *USED says how many of BYTES are used up;
 * the rest is to be given again. After FCGI_PARSER_BLOCKED it may be called with no bytes at all.
 */
enum fcgi_parser_event fcgi_parser_feed(struct fcgi_parser *parser, const uint8_t *data,
                                        size_t bytes, size_t *used,
                                        struct buffer *replies);

/* fcgi_parser_discard - the request that comes in shall not be kept in memory. */
void fcgi_parser_discard(struct fcgi_parser *parser);

/* fcgi_parser_finish_request - the complete request has been answered: on to the next. Its parameters
 * and body are freed. */
void fcgi_parser_finish_request(struct fcgi_parser *parser);

/* fcgi_parser_release_input - free parameters and body, while the answer is awaited. */
void fcgi_parser_release_input(struct fcgi_parser *parser);

/* fcgi_parser_release_memory - the same, and keep no memory for the next request. */
void fcgi_parser_release_memory(struct fcgi_parser *parser);

/* fcgi_parser_is_idle - whether nothing was begun: no request, no record. */
bool fcgi_parser_is_idle(const struct fcgi_parser *parser);

/* fcgi_parser_memory_bytes - memory that the peer's bytes occupy. */
size_t fcgi_parser_memory_bytes(const struct fcgi_parser *parser);

/* fcgi_record_put - a record that is not a stream's; fcgi_record_put_end_request - END_REQUEST. */
void fcgi_record_put(struct buffer *to, uint8_t type, uint16_t id, const void *content,
                     uint16_t bytes);
void fcgi_record_put_end_request(struct buffer *to, uint16_t id, uint8_t protocol_status);

#endif
