/* rabbitmq-c's texts have no terminating zero and live in memory of the connection. They
 * are copied into a scratch buffer with their zeros; message_new copies them from there.
 */
#include "amqp/properties.h"

#include "base/xalloc.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TERMINATOR_BYTES 16 /* at least the number of text properties */

void origin_set(struct origin *origin, char text[256], amqp_bytes_t bytes) {
    size_t len = bytes.len < 255 ? bytes.len : 255;
    if (len > 0)
        memcpy(text, bytes.bytes, len);
    text[len] = '\0';
    origin->has_zero = origin->has_zero || strlen(text) != bytes.len;
}

/* Texts with their terminating zeros. Space for all of them is reserved at the start, so
 * none moves. */
struct text_area {
    struct buffer *scratch;
    bool has_zero; /* a text contains a zero byte */
};

static const char *copy_text(struct text_area *area, amqp_bytes_t bytes) {
    const char *text = (const char *)area->scratch->data + area->scratch->len;
    buffer_append(area->scratch, bytes.bytes, bytes.len);
    buffer_u8(area->scratch, 0);
    area->has_zero = area->has_zero || strlen(text) != bytes.len;
    return text;
}

static const char *copy_text_if(struct text_area *area,
                                const amqp_basic_properties_t *from, amqp_flags_t flag,
                                amqp_bytes_t bytes) {
    return (from->_flags & flag) != 0 ? copy_text(area, bytes) : NULL;
}

static bool is_text(const amqp_field_value_t *value) {
    return value->kind == AMQP_FIELD_KIND_UTF8 || value->kind == AMQP_FIELD_KIND_BYTES;
}

static bool is_key(const amqp_table_entry_t *entry, const char *name) {
    return entry->key.len == strlen(name) &&
           memcmp(entry->key.bytes, name, entry->key.len) == 0;
}

/* An integer or a boolean. */
static bool read_number(const amqp_field_value_t *value, int64_t *number) {
    switch (value->kind) {
    case AMQP_FIELD_KIND_BOOLEAN:
        *number = value->value.boolean != 0;
        return true;
    case AMQP_FIELD_KIND_I8:
        /* A number, not a character. NOLINTNEXTLINE(*-signed-char-misuse,cert-str34-c) */
        *number = value->value.i8;
        return true;
    case AMQP_FIELD_KIND_U8:
        *number = value->value.u8;
        return true;
    case AMQP_FIELD_KIND_I16:
        *number = value->value.i16;
        return true;
    case AMQP_FIELD_KIND_U16:
        *number = value->value.u16;
        return true;
    case AMQP_FIELD_KIND_I32:
        *number = value->value.i32;
        return true;
    case AMQP_FIELD_KIND_U32:
        *number = value->value.u32;
        return true;
    case AMQP_FIELD_KIND_I64:
        *number = value->value.i64;
        return true;
    case AMQP_FIELD_KIND_U64:
        *number = (int64_t)value->value.u64;
        return value->value.u64 <= INT64_MAX;
    default:
        return false;
    }
}

static size_t read_headers(struct text_area *area, const amqp_table_t *table,
                           struct message_header *headers) {
    size_t count = 0;
    for (int i = 0; i < table->num_entries; i++) {
        const amqp_table_entry_t *entry = &table->entries[i];
        struct message_header *h = &headers[count];
        *h = (struct message_header){0};
        if (is_text(&entry->value))
            h->text = copy_text(area, entry->value.value.bytes);
        else if (!read_number(&entry->value, &h->number))
            continue;
        h->name = copy_text(area, entry->key);
        count++;
    }
    return count;
}

/* The newest entry of x-death is its first (RabbitMQ: dead letter exchanges). */
static const amqp_field_value_t *newest_death_reason(const amqp_field_value_t *deaths) {
    if (deaths->kind != AMQP_FIELD_KIND_ARRAY || deaths->value.array.num_entries == 0 ||
        deaths->value.array.entries[0].kind != AMQP_FIELD_KIND_TABLE)
        return NULL;
    const amqp_table_t *death = &deaths->value.array.entries[0].value.table;
    for (int i = 0; i < death->num_entries; i++)
        if (is_key(&death->entries[i], "reason"))
            return &death->entries[i].value;
    return NULL;
}

