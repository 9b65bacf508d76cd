#include "app/pattern.h"

#include <string.h>

static bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_';
}

static bool name_valid(const char *name, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (!is_name_char(name[i]))
            return false;
    return bytes > 0;
}

bool pattern_next(const char **left, struct segment *segment) {
    if (**left != '/')
        return false;
    const char *text = *left + 1;
    size_t bytes = strcspn(text, "/");
    *left = text + bytes;
    *segment = (struct segment){SEGMENT_LITERAL, text, bytes};
    if (*text == ':' || *text == '*')
        *segment = (struct segment){*text == ':' ? SEGMENT_PARAMETER : SEGMENT_REST,
                                    text + 1, bytes - 1};
    return true;
}

static bool segment_is_last(const struct segment *segment) {
    return segment->text[segment->bytes] == '\0';
}

static bool segment_valid(const struct segment *segment) {
    if (segment->kind == SEGMENT_LITERAL)
        return memchr(segment->text, '*', segment->bytes) == NULL &&
               (segment->bytes > 0 || segment_is_last(segment));
    return name_valid(segment->text, segment->bytes) &&
           (segment->kind == SEGMENT_PARAMETER || segment_is_last(segment));
}

static int value_of(const char *pattern, const char *name, size_t name_bytes) {
    struct segment segment;
    for (int value = 0; pattern_next(&pattern, &segment);) {
        if (segment.kind == SEGMENT_LITERAL)
            continue;
        if (segment.bytes == name_bytes && memcmp(segment.text, name, name_bytes) == 0)
            return value;
        value++;
    }
    return -1;
}

int pattern_value(const char *pattern, const char *name) {
    return value_of(pattern, name, strlen(name));
}

bool pattern_valid(const char *pattern) {
    const char *left = pattern;
    struct segment segment;
    int values = 0;
    while (pattern_next(&left, &segment)) {
        if (!segment_valid(&segment))
            return false;
        if (segment.kind != SEGMENT_LITERAL &&
            value_of(pattern, segment.text, segment.bytes) != values++)
            return false; /* a repeated name */
    }
    return left > pattern && values <= PATTERN_VALUES_MAX;
}
