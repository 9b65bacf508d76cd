#include "app/query.h"

#include "app/span.h"

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
    size_t length = 0;
    for (size_t i = 0; i < bytes; i++) {
        int high = -1, low = -1;
        if (text[i] == '%' && bytes - i > 2) {
            high = hex_digit(text[i + 1]);
            low = hex_digit(text[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            to[length++] = (char)(high * 16 + low);
            i += 2;
        } else {
            to[length++] = plus && text[i] == '+' ? ' ' : text[i];
        }
    }
    return length;
}

/* The decoded text, zero-terminated; null: out of memory. */
static const char *decoded(struct arena *arena, struct span text, size_t *bytes) {
    char *copy = arena_text(arena, text.data, text.bytes);
    if (copy == NULL)
        return NULL;
    *bytes = query_decode(copy, text.data, text.bytes, true);
    copy[*bytes] = '\0';
    return copy;
}

static bool add_pair(struct pairs *to, struct arena *arena, struct span text) {
    struct span name, value;
    struct crew_pair pair;
    span_split(text, '=', &name, &value);
    pair.name = decoded(arena, name, &pair.name_bytes);
    pair.value = decoded(arena, value, &pair.value_bytes);
    return pair.name != NULL && pair.value != NULL && pairs_add(to, pair);
}

int query_read(struct pairs *to, struct arena *arena, const char *query, size_t bytes,
               size_t max) {
    struct span rest = span_of(query, bytes), pair;
    for (size_t count = 0; rest.bytes > 0;) {
        span_split(rest, '&', &pair, &rest);
        if (pair.bytes == 0)
            continue;
        if (++count > max)
            return CREW_ETOOLARGE;
        if (!add_pair(to, arena, pair))
            return CREW_ENOMEM;
    }
    return CREW_OK;
}
