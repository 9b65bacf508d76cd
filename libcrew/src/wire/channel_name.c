#include "wire/channel_name.h"

#include "base/utf8.h"
#include "wire/limits.h"
#include <string.h>

static bool is_wildcard(const char *word, size_t bytes) {
    return bytes == 1 && (word[0] == '*' || word[0] == '#');
}

static bool has_wildcard(const char *name, size_t bytes) {
    const char *dot;
    while ((dot = memchr(name, '.', bytes)) != NULL) {
        size_t word_bytes = (size_t)(dot - name);
        if (is_wildcard(name, word_bytes))
            return true;
        name = dot + 1;
        bytes -= word_bytes + 1;
    }
    return is_wildcard(name, bytes);
}

bool channel_name_valid(const char *name, size_t bytes) {
    return bytes > 0 && bytes <= LIMIT_CHANNEL_NAME_BYTES &&
           utf8_printable(name, bytes) && !has_wildcard(name, bytes);
}
