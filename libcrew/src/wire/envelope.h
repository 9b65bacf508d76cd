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
 *              id fields pairs body    (the body is what is left of the item)
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
    WIRE_ANSWER = 2, /* a whole answer, or how the call ended */
    WIRE_HEAD = 3,   /* streamed answer: status and header fields */
    WIRE_CHUNK = 4,  /* streamed answer: a part of the body */
    WIRE_END = 5,    /* streamed answer: its end, or how it failed */
    WIRE_CREDIT = 6, /* caller to worker: so many more bytes of body */
    WIRE_CANCEL = 7, /* caller to workers: do not begin this request */
    WIRE_TAKEN = 8,  /* worker to caller: a handler has it */
    WIRE_PING = 9    /* caller to worker: the worker itself answers */
    /* 128 to 255 never travel over AMQP: programs may use them between their processes */
};

struct wire_bytes {
    const uint8_t *data;
    size_t len;
};

/* A text's bytes; none for null. */
static inline struct wire_bytes wire_text(const char *text) {
    return (struct wire_bytes){(const uint8_t *)text, text != NULL ? strlen(text) : 0};
}

/* An item, taken apart. Fields that are absent are zero. Everything points into the
 * envelope that was read. */
struct wire_item {
    uint8_t kind;
    struct wire_bytes id;
    uint64_t deadline_unix_ms;      /* request: absolute end of its budget */
    uint32_t budget_ms;             /* request: what was left when it was sent */
    bool may_repeat;                /* request */
    uint16_t status;                /* answer, head */
    struct wire_bytes error;        /* answer, end: the outcome's word; empty: none */
    uint64_t run_us;                /* answer, end: time in the handler */
    uint32_t sequence;              /* chunk */
    uint32_t credit_bytes;          /* credit */
    struct wire_bytes worker;       /* taken, answer, head: the worker's id */
    struct wire_bytes task;         /* between processes: name of the task */
    struct wire_bytes content_type; /* body of a plain call, between processes */
    struct wire_bytes pairs;        /* checked: wire_pairs_next cannot fail on it */
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

/* ---- writing. Failure shows in buffer->failed. The caps of limits.h are the reader's: a
 * writer that others can make exceed them checks before. ---- */

#define WIRE_HEAD_BYTES 4
#define WIRE_PAIR_HEAD_BYTES 6 /* lengths of name and value */

/* The head that begins an envelope. */
void wire_begin(struct buffer *to);

/* A whole item; item->pairs is a ready block (may be empty). */
void wire_put(struct buffer *to, const struct wire_item *item);

/* The same in two steps, where pairs and body are made in place: wire_open writes all up
 * to the fields and returns a mark; append pairs with wire_put_pair; then wire_open_body;
 * then append the body; wire_close fixes the lengths. */
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

/* 1: ITEM is filled. 0: the envelope ends here. Negative: malformed; whatever came before
 * was sound. Lengths, fields and pairs are checked, known kinds must have an id. */
int wire_next(struct wire_reader *reader, struct wire_item *item);

/* Walk over a checked block: false at its end. *BLOCK is shortened. */
bool wire_pairs_next(struct wire_bytes *block, struct crew_pair *pair);

/* Is it a sound block? For blocks that did not come through wire_next. */
bool wire_pairs_valid(struct wire_bytes block, size_t *count);

#endif
