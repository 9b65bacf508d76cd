/* Parser of the FastCGI 1.0 records that a web server sends. Protocol only, no I/O: bytes
 * in, events out.
 *
 * Guarantees to its user: requests are complete, for the responder role, one at a time.
 * With FCGI_INPUT_VALID and FCGI_INPUT_BODY_TOO_LARGE the parameters are well-formed:
 * every length lies inside the total, names are not empty and contain neither '=' nor
 * NUL, values contain no NUL. Bytes that are not FastCGI make the parser fail; a request
 * that is FastCGI but exceeds a limit is passed on with a status, so that it can be
 * answered. Memory is bounded by limits.h and max_body_bytes, however the peer cuts its
 * records.
 *
 * Management records, other roles and attempts to multiplex are answered by the parser:
 * the records go into the buffer of replies. */
#ifndef BRIDGE_FCGI_PARSER_H
#define BRIDGE_FCGI_PARSER_H

#include "base/buffer.h"
#include <crew/message.h>

enum fcgi_parser_state {
    FCGI_PARSER_IDLE,     /* between requests: BEGIN_REQUEST is expected */
    FCGI_PARSER_PARAMS,   /* PARAMS records are expected, until an empty one */
    FCGI_PARSER_STDIN,    /* STDIN records are expected, until an empty one */
    FCGI_PARSER_COMPLETE, /* a request is being served; until ABORT_REQUEST or
                             fcgi_parser_finish_request */
    FCGI_PARSER_FAILED    /* the peer does not speak FastCGI: nothing is read any more */
};

enum fcgi_input_status {
    FCGI_INPUT_VALID,
    FCGI_INPUT_PARAMS_TOO_LARGE, /* bytes or number */
    FCGI_INPUT_PARAMS_MALFORMED, /* lengths, names or values, see above */
    FCGI_INPUT_BODY_TOO_LARGE,   /* over max_body_bytes: the body was counted, not kept */
    FCGI_INPUT_DISCARDED         /* by fcgi_parser_discard, or out of memory */
};

/* A request as it was received. */
struct fcgi_input {
    uint16_t id; /* 0: there is no request */
    enum fcgi_input_status status;
    struct buffer params; /* the contents of all PARAMS records */
    struct buffer body;   /* the contents of all STDIN records */
    uint64_t body_bytes;  /* how many there were, kept or not */
};

enum fcgi_parser_event {
    FCGI_PARSER_NEEDS_INPUT,   /* all bytes are used, no event */
    FCGI_PARSER_REQUEST,       /* a request is complete */
    FCGI_PARSER_ABORTED,       /* it was aborted; its END_REQUEST is among the replies */
    FCGI_PARSER_CLOSE,         /* send the replies, then close: the peer asked for it */
    FCGI_PARSER_BLOCKED,       /* the next record must wait: for
                                  fcgi_parser_finish_request, or until replies are sent */
    FCGI_PARSER_PROTOCOL_ERROR /* close: this is not FastCGI */
};

struct fcgi_parser {
    enum fcgi_parser_state state;
    struct fcgi_input input;
    bool keep_connection; /* the last BEGIN_REQUEST had FCGI_KEEP_CONN */
    size_t max_body_bytes;
    unsigned max_connections; /* for GET_VALUES */

    struct { /* the record that is being read */
        enum { FCGI_PARSER_HEADER, FCGI_PARSER_CONTENT, FCGI_PARSER_PADDING } part;
        unsigned action; /* enum action in fcgi_parser.c */
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

/* fcgi_parser_feed - parse up to the next event. *USED is how many of BYTES are used; the
 * rest is to be given again. After FCGI_PARSER_BLOCKED it may be called with no bytes. */
enum fcgi_parser_event fcgi_parser_feed(struct fcgi_parser *parser, const uint8_t *data,
                                        size_t bytes, size_t *used,
                                        struct buffer *replies);

/* fcgi_parser_input - the request that is complete or being received. */
static inline const struct fcgi_input *
fcgi_parser_input(const struct fcgi_parser *parser) {
    return &parser->input;
}

/* fcgi_parser_has_request - a complete request is being served. */
static inline bool fcgi_parser_has_request(const struct fcgi_parser *parser) {
    return parser->state == FCGI_PARSER_COMPLETE;
}

/* fcgi_parser_keeps_connection - the web server wants to use the connection again. */
static inline bool fcgi_parser_keeps_connection(const struct fcgi_parser *parser) {
    return parser->keep_connection;
}

/* fcgi_parser_discard - do not keep the request that is being received in memory. */
void fcgi_parser_discard(struct fcgi_parser *parser);

/* fcgi_parser_finish_request - the complete request has been answered: parse the next.
 * Its parameters and body are freed. */
void fcgi_parser_finish_request(struct fcgi_parser *parser);

/* fcgi_parser_release_input - free parameters and body of the request being served. */
void fcgi_parser_release_input(struct fcgi_parser *parser);

/* fcgi_parser_release_memory - the same, and keep no memory for the next request. */
void fcgi_parser_release_memory(struct fcgi_parser *parser);

/* fcgi_parser_is_idle - neither a request nor a record was begun. */
bool fcgi_parser_is_idle(const struct fcgi_parser *parser);

/* fcgi_parser_input_bytes - how many bytes of parameters and body are held. */
size_t fcgi_parser_input_bytes(const struct fcgi_parser *parser);

#endif
