/* Many patterns, and which of them fit a channel.
 *
 * A trie: a node for each word of the patterns, shared by those that begin alike. A
 * channel walks all ways through it at once, word by word (the simulation of a
 * nondeterministic automaton), and meets a node once per word at most, so that no set of
 * patterns can make it cost more than the words times the nodes within reach. A channel's
 * name is a pattern, too.
 */
#ifndef CREW_PUBSUB_PATTERN_INDEX_H
#define CREW_PUBSUB_PATTERN_INDEX_H

#include <stdint.h>
#include <uthash.h>

/* The place of a pattern; or a node on the way to one, which nobody gets to see. */
struct pattern_place {
    void *subscriptions; /* the owner's; null for the first who holds it */

    size_t holds;                      /* of the pattern that ends here */
    size_t below;                      /* nodes whose parent this is */
    struct pattern_place *star, *hash; /* those of them for the wildcards; null: none */
    uint64_t seen;                     /* the last step of a walk that came here */
    struct pattern_place *next[2];     /* in what was reached in an even, an odd step */
    UT_hash_handle hh;
    struct pattern_place *parent; /* null: the root; with the word, the key */
    char word[];                  /* no zero behind it */
};

struct pattern_index {
    struct pattern_place *root;
    struct pattern_place *places;  /* all but the root, by parent and word */
    uint64_t step;                 /* of all walks there were */
    struct pattern_place *reached; /* in this step */
};

void pattern_index_init(struct pattern_index *index);
/* All places go, held or not; what hangs on them is the owner's. */
void pattern_index_fini(struct pattern_index *index);

/* The place of PATTERN, a valid one (pubsub/pattern.h): the same for every holder, who
 * each have to release it. */
struct pattern_place *pattern_index_hold(struct pattern_index *index,
                                         const char *pattern);

/* When the last holder releases a place it is gone. */
void pattern_index_release(struct pattern_index *index, struct pattern_place *place);

typedef void pattern_visit_fn(void *arg, struct pattern_place *place);

/* Call VISIT once for each place that is held and whose pattern fits CHANNEL, in no
 * order. VISIT must leave the index alone. */
void pattern_index_visit(struct pattern_index *index, const char *channel,
                         pattern_visit_fn *visit, void *arg);

#endif
