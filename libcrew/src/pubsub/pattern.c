#include "pubsub/pattern.h"

#include "base/utf8.h"
#include "wire/limits.h"
#include <string.h>

bool channel_pattern_valid(const char *pattern, size_t bytes) {
    return bytes > 0 && bytes <= LIMIT_CHANNEL_NAME_BYTES &&
           utf8_printable(pattern, bytes);
}

const char *channel_words(const char *text) {
    return *text != '\0' ? text : NULL;
}

bool channel_word_next(const char **left, struct channel_word *word) {
    if (*left == NULL)
        return false;
    size_t bytes = strcspn(*left, ".");
    *word = (struct channel_word){*left, bytes};
    *left = (*left)[bytes] == '.' ? *left + bytes + 1 : NULL;
    return true;
}

bool channel_word_is(const struct channel_word *word, char character) {
    return word->bytes == 1 && word->text[0] == character;
}

static bool stands_for(const struct channel_word *wanted,
                       const struct channel_word *word) {
    return channel_word_is(wanted, '*') ||
           (wanted->bytes == word->bytes &&
            memcmp(wanted->text, word->text, word->bytes) == 0);
}

/* Does PATTERN, of which a part may be left, fit no words at all? */
static bool fits_nothing(const char *pattern) {
    struct channel_word wanted;
    while (channel_word_next(&pattern, &wanted))
        if (!channel_word_is(&wanted, '#'))
            return false;
    return true;
}

/* Where a word does not fit, the last "#" that was met takes one word more. Those before
 * it need not: they took as little as they could, which leaves the most to what follows.
 */
bool channel_pattern_matches(const char *pattern, const char *channel) {
    const char *wanted_left = channel_words(pattern), *left = channel_words(channel);
    const char *behind_hash = NULL, *retry = NULL; /* what is left in both behind a "#" */
    struct channel_word wanted, word;
    while (left != NULL) {
        bool wants = channel_word_next(&wanted_left, &wanted);
        if (wants && channel_word_is(&wanted, '#')) {
            behind_hash = wanted_left;
            retry = left;
            continue;
        }
        channel_word_next(&left, &word);
        if (wants && stands_for(&wanted, &word))
            continue;
        if (retry == NULL)
            return false;
        channel_word_next(&retry, &word);
        left = retry;
        wanted_left = behind_hash;
    }
    return fits_nothing(wanted_left);
}
