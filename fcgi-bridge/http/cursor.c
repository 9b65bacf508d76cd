#include "cursor.h"

#include <string.h>

struct text {
    const char *at;
    const char *end;
};

static struct text text_of(const struct crew_pair *pair) {
    return pair != NULL ? (struct text){pair->value, pair->value + pair->value_bytes}
                        : (struct text){NULL, NULL};
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The next character, decoded with PERCENT. */
static char next(struct text *text, bool percent) {
    char c = *text->at++;
    if (!percent || c != '%' || text->end - text->at < 2)
        return c;
    int high = hex_digit(text->at[0]);
    int low = hex_digit(text->at[1]);
    if (high < 0 || low < 0)
        return c;
    text->at += 2;
    return (char)(high << 4 | low);
}

static enum cursor_result read_number(struct text text, bool percent, uint64_t *cursor) {
    uint64_t number = 0;
    while (text.at != text.end) {
        char c = next(&text, percent);
        if (c < '0' || c > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(c - '0'), &number))
            return CURSOR_BAD;
    }
    *cursor = number;
    return CURSOR_GIVEN;
}

/* The value of the first `cursor` that is not empty. */
static struct text in_query(struct text query) {
    static const char name[] = "cursor=";
    const size_t name_bytes = sizeof name - 1;
    while (query.at != query.end) {
        size_t left = (size_t)(query.end - query.at);
        const char *ampersand = memchr(query.at, '&', left);
        const char *end = ampersand != NULL ? ampersand : query.end;
        if ((size_t)(end - query.at) > name_bytes &&
            memcmp(query.at, name, name_bytes) == 0)
            return (struct text){query.at + name_bytes, end};
        query.at = ampersand != NULL ? ampersand + 1 : end;
    }
    return query;
}

enum cursor_result cursor_find(const struct cursor_sources *sources, uint64_t *cursor) {
    const struct text fields[] = {text_of(sources->field),
                                  text_of(sources->last_event_id)};
    for (size_t i = 0; i < 2; i++)
        if (fields[i].at != fields[i].end)
            return read_number(fields[i], false, cursor);
    struct text value = in_query(text_of(sources->query));
    return value.at != value.end ? read_number(value, true, cursor) : CURSOR_NONE;
}
