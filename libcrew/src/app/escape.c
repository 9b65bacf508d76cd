#include "app/escape.h"

#include "app/query.h"
#include <crew/request.h>
#include <crew/response.h>
#include <stdlib.h>
#include <string.h>

static const char *entity(char c) {
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* Runs of characters that need no escape are appended in one piece. */
void escape_html(struct buffer *to, const char *text, size_t bytes) {
    size_t done = 0;
    for (size_t i = 0; i < bytes; i++) {
        const char *instead = entity(text[i]);
        if (instead == NULL)
            continue;
        buffer_append(to, text + done, i - done);
        buffer_append_text(to, instead);
        done = i + 1;
    }
    buffer_append(to, text + done, bytes - done);
}

static bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '.' || c == '_' || c == '~';
}

void escape_url(struct buffer *to, const char *text, const char *kept) {
    static const char hex[] = "0123456789ABCDEF";
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        const char escaped[] = {'%', hex[c >> 4], hex[c & 15]};
        if (is_unreserved(*text) || strchr(kept, *text) != NULL)
            buffer_append(to, text, 1);
        else
            buffer_append(to, escaped, sizeof escaped);
    }
}

/* ---- for handlers ---- */

/* The contents as a string that the caller frees; null: out of memory. */
static char *as_string(struct buffer *text) {
    buffer_u8(text, '\0');
    if (!text->failed)
        return (char *)text->data;
    buffer_fini(text);
    return NULL;
}

char *crew_escape_html(const char *text) {
    struct buffer escaped = BUFFER_INIT;
    escape_html(&escaped, text, strlen(text));
    return as_string(&escaped);
}

char *crew_escape_url(const char *text) {
    struct buffer escaped = BUFFER_INIT;
    escape_url(&escaped, text, "");
    return as_string(&escaped);
}

char *crew_unescape_url(const char *text) {
    size_t bytes = strlen(text);
    char *decoded = malloc(bytes + 1);
    if (decoded == NULL)
        return NULL;
    size_t decoded_bytes = query_decode(decoded, text, bytes, false);
    decoded[decoded_bytes] = '\0';
    if (strlen(decoded) == decoded_bytes)
        return decoded;
    free(decoded);
    return NULL;
}
