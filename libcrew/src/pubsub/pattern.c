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

static bool word_matches(const struct channel_word *wanted,
                         const struct channel_word *word) {
    return channel_word_is(wanted, '*') ||
           (wanted->bytes == word->bytes &&
            memcmp(wanted->text, word->text, word->bytes) == 0);
}

/* True when PATTERN, which may be the rest of one, matches an empty sequence of words. */
static bool matches_no_words(const char *pattern) {
    struct channel_word wanted;
    while (channel_word_next(&pattern, &wanted))
        if (!channel_word_is(&wanted, '#'))
            return false;
    return true;
}

/* Where a word does not match, the last "#" takes one word more. Earlier ones need not be
 * tried again: each took as few words as possible, which leaves the most for the rest. */
bool channel_pattern_matches(const char *pattern, const char *channel) {
    const char *wanted_left = channel_words(pattern), *left = channel_words(channel);
    const char *after_hash = NULL,
               *retry = NULL; /* the rests of both after the last "#" */
    struct channel_word wanted, word;
    while (left != NULL) {
        bool wants = channel_word_next(&wanted_left, &wanted);
        if (wants && channel_word_is(&wanted, '#')) {
            after_hash = wanted_left;
            retry = left;
            continue;
        }
        channel_word_next(&left, &word);
        if (wants && word_matches(&wanted, &word))
            continue;
        if (retry == NULL)
            return false;
        channel_word_next(&retry, &word);
        left = retry;
        wanted_left = after_hash;
    }
    return matches_no_words(wanted_left);
}
