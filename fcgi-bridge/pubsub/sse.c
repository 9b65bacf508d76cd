#include "sse.h"

#include "base/base64.h"
#include "base/digits.h"
#include "base/utf8.h"
#include "fcgi-bridge/fcgi/codec.h"
#include "wire/http_fields.h"
#include <string.h>

void sse_begin(struct buffer *to, uint16_t id, bool head) {
    codec_open(to, id);
    codec_text("Status: 200 OK\r\n"
               "Content-Type: text/event-stream\r\n"
               "Cache-Control: no-store\r\n"
               "X-Accel-Buffering: no\r\n"
               "\r\n");
    if (!head)
        codec_text("retry: 2000\n\n");
    codec_pause();
}

static void put_line(const char *field, const void *value, size_t bytes) {
    codec_text(field);
    codec_put(value, bytes);
    codec_put("\n", 1);
}

static void put_number(const char *field, uint64_t number) {
    char text[DIGITS_BYTES];
    put_line(field, text, digits_write(text, number, 10));
}

static size_t line_bytes(const char *text, size_t bytes) {
    size_t n = 0;
    while (n < bytes && text[n] != '\n' && text[n] != '\r')
        n++;
    return n;
}

static void put_text(const char *text, size_t bytes) {
    for (;;) {
        size_t n = line_bytes(text, bytes);
        put_line("data: ", text, n);
        if (n == bytes)
            return;
        n += bytes - n >= 2 && text[n] == '\r' && text[n + 1] == '\n' ? 2 : 1;
        text += n;
        bytes -= n;
    }
}

static void put_base64(const void *data, size_t bytes) {
    struct buffer text = BUFFER_INIT;
    base64_append(&text, data, bytes);
    put_line("data: ", text.data, text.len);
    buffer_fini(&text);
}

/* The publisher chooses the channel: names that do not fit into one line are not sent. */
static void put_name(const char *channel, bool named, bool base64) {
    named = named && http_field_value_valid(channel, strlen(channel));
    if (!named && !base64)
        return;
    codec_text("event: ");
    codec_text(named ? channel : "message");
    codec_text(base64 ? ";base64\n" : "\n");
}

void sse_put(struct buffer *to, uint16_t id, const struct crew_subscribed *m,
             bool named) {
    bool text = utf8_valid(m->body, m->body_bytes);
    codec_open(to, id);
    if (m->gap) {
        codec_text("event: gap\n");
        put_number("data: ", m->cursor);
        codec_text("\n");
    }
    put_number("id: ", m->cursor);
    put_name(m->channel, named, !text);
    if (text)
        put_text(m->body, m->body_bytes);
    else
        put_base64(m->body, m->body_bytes);
    codec_text("\n");
    codec_pause();
}

void sse_put_comment(struct buffer *to, uint16_t id, const uint64_t *cursor) {
    codec_open(to, id);
    codec_text(":\n");
    if (cursor != NULL)
        put_number("id: ", *cursor);
    codec_text("\n");
    codec_pause();
}
