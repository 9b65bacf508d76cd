#include "pubsub/pattern_index.h"

#include "base/xalloc.h"
#include "pubsub/pattern.h"
#include "wire/limits.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct pattern_node {
    void *data;
    size_t refs;                      /* references to the pattern that ends here */
    size_t below;                     /* number of children */
    struct pattern_node *star, *hash; /* the children for the wildcards, or null */
    uint64_t last_step;               /* the last step of a walk that reached this node */
    struct pattern_node
        *next[2]; /* in the list of nodes reached in an even, an odd step */
    UT_hash_handle hh;
    struct pattern_node *parent; /* null: the root. Parent and word are the key */
    char word[];                 /* not zero-terminated */
};

void **pattern_node_data(struct pattern_node *node) {
    return &node->data;
}

/* ---- the trie ---- */

/* The same layout as the end of struct pattern_node. */
struct node_key {
    struct pattern_node *parent;
    char word[LIMIT_CHANNEL_NAME_BYTES];
};

static size_t key_bytes(const struct channel_word *word) {
    return offsetof(struct node_key, word) + word->bytes;
}

void pattern_index_init(struct pattern_index *index) {
    *index = (struct pattern_index){.root = xcalloc(1, sizeof *index->root)};
}

void pattern_index_fini(struct pattern_index *index) {
    struct pattern_node *node, *next;
    HASH_ITER (hh, index->nodes, node, next) {
        HASH_DEL(index->nodes, node);
        free(node);
    }
    free(index->root);
    *index = (struct pattern_index){0};
}

static struct pattern_node *node_find(const struct pattern_index *index,
                                      struct pattern_node *parent,
                                      const struct channel_word *word) {
    struct node_key key;
    struct pattern_node *node;
    if (word->bytes > sizeof key.word) /* no pattern has such a word */
        return NULL;
    key.parent = parent;
    memcpy(key.word, word->text, word->bytes);
    HASH_FIND(hh, index->nodes, &key, key_bytes(word), node);
    return node;
}

/* The pointer to the child of PARENT for a wildcard; null: WORD is no wildcard. */
static struct pattern_node **wildcard_of(struct pattern_node *parent,
                                         const struct channel_word *word) {
    if (channel_word_is(word, '*'))
        return &parent->star;
    if (channel_word_is(word, '#'))
        return &parent->hash;
    return NULL;
}

static struct pattern_node *node_new(struct pattern_index *index,
                                     struct pattern_node *parent,
                                     const struct channel_word *word) {
    struct pattern_node *node = xcalloc(1, sizeof *node + word->bytes);
    node->parent = parent;
    memcpy(node->word, word->text, word->bytes);
    HASH_ADD_KEYPTR(hh, index->nodes, &node->parent, key_bytes(word), node);
    struct pattern_node **wildcard = wildcard_of(parent, word);
    if (wildcard != NULL)
        *wildcard = node;
    parent->below++;
    return node;
}

static void node_free(struct pattern_index *index, struct pattern_node *node) {
    struct pattern_node *parent = node->parent;
    if (parent->star == node)
        parent->star = NULL;
    if (parent->hash == node)
        parent->hash = NULL;
    parent->below--;
    HASH_DEL(index->nodes, node);
    free(node);
}

struct pattern_node *pattern_index_hold(struct pattern_index *index,
                                        const char *pattern) {
    struct pattern_node *node = index->root;
    struct channel_word word;
    for (const char *left = channel_words(pattern); channel_word_next(&left, &word);) {
        struct pattern_node *child = node_find(index, node, &word);
        node = child != NULL ? child : node_new(index, node, &word);
    }
    node->refs++;
    return node;
}

void pattern_index_release(struct pattern_index *index, struct pattern_node *node) {
    assert(node->refs > 0);
    if (--node->refs == 0)
        node->data = NULL; /* it may stay as the parent of others */
    while (node->parent != NULL && node->refs == 0 && node->below == 0) {
        struct pattern_node *parent = node->parent;
        node_free(index, node);
        node = parent;
    }
}

/* ---- the walk ---- */

static void step_begin(struct pattern_index *index) {
    index->step++;
    index->reached = NULL;
}

/* Add NODE to the nodes of this step, and the nodes that "#" leads to if it stands for no
 * word. */
static void reach(struct pattern_index *index, struct pattern_node *node) {
    for (; node != NULL && node->last_step != index->step; node = node->hash) {
        node->last_step = index->step;
        node->next[index->step % 2] = index->reached;
        index->reached = node;
    }
}

static bool is_hash(const struct pattern_node *node) {
    return node->parent != NULL && node->parent->hash == node;
}

static void step(struct pattern_index *index, const struct channel_word *word) {
    struct pattern_node *from = index->reached;
    size_t side = index->step % 2;
    step_begin(index);
    for (; from != NULL; from = from->next[side]) {
        reach(index, node_find(index, from, word));
        reach(index, from->star);
        if (is_hash(from)) /* "#" stands for this word as well */
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
    for (struct pattern_node *at = index->reached; at != NULL; at = at->next[side])
        if (at->refs > 0)
            visit(arg, at);
}
