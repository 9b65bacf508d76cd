#include "app/range.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Read digits. A number that is too large becomes the largest: no file is that long. */
static uint64_t take_number(const char **text) {
    uint64_t number = 0;
    for (; is_digit(**text); ++*text) {
        unsigned digit = (unsigned)(**text - '0');
        number = number > (UINT64_MAX - digit) / 10 ? UINT64_MAX : number * 10 + digit;
    }
    return number;
}

/* "-N": the last N bytes, or all if there are fewer. */
static enum range_request take_suffix(const char **text, uint64_t size,
                                      struct range *range) {
    ++*text;
    if (!is_digit(**text))
        return RANGE_WHOLE;
    uint64_t bytes = take_number(text);
    if (bytes > size)
        bytes = size;
    *range = (struct range){size - bytes, bytes};
    return bytes > 0 ? RANGE_PART : RANGE_UNSATISFIABLE;
}

/* "FIRST-" or "FIRST-LAST", LAST included. RANGE_WHOLE: it is neither. */
static enum range_request take_range(const char **text, uint64_t size,
                                     struct range *range) {
    if (**text == '-')
        return take_suffix(text, size, range);
    if (!is_digit(**text))
        return RANGE_WHOLE;
    uint64_t first = take_number(text);
    if (**text != '-')
        return RANGE_WHOLE;
    ++*text;
    uint64_t last = is_digit(**text) ? take_number(text) : UINT64_MAX;
    if (last < first)
        return RANGE_WHOLE;
    if (first >= size)
        return RANGE_UNSATISFIABLE;
    if (last >= size)
        last = size - 1;
    *range = (struct range){first, last - first + 1};
    return RANGE_PART;
}

/* Between the elements of a list, empty ones included (RFC 9110 §5.6.1.2). */
static const char *skip_separators(const char *text) {
    return text + strspn(text, " \t,");
}

enum range_request range_read(const char *field, uint64_t size, struct range *range) {
    static const char unit[] = "bytes=";
    const struct range whole = {0, size};
    *range = whole;
    if (field == NULL || size == 0 || strncasecmp(field, unit, sizeof unit - 1) != 0)
        return RANGE_WHOLE;
    const char *at = skip_separators(field + sizeof unit - 1);
    enum range_request wanted = take_range(&at, size, range);
    if (*skip_separators(at) == '\0' && wanted != RANGE_WHOLE)
        return wanted;
    *range = whole;
    return RANGE_WHOLE;
}