static const char *read_dead_reason(struct text_area *area, const amqp_table_t *headers) {
    const amqp_field_value_t *newest = NULL;
    const amqp_field_value_t *first = NULL;
    for (int i = 0; i < headers->num_entries; i++)
        if (is_key(&headers->entries[i], "x-death"))
            newest = newest_death_reason(&headers->entries[i].value);
        else if (is_key(&headers->entries[i], "x-first-death-reason"))
            first = &headers->entries[i].value;
    const amqp_field_value_t *reason = newest != NULL ? newest : first;
    return reason != NULL && is_text(reason) ? copy_text(area, reason->value.bytes)
                                             : NULL;
}

static void read_expiration(struct message_properties *p, const char *text) {
    if (text == NULL || text[0] < '0' || text[0] > '9')
        return;
    char *end;
    uint64_t ms = strtoull(text, &end, 10);
    if (*end == '\0') {
        p->has_expiration = true;
        p->expiration_ms = ms;
    }
}

static void read_fields(struct message_properties *p, struct text_area *area,
                        const amqp_basic_properties_t *from) {
    p->content_type =
        copy_text_if(area, from, AMQP_BASIC_CONTENT_TYPE_FLAG, from->content_type);
    p->content_encoding = copy_text_if(area, from, AMQP_BASIC_CONTENT_ENCODING_FLAG,
                                       from->content_encoding);
    p->correlation_id =
        copy_text_if(area, from, AMQP_BASIC_CORRELATION_ID_FLAG, from->correlation_id);
    p->reply_to = copy_text_if(area, from, AMQP_BASIC_REPLY_TO_FLAG, from->reply_to);
    p->message_id =
        copy_text_if(area, from, AMQP_BASIC_MESSAGE_ID_FLAG, from->message_id);
    p->type = copy_text_if(area, from, AMQP_BASIC_TYPE_FLAG, from->type);
    read_expiration(
        p, copy_text_if(area, from, AMQP_BASIC_EXPIRATION_FLAG, from->expiration));
    if ((from->_flags & AMQP_BASIC_TIMESTAMP_FLAG) != 0)
        p->timestamp_s = from->timestamp;
    if ((from->_flags & AMQP_BASIC_PRIORITY_FLAG) != 0)
        p->priority = from->priority;
    p->persistent =
        (from->_flags & AMQP_BASIC_DELIVERY_MODE_FLAG) != 0 && from->delivery_mode == 2;
}

struct message *properties_read(const amqp_basic_properties_t *from, size_t encoded_bytes,
                                const struct origin *origin, const char *consumer,
                                struct buffer *scratch) {
    static const amqp_table_t no_headers = {0};
    bool has_headers = (from->_flags & AMQP_BASIC_HEADERS_FLAG) != 0;
    const amqp_table_t *table = has_headers ? &from->headers : &no_headers;
    size_t entries = (size_t)table->num_entries;

    /* A header's value occurs once in the encoded bytes and is copied at most twice (the
     * reason of a dead letter); each text gets a terminating zero. */
    buffer_reset(scratch, 4096);
    if (buffer_reserve(scratch, 2 * (encoded_bytes + entries) + TERMINATOR_BYTES) ==
        NULL) {
        buffer_reset(scratch, 0);
        return NULL;
    }
    struct text_area area = {.scratch = scratch, .has_zero = origin->has_zero};
    struct message_properties p = {.exchange = origin->exchange,
                                   .routing_key = origin->routing_key};
    struct message_header *headers = xreallocarray(NULL, entries, sizeof *headers);
    read_fields(&p, &area, from);
    p.headers = headers;
    p.header_count = read_headers(&area, table, headers);
    p.dead_reason = read_dead_reason(&area, table);

    struct message *m = message_new_received(&p, consumer);
    m->unreadable = area.has_zero;
    free(headers);
    return m;
}
