/* Any patterns, any channel: channel_pattern_matches, the index and a table of matches
 * agree while patterns are added and removed.
 *
 * The input is lines: the channel, then the patterns. */
#include "pubsub/pattern.h"
#include "pubsub/pattern_index.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { PATTERNS_MAX = 64, WORDS_MAX = 1024 };

static struct held {
    const char *pattern;
    struct pattern_node *node;
    unsigned visits; /* counted at the first pattern of the node */
} held[PATTERNS_MAX];

/* ---- reference implementation ---- */

static size_t split(char *text, char **words) {
    size_t count = 0;
    char *rest = *text != '\0' ? text : NULL;
    while (rest != NULL)
        words[count++] = strsep(&rest, ".");
    return count;
}

/* For each word of the pattern: which prefixes of the channel the words so far match. */
static bool fits_slowly(const char *pattern, const char *channel) {
    static char *wanted[WORDS_MAX], *words[WORDS_MAX];
    static bool fits[WORDS_MAX + 1];
    char *pattern_copy = strdup(pattern), *channel_copy = strdup(channel);
    size_t wanted_count = split(pattern_copy, wanted), count = split(channel_copy, words);
    memset(fits, 0, sizeof fits);
    fits[0] = true;
    for (size_t i = 0; i < wanted_count; i++) {
        if (strcmp(wanted[i], "#") == 0) {
            for (size_t n = 0; n < count; n++)
                fits[n + 1] |= fits[n];
            continue;
        }
        for (size_t n = count; n > 0; n--)
            fits[n] = fits[n - 1] && (strcmp(wanted[i], "*") == 0 ||
                                      strcmp(wanted[i], words[n - 1]) == 0);
        fits[0] = false;
    }
    free(pattern_copy);
    free(channel_copy);
    return fits[count];
}

/* ---- the index ---- */

static void on_visit(void *arg, struct pattern_node *node) {
    (void)arg;
    ((struct held *)*pattern_node_data(node))->visits++;
}

static void hold(struct pattern_index *index, struct held *one, const char *pattern) {
    *one = (struct held){.pattern = pattern, .node = pattern_index_hold(index, pattern)};
    if (*pattern_node_data(one->node) == NULL)
        *pattern_node_data(one->node) = one;
    assert(strcmp(((struct held *)*pattern_node_data(one->node))->pattern, pattern) == 0);
}

static void check(struct pattern_index *index, size_t from, size_t count,
                  const char *channel) {
    for (size_t i = 0; i < count; i++)
        held[i].visits = 0;
    pattern_index_visit(index, channel, on_visit, NULL);
    for (size_t i = from; i < count; i++) {
        bool fits = fits_slowly(held[i].pattern, channel);
        assert(channel_pattern_matches(held[i].pattern, channel) == fits);
        assert(((struct held *)*pattern_node_data(held[i].node))->visits == fits);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    char *text = strndup(bytes > 0 ? (const char *)data : "", bytes), *rest = text,
         *pattern;
    const char *channel = strsep(&rest, "\n");
    struct pattern_index index;
    size_t count = 0;
    pattern_index_init(&index);
    while (count < PATTERNS_MAX && (pattern = strsep(&rest, "\n")) != NULL)
        if (channel_pattern_valid(pattern, strlen(pattern)))
            hold(&index, &held[count++], pattern);
    check(&index, 0, count, channel);
    for (size_t i = 0; i < count; i++) {
        pattern_index_release(&index, held[i].node);
        if (i == count / 2)
            check(&index, i + 1, count, channel);
    }
    assert(index.nodes == NULL);
    pattern_index_fini(&index);
    free(text);
    return 0;
}
