#include "long_poll.h"

#include "base/base64.h"
#include "base/digits.h"
#include "base/utf8.h"
#include "fcgi-bridge/fcgi/codec.h"
#include "fcgi-bridge/fcgi/limits.h"
#include "wire/http_fields.h"
#include <stdio.h>
#include <string.h>

/* ---- the header ---- */

static void put_field(const char *name, const char *value) {
    codec_text(name);
    codec_text(": ");
    codec_text(value);
    codec_text("\r\n");
}

static void put_number(const char *name, uint64_t number) {
    char text[DIGITS_BYTES];
    digits_write(text, number, 10);
    put_field(name, text);
}

static void put_head(const char *status, uint64_t cursor, bool gap) {
    put_field("Status", status);
    put_field("Cache-Control", "no-store");
    put_number("Crew-Cursor", cursor);
    if (gap)
        put_field("Crew-Gap", "1");
}

static void put_body(bool head, const void *body, size_t bytes) {
    put_number("Content-Length", bytes);
    codec_text("\r\n");
    if (!head)
        codec_put(body, bytes);
}

/* ---- one message ---- */

static bool is_field_value(const char *text) {
    return *text != '\0' && http_field_value_valid(text, strlen(text));
}

void long_poll_put_message(struct buffer *to, uint16_t id, bool head,
                           const struct crew_subscribed *m) {
    codec_open(to, id);
    put_head("200 OK", m->cursor, m->gap);
    put_field("Content-Type", is_field_value(m->content_type)
                                  ? m->content_type
                                  : "application/octet-stream");
    if (is_field_value(m->channel))
        put_field("Crew-Channel", m->channel);
    put_body(head, m->body, m->body_bytes);
    codec_close();
}

void long_poll_put_nothing(struct buffer *to, uint16_t id, uint64_t cursor) {
    codec_open(to, id);
    put_head("204 No Content", cursor, false);
    codec_text("\r\n");
    codec_close();
}

/* ---- several ---- */

static void append_escape(struct buffer *to, uint8_t c) {
    static const char digits[] = "0123456789abcdef";
    const char text[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
    buffer_append(to, text, sizeof text);
}

/* TEXT is UTF-8 (RFC 8259 §7). */
static void append_string(struct buffer *to, const char *text, size_t bytes) {
    buffer_u8(to, '"');
    for (size_t done = 0; done < bytes;) {
        size_t plain = done;
        while (plain < bytes && (uint8_t)text[plain] >= 0x20 && text[plain] != '"' &&
               text[plain] != '\\')
            plain++;
        buffer_append(to, text + done, plain - done);
        if (plain < bytes)
            append_escape(to, (uint8_t)text[plain++]);
        done = plain;
    }
    buffer_u8(to, '"');
}

/* Ids and content types may contain any bytes: what is not UTF-8 becomes "". */
static void append_member(struct buffer *to, const char *name, const char *text) {
    buffer_printf(to, ",\"%s\":", name);
    bool valid = utf8_valid(text, strlen(text));
    append_string(to, text, valid ? strlen(text) : 0);
}

/* The cursor is a string: JavaScript numbers are exact up to 2^53 only. */
static void append_message(struct buffer *to, const struct crew_subscribed *m) {
    char cursor[DIGITS_BYTES];
    digits_write(cursor, m->cursor, 10);
    buffer_printf(to, "{\"cursor\":\"%s\"", cursor);
    append_member(to, "id", m->id);
    append_member(to, "channel", m->channel);
    append_member(to, "content_type", m->content_type);
    if (utf8_valid(m->body, m->body_bytes)) {
        buffer_append_text(to, ",\"data\":");
        append_string(to, m->body, m->body_bytes);
    } else {
        buffer_append_text(to, ",\"data_base64\":\"");
        base64_append(to, m->body, m->body_bytes);
        buffer_append_text(to, "\"");
    }
    buffer_append_text(to, "}");
}

bool long_poll_list_add(struct long_poll_list *list, const struct crew_subscribed *m) {
    if (list->count > 0 && (list->count >= LIMIT_LIST_MESSAGES ||
                            list->json.len + m->body_bytes > LIMIT_LIST_BYTES))
        return false;
    if (list->count > 0)
        buffer_append_text(&list->json, ",\n");
    append_message(&list->json, m);
    list->count++;
    list->cursor = m->cursor;
    list->gap |= m->gap;
    return true;
}

void long_poll_put_list(struct buffer *to, uint16_t id, bool head,
                        struct long_poll_list *list) {
    codec_open(to, id);
    put_head("200 OK", list->cursor, list->gap);
    put_field("Content-Type", "application/json");
    put_number("Content-Length", list->json.len + 3);
    codec_text("\r\n");
    if (!head) {
        codec_text("[");
        codec_put(list->json.data, list->json.len);
        codec_text("]\n");
    }
    codec_close();
    to->failed |= list->json.failed;
    buffer_fini(&list->json);
    *list = (struct long_poll_list){.count = 0};
}
