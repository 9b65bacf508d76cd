#include "message.h"

#include "base/base64.h"
#include "base/digits.h"
#include "base/utf8.h"
#include "output.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static bool is_text(const struct crew_subscribed *message) {
    return utf8_valid(message->body, message->body_bytes);
}

/* ---- text ---- */

static bool is_control(uint32_t code) {
    return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

static void print_escape(uint32_t code) {
    switch (code) {
    case '\t':
        output_text("\\t");
        break;
    case '\n':
        output_text("\\n");
        break;
    case '\r':
        output_text("\\r");
        break;
    default:
        output_text("\\x%02x", (unsigned)code);
    }
}

/* Runs of bytes without escapes are printed at once. */
static void print_escaped(const char *text, size_t bytes) {
    const char *plain = text, *end = text + bytes;
    while (text < end) {
        uint32_t code = (uint8_t)text[0];
        size_t used = utf8_first(text, (size_t)(end - text), &code);
        bool escape = used == 0 || is_control(code);
        if (escape) {
            output_bytes(plain, (size_t)(text - plain));
            print_escape(code);
        }
        text += used > 0 ? used : 1;
        plain = escape ? text : plain;
    }
    output_bytes(plain, (size_t)(end - plain));
}

void message_print_text(const struct crew_subscribed *message) {
    print_escaped(message->channel, strlen(message->channel));
    output_text("\t");
    if (is_text(message)) {
        print_escaped(message->body, message->body_bytes);
    } else {
        output_text("(binary: %zu bytes, ", message->body_bytes);
        print_escaped(message->content_type, strlen(message->content_type));
        output_text(")");
    }
    output_text("\n");
}

/* ---- JSON ---- */

static json_t *body_as_base64(const struct crew_subscribed *message) {
    struct buffer text = BUFFER_INIT;
    base64_append(&text, message->body, message->body_bytes);
    json_t *string =
        text.failed ? NULL : json_stringn_nocheck((const char *)text.data, text.len);
    buffer_fini(&text);
    return string;
}

/* Publishers may send any bytes; JSON strings must be UTF-8. */
static const char *utf8_or_empty(const char *text) {
    return utf8_valid(text, strlen(text)) ? text : "";
}

static json_t *object_of(const struct crew_subscribed *message) {
    char cursor[DIGITS_BYTES];
    digits_write(cursor, message->cursor, 10);
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:b}", "cursor", cursor, "id",
                               utf8_or_empty(message->id), "channel",
                               utf8_or_empty(message->channel), "content_type",
                               utf8_or_empty(message->content_type), "gap", message->gap);
    if (is_text(message))
        json_object_set_new_nocheck(
            object, "data", json_stringn_nocheck(message->body, message->body_bytes));
    else
        json_object_set_new_nocheck(object, "data_base64", body_as_base64(message));
    return object;
}

void message_print_json(const struct crew_subscribed *message) {
    json_t *object = object_of(message);
    char *text = json_dumps(object, JSON_COMPACT);
    output_text("%s\n", text != NULL ? text : "");
    free(text);
    json_decref(object);
}
