/* Patterns of channels, as the binding keys of a topic exchange (AMQP 0-9-1 §3.1.3.3).
 *
 * Channels and patterns are words with dots between them; a word may be empty ("a..b" has
 * three). In a pattern the word "*" stands for any one word and "#" for any number of
 * words, none included; next to other bytes both are ordinary. RabbitMQ takes the empty
 * text for no words at all, which only "#" fits, and so do we: foreign programs may
 * publish with an empty routing key.
 */
#ifndef CREW_PUBSUB_PATTERN_H
#define CREW_PUBSUB_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/* 1 to LIMIT_CHANNEL_NAME_BYTES bytes of UTF-8, no control characters. */
bool channel_pattern_valid(const char *pattern, size_t bytes);

/* Does PATTERN fit CHANNEL? Any texts are fine. Costs at most the words of the one times
 * those of the other. */
bool channel_pattern_matches(const char *pattern, const char *channel);

/* ---- words ---- */

struct channel_word {
    const char *text; /* no zero behind it */
    size_t bytes;
};

/* What channel_word_next begins with. */
const char *channel_words(const char *text);

/* Take the next word of what is left of a channel or a pattern; false when there is none.
 */
bool channel_word_next(const char **left, struct channel_word *word);

/* Is WORD this one character? */
bool channel_word_is(const struct channel_word *word, char character);

#endif
