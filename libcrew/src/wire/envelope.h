/* The envelope, content type application/vnd.crew.v1 (docs/wire.md).
 *
 * Bytes in, bytes out; no I/O. All numbers in network order.
 *
 *   envelope = "CRW" version:u8(=1) item*
 *   item     = rest:u32           bytes of the item behind this number
 *              kind:u8
 *              id_bytes:u8
 *              fields_bytes:u16
 *              pairs_bytes:u32
 *              id fields pairs body    (the body is the rest of the item)
 *   fields   = (code:u8 bytes:u16 value)*     unknown codes are skipped
 *   pairs    = (name_bytes:u16 value_bytes:u32 name value)*
 *
 * Unknown kinds are skipped too.
 */
#ifndef CREW_WIRE_ENVELOPE_H
#define CREW_WIRE_ENVELOPE_H

#include "base/buffer.h"
#include <crew/message.h>
#include <string.h>

#define WIRE_CONTENT_TYPE "application/vnd.crew.v1"

enum wire_kind {
    WIRE_REQUEST = 1,
    WIRE_ANSWER = 2, /* a complete answer, or the error of the call */
    WIRE_HEAD = 3,   /* streamed answer: status and header fields */
    WIRE_CHUNK = 4,  /* streamed answer: a part of the body */
    WIRE_END = 5,    /* streamed answer: its end, or its error */
    WIRE_CREDIT = 6, /* caller to worker: more bytes of body may be sent */
    WIRE_CANCEL = 7, /* caller to workers: do not start this request */
    WIRE_TAKEN = 8,  /* worker to caller: a handler has started */
    WIRE_PING = 9    /* caller to worker: answered by the worker, not by a handler */
    /* 128 to 255 are not sent over AMQP: programs use them between their processes */
};

struct wire_bytes {
    const uint8_t *data;
    size_t len;
};

/* The bytes of a text; empty for null. */
static inline struct wire_bytes wire_text(const char *text) {
    return (struct wire_bytes){(const uint8_t *)text, text != NULL ? strlen(text) : 0};
}

/* A decoded item. Absent fields are zero. Pointers point into the envelope. */
struct wire_item {
    uint8_t kind;
    struct wire_bytes id;
    uint64_t deadline_unix_ms;      /* request: absolute end of its budget */
    uint32_t budget_ms;             /* request: time left when it was sent */
    bool may_repeat;                /* request */
    uint16_t status;                /* answer, head */
    struct wire_bytes error;        /* answer, end: the error word; empty: none */
    uint64_t run_us;                /* answer, end: time in the handler */
    uint32_t sequence;              /* chunk */
    uint32_t credit_bytes;          /* credit */
    struct wire_bytes worker;       /* taken, answer, head: the worker's id */
    struct wire_bytes task;         /* between processes: name of the task */
    struct wire_bytes content_type; /* body of a plain call, between processes */
    struct wire_bytes pairs;        /* valid: wire_pairs_next cannot fail on it */
    struct wire_bytes body;
};

/* Field codes; docs/wire.md lists them. */
enum wire_field {
    WIRE_F_DEADLINE_UNIX_MS = 1, /* u64 */
    WIRE_F_BUDGET_MS = 2,        /* u32 */
    WIRE_F_REPEAT = 3,           /* u8: 1 may be repeated */
    WIRE_F_STATUS = 4,           /* u16 */
    WIRE_F_ERROR = 5,            /* text */
    WIRE_F_RUN_US = 6,           /* u64 */
    WIRE_F_SEQUENCE = 7,         /* u32 */
    WIRE_F_CREDIT_BYTES = 8,     /* u32 */
    WIRE_F_WORKER = 9,           /* text */
    WIRE_F_TASK = 10,            /* text */
    WIRE_F_CONTENT_TYPE = 11     /* text */
};

/* ---- writing ---- */

/* An error sets buffer->failed. The limits of limits.h are enforced by the reader: a
 * writer whose input is not bounded checks them itself. */

#define WIRE_HEAD_BYTES 4
#define WIRE_PAIR_HEAD_BYTES 6 /* lengths of name and value */

/* Write the head of an envelope. */
void wire_begin(struct buffer *to);

/* Write an item. item->pairs is an encoded block or empty. */
void wire_put(struct buffer *to, const struct wire_item *item);

/* Write an item with pairs and body generated in place: wire_open writes everything up to
 * the fields and returns a mark; append pairs with wire_put_pair; call wire_open_body;
 * append the body; wire_close sets the lengths. */
size_t wire_open(struct buffer *to, const struct wire_item *item);
void wire_put_pair(struct buffer *to, const char *name, size_t name_bytes,
                   const char *value, size_t value_bytes);
void wire_open_body(struct buffer *to, size_t mark);
void wire_close(struct buffer *to, size_t mark);

/* ---- reading ---- */

struct wire_reader {
    const uint8_t *at;
    const uint8_t *end;
    unsigned items;
};

/* CREW_EMALFORMED: not an envelope of this version. */
int wire_read(struct wire_reader *reader, const void *data, size_t bytes);

/* 1: ITEM is the next item. 0: the end. Negative: malformed; the items before are valid.
 * Lengths, fields and pairs are checked; items of known kinds must have an id. */
int wire_next(struct wire_reader *reader, struct wire_item *item);

/* Remove the first pair of a valid block. False: the block is empty. */
bool wire_pairs_next(struct wire_bytes *block, struct crew_pair *pair);

/* Whether BLOCK is valid; *COUNT (may be null) is its number of pairs. Blocks of
 * wire_next are valid. */
bool wire_pairs_valid(struct wire_bytes block, size_t *count);

#endif
