#include "amqp/publish.h"

#include "base/xalloc.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHORT_STRING_BYTES 255
#define FIXED_BYTES 128         /* flags, numbers, expiration, the table's length */
#define HEADER_BYTES 16         /* of each header: type and lengths, or a number */
#define FRAME_OVERHEAD_BYTES 20 /* frame header and end, class, weight, body size */
#define TRANSIENT 1
#define PERSISTENT 2

static size_t text_bytes(const char *text) {
    return text == NULL ? 0 : strlen(text);
}

static bool add_short(size_t *bound, const char *text) {
    size_t bytes = text_bytes(text);
    *bound += bytes + 1;
    return bytes <= SHORT_STRING_BYTES;
}

static bool add_headers(size_t *bound, const struct message_properties *p) {
    for (size_t i = 0; i < p->header_count; i++) {
        if (!add_short(bound, p->headers[i].name))
            return false;
        *bound += HEADER_BYTES + text_bytes(p->headers[i].text);
    }
    return true;
}

size_t publish_properties_bound(const struct message *m, size_t frame_max) {
    const struct message_properties *p = &m->p;
    size_t bound = FIXED_BYTES;
    bool fits = add_short(&bound, p->exchange) && add_short(&bound, p->routing_key) &&
                add_short(&bound, p->content_type) &&
                add_short(&bound, p->content_encoding) &&
                add_short(&bound, p->correlation_id) && add_short(&bound, p->reply_to) &&
                add_short(&bound, p->message_id) && add_short(&bound, p->type) &&
                add_headers(&bound, p);
    return fits && bound + FRAME_OVERHEAD_BYTES <= frame_max ? bound : 0;
}

static amqp_bytes_t bytes_of(const char *text) {
    return text == NULL ? amqp_empty_bytes : amqp_cstring_bytes(text);
}

/* Set a property unless TEXT is null. */
static void set(amqp_basic_properties_t *to, amqp_bytes_t *field, amqp_flags_t flag,
                const char *text) {
    if (text != NULL) {
        to->_flags |= flag;
        *field = amqp_cstring_bytes(text);
    }
}

static void set_headers(amqp_basic_properties_t *to, amqp_table_entry_t *entries,
                        const struct message_properties *p) {
    if (p->header_count == 0)
        return;
    for (size_t i = 0; i < p->header_count; i++) {
        const struct message_header *h = &p->headers[i];
        entries[i].key = amqp_cstring_bytes(h->name);
        if (h->text != NULL) {
            entries[i].value.kind = AMQP_FIELD_KIND_UTF8;
            entries[i].value.value.bytes = amqp_cstring_bytes(h->text);
        } else {
            entries[i].value.kind = AMQP_FIELD_KIND_I64;
            entries[i].value.value.i64 = h->number;
        }
    }
    to->_flags |= AMQP_BASIC_HEADERS_FLAG;
    to->headers = (amqp_table_t){.num_entries = (int)p->header_count, .entries = entries};
}

static void set_properties(amqp_basic_properties_t *to,
                           const struct message_properties *p) {
    to->_flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_PRIORITY_FLAG;
    to->delivery_mode = p->persistent ? PERSISTENT : TRANSIENT;
    to->priority = p->priority;
    if (p->timestamp_s != 0) {
        to->_flags |= AMQP_BASIC_TIMESTAMP_FLAG;
        to->timestamp = p->timestamp_s;
    }
    set(to, &to->content_type, AMQP_BASIC_CONTENT_TYPE_FLAG, p->content_type);
    set(to, &to->content_encoding, AMQP_BASIC_CONTENT_ENCODING_FLAG, p->content_encoding);
    set(to, &to->correlation_id, AMQP_BASIC_CORRELATION_ID_FLAG, p->correlation_id);
    set(to, &to->reply_to, AMQP_BASIC_REPLY_TO_FLAG, p->reply_to);
    set(to, &to->message_id, AMQP_BASIC_MESSAGE_ID_FLAG, p->message_id);
    set(to, &to->type, AMQP_BASIC_TYPE_FLAG, p->type);
}

static void write_properties(struct transport *t, amqp_channel_t channel,
                             const struct message *m, size_t bound) {
    amqp_basic_properties_t properties = {0};
    amqp_table_entry_t *entries = xreallocarray(NULL, m->p.header_count, sizeof *entries);
    char expiration[24];

    set_properties(&properties, &m->p);
    set_headers(&properties, entries, &m->p);
    if (m->p.has_expiration) {
        snprintf(expiration, sizeof expiration, "%" PRIu64, m->p.expiration_ms);
        set(&properties, &properties.expiration, AMQP_BASIC_EXPIRATION_FLAG, expiration);
    }
    transport_properties(t, channel, &properties, m->body.len, bound);
    free(entries);
}

void publish_write(struct transport *t, amqp_channel_t channel, const struct message *m,
                   size_t bound) {
    amqp_basic_publish_t publish = {.exchange = bytes_of(m->p.exchange),
                                    .routing_key = bytes_of(m->p.routing_key),
                                    .mandatory = m->p.mandatory};
    transport_method(t, channel, AMQP_BASIC_PUBLISH_METHOD, &publish);
    write_properties(t, channel, m, bound);
    transport_body(t, channel, m->body.data, m->body.len);
}
