#include "accept_header.h"

#include <string.h>
#include <strings.h>

struct text {
    const char *at;
    size_t bytes;
};

static bool is_space(char c) {
    return c == ' ' || c == '\t';
}

static struct text trim(struct text text) {
    for (; text.bytes > 0 && is_space(*text.at); text.at++)
        text.bytes--;
    while (text.bytes > 0 && is_space(text.at[text.bytes - 1]))
        text.bytes--;
    return text;
}

/* Removes and returns what precedes the next SEPARATOR, or the rest, without space around
 * it. */
static struct text next_token(struct text *text, char separator) {
    const char *end = memchr(text->at, separator, text->bytes);
    size_t bytes = end != NULL ? (size_t)(end - text->at) : text->bytes;
    struct text token = {text->at, bytes};
    bytes += end != NULL ? 1 : 0;
    text->at += bytes;
    text->bytes -= bytes;
    return trim(token);
}

/* q=0, with or without decimals. */
static bool is_zero_weight(struct text parameter) {
    if (parameter.bytes < 3 || strncasecmp(parameter.at, "q=0", 3) != 0)
        return false;
    for (size_t i = 3; i < parameter.bytes; i++)
        if (parameter.at[i] != '.' && parameter.at[i] != '0')
            return false;
    return true;
}

static bool range_names(struct text range, const char *type) {
    struct text name = next_token(&range, ';');
    if (name.bytes != strlen(type) || strncasecmp(name.at, type, name.bytes) != 0)
        return false;
    while (range.bytes > 0)
        if (is_zero_weight(next_token(&range, ';')))
            return false;
    return true;
}

bool accept_header_names(const char *value, size_t bytes, const char *type) {
    struct text field = {value, bytes};
    while (field.bytes > 0)
        if (range_names(next_token(&field, ','), type))
            return true;
    return false;
}
