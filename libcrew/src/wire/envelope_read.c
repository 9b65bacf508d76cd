/* Every length is checked before it is used, so that users of an item need no checks. The
 * reader does not advance over a malformed item: reading again returns the same error. */
#include "wire/envelope.h"

#include "wire/limits.h"
#include <string.h>

#define ENVELOPE_HEAD_BYTES 4
#define ITEM_HEAD_BYTES 8 /* kind, id_bytes, fields_bytes, pairs_bytes */
#define FIELD_HEAD_BYTES 3

int wire_read(struct wire_reader *reader, const void *data, size_t bytes) {
    const uint8_t *p = data;
    if (bytes < ENVELOPE_HEAD_BYTES || memcmp(p, "CRW\x01", ENVELOPE_HEAD_BYTES) != 0)
        return CREW_EMALFORMED;
    *reader = (struct wire_reader){.at = p + ENVELOPE_HEAD_BYTES, .end = p + bytes};
    return CREW_OK;
}

/* ---- fields: false if the length is not that of the type ---- */

static bool read_u8(struct wire_bytes value, uint8_t *to) {
    if (value.len != sizeof *to)
        return false;
    *to = value.data[0];
    return true;
}

static bool read_u16(struct wire_bytes value, uint16_t *to) {
    if (value.len != sizeof *to)
        return false;
    *to = bytes_u16(value.data);
    return true;
}

static bool read_u32(struct wire_bytes value, uint32_t *to) {
    if (value.len != sizeof *to)
        return false;
    *to = bytes_u32(value.data);
    return true;
}

static bool read_u64(struct wire_bytes value, uint64_t *to) {
    if (value.len != sizeof *to)
        return false;
    *to = bytes_u64(value.data);
    return true;
}

static bool read_text(struct wire_bytes value, struct wire_bytes *to) {
    *to = value;
    return true;
}

static bool read_repeat(struct wire_bytes value, bool *may_repeat) {
    uint8_t number;
    if (!read_u8(value, &number))
        return false;
    *may_repeat = number == 1;
    return true;
}

static bool read_field(struct wire_item *item, uint8_t code, struct wire_bytes value) {
    switch ((enum wire_field)code) {
    case WIRE_F_DEADLINE_UNIX_MS:
        return read_u64(value, &item->deadline_unix_ms);
    case WIRE_F_BUDGET_MS:
        return read_u32(value, &item->budget_ms);
    case WIRE_F_REPEAT:
        return read_repeat(value, &item->may_repeat);
    case WIRE_F_STATUS:
        return read_u16(value, &item->status);
    case WIRE_F_ERROR:
        return read_text(value, &item->error);
    case WIRE_F_RUN_US:
        return read_u64(value, &item->run_us);
    case WIRE_F_SEQUENCE:
        return read_u32(value, &item->sequence);
    case WIRE_F_CREDIT_BYTES:
        return read_u32(value, &item->credit_bytes);
    case WIRE_F_WORKER:
        return read_text(value, &item->worker);
    case WIRE_F_TASK:
        return read_text(value, &item->task);
    case WIRE_F_CONTENT_TYPE:
        return read_text(value, &item->content_type);
    }
    return true; /* a field of a later version is skipped */
}

static bool read_fields(struct wire_item *item, struct wire_bytes fields) {
    while (fields.len > 0) {
        if (fields.len < FIELD_HEAD_BYTES)
            return false;
        uint8_t code = fields.data[0];
        struct wire_bytes value = {fields.data + FIELD_HEAD_BYTES,
                                   bytes_u16(fields.data + 1)};
        if (value.len > fields.len - FIELD_HEAD_BYTES || !read_field(item, code, value))
            return false;
        fields.data = value.data + value.len;
        fields.len -= FIELD_HEAD_BYTES + value.len;
    }
    return true;
}

/* ---- items ---- */

/* Remove the first BYTES of REST. */
static bool cut(struct wire_bytes *rest, size_t bytes, struct wire_bytes *piece) {
    if (bytes > rest->len)
        return false;
    *piece = (struct wire_bytes){rest->data, bytes};
    rest->data += bytes;
    rest->len -= bytes;
    return true;
}

static bool is_amqp_kind(uint8_t kind) {
    return kind >= WIRE_REQUEST && kind <= WIRE_PING;
}

static bool read_item(struct wire_item *item, struct wire_bytes rest) {
    struct wire_bytes head, fields;
    *item = (struct wire_item){0};
    if (!cut(&rest, ITEM_HEAD_BYTES, &head))
        return false;
    item->kind = head.data[0];
    if (!cut(&rest, head.data[1], &item->id) ||
        !cut(&rest, bytes_u16(head.data + 2), &fields) ||
        !cut(&rest, bytes_u32(head.data + 4), &item->pairs))
        return false;
    item->body = rest;
    if (item->id.len > LIMIT_ITEM_ID_BYTES ||
        (item->id.len == 0 && is_amqp_kind(item->kind)))
        return false;
    return wire_pairs_valid(item->pairs, NULL) && read_fields(item, fields);
}

/* The bytes of the next item after its length. Does not advance the reader. */
static bool cut_item(struct wire_reader *reader, struct wire_bytes *rest) {
    struct wire_bytes left = {reader->at, (size_t)(reader->end - reader->at)};
    struct wire_bytes length;
    if (reader->items >= LIMIT_ITEMS_PER_MESSAGE ||
        !cut(&left, sizeof(uint32_t), &length) ||
        !cut(&left, bytes_u32(length.data), rest) || rest->len == 0)
        return false;
    return true;
}

static bool is_known(uint8_t kind) {
    return is_amqp_kind(kind) || kind >= 128;
}

int wire_next(struct wire_reader *reader, struct wire_item *item) {
    while (reader->at < reader->end) {
        struct wire_bytes rest;
        if (!cut_item(reader, &rest))
            return -CREW_EMALFORMED;
        bool known = is_known(rest.data[0]);
        if (known && !read_item(item, rest))
            return -CREW_EMALFORMED;
        reader->at = rest.data + rest.len;
        reader->items++;
        if (known)
            return 1;
    }
    return 0;
}

/* ---- pairs ---- */

/* Remove the first pair; false if the block is empty or not valid. */
static bool cut_pair(struct wire_bytes *block, struct crew_pair *pair) {
    struct wire_bytes rest = *block, head, name, value;
    if (!cut(&rest, WIRE_PAIR_HEAD_BYTES, &head) ||
        !cut(&rest, bytes_u16(head.data), &name) ||
        !cut(&rest, bytes_u32(head.data + 2), &value))
        return false;
    *pair = (struct crew_pair){(const char *)name.data, name.len,
                               (const char *)value.data, value.len};
    *block = rest;
    return true;
}

bool wire_pairs_next(struct wire_bytes *block, struct crew_pair *pair) {
    return cut_pair(block, pair);
}

bool wire_pairs_valid(struct wire_bytes block, size_t *count) {
    struct crew_pair pair;
    size_t pairs = 0;
    if (block.len > LIMIT_PAIRS_BYTES)
        return false;
    while (block.len > 0)
        if (!cut_pair(&block, &pair) || ++pairs > LIMIT_PAIR_COUNT)
            return false;
    if (count != NULL)
        *count = pairs;
    return true;
}
