/* A value that is too long for its length field sets buffer->failed, as running out of
 * memory does: it must not be truncated. */
#include "wire/envelope.h"

/* Offsets in an item from its mark, the position of its `rest`. */
#define KIND_AT 4
#define FIELDS_BYTES_AT 6
#define PAIRS_BYTES_AT 8
#define ID_AT 12

void wire_begin(struct buffer *to) {
    buffer_append(to, "CRW\x01", 4);
}

/* ---- fields: those that are zero are omitted ---- */

static void put_field_head(struct buffer *to, enum wire_field code, size_t bytes) {
    buffer_u8(to, (uint8_t)code);
    buffer_u16(to, (uint16_t)bytes);
}

static void put_u16(struct buffer *to, enum wire_field code, uint16_t value) {
    if (value != 0) {
        put_field_head(to, code, sizeof value);
        buffer_u16(to, value);
    }
}

static void put_u32(struct buffer *to, enum wire_field code, uint32_t value) {
    if (value != 0) {
        put_field_head(to, code, sizeof value);
        buffer_u32(to, value);
    }
}

static void put_u64(struct buffer *to, enum wire_field code, uint64_t value) {
    if (value != 0) {
        put_field_head(to, code, sizeof value);
        buffer_u64(to, value);
    }
}

static void put_text(struct buffer *to, enum wire_field code, struct wire_bytes value) {
    if (value.len > UINT16_MAX) {
        to->failed = true;
    } else if (value.len > 0) {
        put_field_head(to, code, value.len);
        buffer_append(to, value.data, value.len);
    }
}

static void put_fields(struct buffer *to, const struct wire_item *item) {
    put_u64(to, WIRE_F_DEADLINE_UNIX_MS, item->deadline_unix_ms);
    put_u32(to, WIRE_F_BUDGET_MS, item->budget_ms);
    if (item->may_repeat) {
        put_field_head(to, WIRE_F_REPEAT, 1);
        buffer_u8(to, 1);
    }
    put_u16(to, WIRE_F_STATUS, item->status);
    put_text(to, WIRE_F_ERROR, item->error);
    put_u64(to, WIRE_F_RUN_US, item->run_us);
    put_u32(to, WIRE_F_SEQUENCE, item->sequence);
    put_u32(to, WIRE_F_CREDIT_BYTES, item->credit_bytes);
    put_text(to, WIRE_F_WORKER, item->worker);
    put_text(to, WIRE_F_TASK, item->task);
    put_text(to, WIRE_F_CONTENT_TYPE, item->content_type);
}

/* ---- items ---- */

static void patch_fields_bytes(struct buffer *to, size_t mark, size_t bytes) {
    if (bytes > UINT16_MAX)
        to->failed = true;
    if (!to->failed) {
        to->data[mark + FIELDS_BYTES_AT] = (uint8_t)(bytes >> 8);
        to->data[mark + FIELDS_BYTES_AT + 1] = (uint8_t)bytes;
    }
}

static void patch_u32(struct buffer *to, size_t at, size_t value) {
    if (value > UINT32_MAX)
        to->failed = true;
    if (!to->failed)
        buffer_put_u32_at(to, at, (uint32_t)value);
}

size_t wire_open(struct buffer *to, const struct wire_item *item) {
    static const uint8_t lengths[6] = {0}; /* of fields and pairs, set later */
    const size_t mark = to->len;
    if (item->id.len > UINT8_MAX)
        to->failed = true;
    buffer_u32(to, 0); /* rest, set by wire_close */
    buffer_u8(to, item->kind);
    buffer_u8(to, (uint8_t)item->id.len);
    buffer_append(to, lengths, sizeof lengths);
    buffer_append(to, item->id.data, item->id.len);
    const size_t fields_at = to->len;
    put_fields(to, item);
    patch_fields_bytes(to, mark, to->len - fields_at);
    return mark;
}

void wire_put_pair(struct buffer *to, const char *name, size_t name_bytes,
                   const char *value, size_t value_bytes) {
    if (name_bytes > UINT16_MAX || value_bytes > UINT32_MAX)
        to->failed = true;
    buffer_u16(to, (uint16_t)name_bytes);
    buffer_u32(to, (uint32_t)value_bytes);
    buffer_append(to, name, name_bytes);
    buffer_append(to, value, value_bytes);
}

void wire_open_body(struct buffer *to, size_t mark) {
    if (to->failed)
        return;
    const uint8_t *head = to->data + mark;
    size_t pairs_at =
        mark + ID_AT + head[KIND_AT + 1] + bytes_u16(head + FIELDS_BYTES_AT);
    patch_u32(to, mark + PAIRS_BYTES_AT, to->len - pairs_at);
}

void wire_close(struct buffer *to, size_t mark) {
    patch_u32(to, mark, to->len - mark - sizeof(uint32_t));
}

void wire_put(struct buffer *to, const struct wire_item *item) {
    size_t mark = wire_open(to, item);
    buffer_append(to, item->pairs.data, item->pairs.len);
    wire_open_body(to, mark);
    buffer_append(to, item->body.data, item->body.len);
    wire_close(to, mark);
}
