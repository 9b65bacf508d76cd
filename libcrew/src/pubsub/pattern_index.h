/* Many patterns, and which of them match a channel.
 *
 * A trie: one node for each word of the patterns, shared by patterns with the same first
 * words. The words of a channel are walked through all branches at once (the simulation
 * of a nondeterministic automaton). A walk visits a node at most once per word, so no set
 * of patterns costs more than the words times the reachable nodes. A channel's name is a
 * pattern too.
 */
#ifndef CREW_PUBSUB_PATTERN_INDEX_H
#define CREW_PUBSUB_PATTERN_INDEX_H

#include <stdint.h>

struct pattern_node;

struct pattern_index {
    struct pattern_node *root;
    struct pattern_node *nodes;   /* hash of all but the root, by parent and word */
    uint64_t step;                /* number of the current step; counts over all walks */
    struct pattern_node *reached; /* list of the nodes reached in this step */
};

void pattern_index_init(struct pattern_index *index);

/* Free all nodes, whether or not they are held. */
void pattern_index_fini(struct pattern_index *index);

/* Get a reference to the node of PATTERN, which is valid (pubsub/pattern.h). A pattern
 * has one node, whoever holds it; each reference is given back with
 * pattern_index_release. */
struct pattern_node *pattern_index_hold(struct pattern_index *index, const char *pattern);
void pattern_index_release(struct pattern_index *index, struct pattern_node *node);

/* A pointer for the owner of the index, null at first. It is kept while the node is
 * held. */
void **pattern_node_data(struct pattern_node *node);

typedef void pattern_visit_fn(void *arg, struct pattern_node *node);

/* Call VISIT once for each held node whose pattern matches CHANNEL, in no particular
 * order. VISIT must not change the index. */
void pattern_index_visit(struct pattern_index *index, const char *channel,
                         pattern_visit_fn *visit, void *arg);

#endif
