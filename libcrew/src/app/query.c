/* Query strings. */
#include "app/query.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

size_t query_decode(char *to, const char *text, size_t bytes, bool plus) {
    size_t made = 0;
    for (size_t i = 0; i < bytes; i++) {
        int high = -1, low = -1;
        if (text[i] == '%' && bytes - i > 2) {
            high = hex_digit(text[i + 1]);
            low = hex_digit(text[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            to[made++] = (char)(high * 16 + low);
            i += 2;
        } else {
            to[made++] = plus && text[i] == '+' ? ' ' : text[i];
        }
    }
    return made;
}

/* Append the decoded bytes and a zero; false when they hold a zero themselves. */
static bool append_decoded(struct buffer *to, const char *text, size_t bytes) {
    char *room = (char *)buffer_reserve(to, bytes + 1);
    if (room == NULL)
        return false;
    size_t made = query_decode(room, text, bytes, true);
    room[made] = '\0';
    to->len += made + 1;
    return memchr(room, '\0', made) == NULL;
}

void query_split(struct buffer *to, const char *query) {
    while (*query != '\0') {
        size_t pair_bytes = strcspn(query, "&");
        const char *equals = memchr(query, '=', pair_bytes);
        size_t key_bytes = equals != NULL ? (size_t)(equals - query) : pair_bytes;
        size_t before = to->len;

        bool sound = pair_bytes > 0 && append_decoded(to, query, key_bytes);
        if (sound && equals != NULL)
            sound = append_decoded(to, equals + 1, pair_bytes - key_bytes - 1);
        else if (sound)
            buffer_u8(to, 0);
        if (!sound)
            to->len = before;

        query += pair_bytes;
        query += *query == '&';
    }
    if (to->failed)
        to->len = 0;
}

const char *query_value(const struct buffer *split, const char *key) {
    if (split->len == 0)
        return NULL;
    const char *at = (const char *)split->data;
    const char *end = at + split->len;
    while (at < end) {
        const char *value = at + strlen(at) + 1;
        if (strcmp(at, key) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

bool query_number(const char *text, long min, long max, long *number) {
    if (!isdigit((unsigned char)text[0]) &&
        !(text[0] == '-' && isdigit((unsigned char)text[1])))
        return false;
    char *end;
    errno = 0;
    long parsed = strtol(text, &end, 10);
    if (errno != 0 || *end != '\0' || parsed < min || parsed > max)
        return false;
    *number = parsed;
    return true;
}
