/* Patterns of channels, as the binding keys of a topic exchange (AMQP 0-9-1 §3.1.3.3).
 *
 * Channels and patterns consist of words, separated by dots; a word may be empty ("a..b"
 * has three words). In a pattern the word "*" stands for one word and "#" for any number
 * of words, including none; as part of a longer word both are ordinary characters. An
 * empty channel has no words, as in RabbitMQ: only "#" matches it. Other programs may
 * publish with an empty routing key.
 */
#ifndef CREW_PUBSUB_PATTERN_H
#define CREW_PUBSUB_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/* 1 to LIMIT_CHANNEL_NAME_BYTES bytes of UTF-8, no control characters. */
bool channel_pattern_valid(const char *pattern, size_t bytes);

/* True when PATTERN matches CHANNEL; both may be any text. Takes at most the product of
 * their numbers of words. */
bool channel_pattern_matches(const char *pattern, const char *channel);

/* ---- words ---- */

struct channel_word {
    const char *text; /* not zero-terminated */
    size_t bytes;
};

/* The initial value of *LEFT for channel_word_next. */
const char *channel_words(const char *text);

/* Get the next word of a channel or a pattern and advance *LEFT; false: there is none. */
bool channel_word_next(const char **left, struct channel_word *word);

/* True when WORD consists of this one character. */
bool channel_word_is(const struct channel_word *word, char character);

#endif
