#include "daemon/option_value.h"

#include "base/xalloc.h"
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool in_bounds(const struct option_row *row, unsigned long value) {
    return value >= row->min && value <= row->max;
}

/* At least one digit at the start of TEXT; *END is what follows. */
static bool parse_digits(const char *text, int base, unsigned long *value,
                         const char **end) {
    char *stop;
    if (text[0] < '0' || text[0] > '9')
        return false; /* strtoul accepts signs and spaces */
    errno = 0;
    *value = strtoul(text, &stop, base);
    *end = stop;
    return errno == 0 && stop != text;
}

static bool parse_number(const char *text, int base, unsigned long *value) {
    const char *end;
    return parse_digits(text, base, value, &end) && *end == '\0';
}

static bool parse_bytes(const char *text, unsigned long *value) {
    static const char suffixes[] = "KkMmGg";
    const char *end;
    if (!parse_digits(text, 10, value, &end))
        return false;
    if (*end == '\0')
        return true;
    const char *suffix = strchr(suffixes, *end);
    if (suffix == NULL || end[1] != '\0')
        return false;
    unsigned long unit = 1024ul << (10 * ((suffix - suffixes) / 2));
    return !__builtin_mul_overflow(*value, unit, value);
}

/* Seconds as milliseconds; decimals after the third are ignored. */
static bool parse_seconds(const char *text, unsigned long *milliseconds) {
    const char *end;
    unsigned long whole = 0, fraction = 0;
    if (!parse_digits(text, 10, &whole, &end) || whole > UINT32_MAX / 1000)
        return false;
    if (*end == '.') {
        end++;
        for (unsigned long unit = 100; *end >= '0' && *end <= '9'; end++, unit /= 10)
            fraction += (unsigned long)(*end - '0') * unit;
    }
    *milliseconds = whole * 1000 + fraction;
    return *end == '\0';
}

static bool set_unsigned(const struct option_row *row, unsigned long value) {
    if (!in_bounds(row, value) || value > UINT_MAX)
        return false;
    *(unsigned *)row->value = (unsigned)value;
    return true;
}

static bool set_bytes(const struct option_row *row, unsigned long value) {
    if (!in_bounds(row, value))
        return false;
    *(size_t *)row->value = value;
    return true;
}

static bool set_milliseconds(const struct option_row *row, unsigned long value) {
    if (!in_bounds(row, value) || value > UINT32_MAX)
        return false;
    *(uint32_t *)row->value = (uint32_t)value;
    return true;
}

static void add_text(struct option_list *list, const char *text) {
    list->texts = xreallocarray(list->texts, list->count + 1, sizeof *list->texts);
    list->texts[list->count++] = text;
}

bool option_value_set(const struct option_row *row, const char *text) {
    unsigned long value;
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)row->value = true;
        return true;
    case OPTION_TEXT:
        *(const char **)row->value = text;
        return true;
    case OPTION_LIST:
        add_text(row->value, text);
        return true;
    case OPTION_UNSIGNED:
        return parse_number(text, 10, &value) && set_unsigned(row, value);
    case OPTION_OCTAL:
        return parse_number(text, 8, &value) && set_unsigned(row, value);
    case OPTION_BYTES:
        return parse_bytes(text, &value) && set_bytes(row, value);
    case OPTION_SECONDS:
        return parse_seconds(text, &value) && set_milliseconds(row, value);
    case OPTION_HEADING:
        break;
    }
    return false;
}

static void describe_bounds(const char *what, unsigned long min, unsigned long max,
                            char *text, size_t text_bytes) {
    if (max >= UINT_MAX)
        snprintf(text, text_bytes, "%s from %lu", what, min);
    else
        snprintf(text, text_bytes, "%s from %lu to %lu", what, min, max);
}

void option_value_describe(const struct option_row *row, char *text, size_t text_bytes) {
    switch (row->kind) {
    case OPTION_UNSIGNED:
        describe_bounds("a number", row->min, row->max, text, text_bytes);
        break;
    case OPTION_BYTES:
        describe_bounds("a number of bytes (K, M, G)", row->min, row->max, text,
                        text_bytes);
        break;
    case OPTION_SECONDS:
        snprintf(text, text_bytes, "a number of seconds from %g to %g",
                 (double)row->min / 1000, (double)row->max / 1000);
        break;
    case OPTION_OCTAL:
        snprintf(text, text_bytes, "an octal number from %lo to %lo", row->min, row->max);
        break;
    case OPTION_FLAG:
    case OPTION_TEXT:
    case OPTION_LIST:
    case OPTION_HEADING:
        snprintf(text, text_bytes, "text");
        break;
    }
}
