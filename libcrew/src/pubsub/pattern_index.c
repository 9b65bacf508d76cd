#include "pubsub/pattern_index.h"

#include "base/xalloc.h"
#include "pubsub/pattern.h"
#include "wire/limits.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- the tree ---- */

/* The same bytes as the end of struct pattern_place. */
struct place_key {
    struct pattern_place *parent;
    char word[LIMIT_CHANNEL_NAME_BYTES];
};

static size_t key_bytes(const struct channel_word *word) {
    return offsetof(struct place_key, word) + word->bytes;
}

void pattern_index_init(struct pattern_index *index) {
    *index = (struct pattern_index){.root = xcalloc(1, sizeof *index->root)};
}

void pattern_index_fini(struct pattern_index *index) {
    struct pattern_place *place, *next;
    HASH_ITER (hh, index->places, place, next) {
        HASH_DEL(index->places, place);
        free(place);
    }
    free(index->root);
    *index = (struct pattern_index){0};
}

static struct pattern_place *place_find(const struct pattern_index *index,
                                        struct pattern_place *parent,
                                        const struct channel_word *word) {
    struct place_key key;
    struct pattern_place *place;
    if (word->bytes > sizeof key.word) /* no pattern has it */
        return NULL;
    key.parent = parent;
    memcpy(key.word, word->text, word->bytes);
    HASH_FIND(hh, index->places, &key, key_bytes(word), place);
    return place;
}

/* Where PARENT has its child for a wildcard; null: WORD is none. */
static struct pattern_place **wildcard_of(struct pattern_place *parent,
                                          const struct channel_word *word) {
    if (channel_word_is(word, '*'))
        return &parent->star;
    if (channel_word_is(word, '#'))
        return &parent->hash;
    return NULL;
}

static struct pattern_place *place_make(struct pattern_index *index,
                                        struct pattern_place *parent,
                                        const struct channel_word *word) {
    struct pattern_place *place = xcalloc(1, sizeof *place + word->bytes);
    place->parent = parent;
    memcpy(place->word, word->text, word->bytes);
    HASH_ADD_KEYPTR(hh, index->places, &place->parent, key_bytes(word), place);
    struct pattern_place **wildcard = wildcard_of(parent, word);
    if (wildcard != NULL)
        *wildcard = place;
    parent->below++;
    return place;
}

static void place_free(struct pattern_index *index, struct pattern_place *place) {
    struct pattern_place *parent = place->parent;
    if (parent->star == place)
        parent->star = NULL;
    if (parent->hash == place)
        parent->hash = NULL;
    parent->below--;
    HASH_DEL(index->places, place);
    free(place);
}

struct pattern_place *pattern_index_hold(struct pattern_index *index,
                                         const char *pattern) {
    struct pattern_place *place = index->root;
    struct channel_word word;
    for (const char *left = channel_words(pattern); channel_word_next(&left, &word);) {
        struct pattern_place *child = place_find(index, place, &word);
        place = child != NULL ? child : place_make(index, place, &word);
    }
    place->holds++;
    return place;
}

void pattern_index_release(struct pattern_index *index, struct pattern_place *place) {
    assert(place->holds > 0);
    if (--place->holds == 0)
        place->subscriptions = NULL; /* it may stay, on the way to others */
    while (place->parent != NULL && place->holds == 0 && place->below == 0) {
        struct pattern_place *parent = place->parent;
        place_free(index, place);
        place = parent;
    }
}

/* ---- the walk ---- */

static void step_begin(struct pattern_index *index) {
    index->step++;
    index->reached = NULL;
}

/* Come to PLACE, and to where "#" leads from there when it stands for no word. */
static void reach(struct pattern_index *index, struct pattern_place *place) {
    for (; place != NULL && place->seen != index->step; place = place->hash) {
        place->seen = index->step;
        place->next[index->step % 2] = index->reached;
        index->reached = place;
    }
}

static bool is_hash(const struct pattern_place *place) {
    return place->parent != NULL && place->parent->hash == place;
}

static void step(struct pattern_index *index, const struct channel_word *word) {
    struct pattern_place *from = index->reached;
    size_t side = index->step % 2;
    step_begin(index);
    for (; from != NULL; from = from->next[side]) {
        reach(index, place_find(index, from, word));
        reach(index, from->star);
        if (is_hash(from)) /* stands for this word, too */
            reach(index, from);
    }
}

void pattern_index_visit(struct pattern_index *index, const char *channel,
                         pattern_visit_fn *visit, void *arg) {
    step_begin(index);
    reach(index, index->root);
    struct channel_word word;
    for (const char *left = channel_words(channel); channel_word_next(&left, &word);)
        step(index, &word);

    size_t side = index->step % 2;
    for (struct pattern_place *at = index->reached; at != NULL; at = at->next[side])
        if (at->holds > 0)
            visit(arg, at);
}
