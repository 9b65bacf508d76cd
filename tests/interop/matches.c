/* matches PATTERN... -- CHANNEL... - print "PATTERN<tab>CHANNEL" for each pattern that
 * matches a channel, as libcrew's index finds them. Exit status 1: matching the patterns
 * one by one gives another number. */
#include "pubsub/pattern.h"
#include "pubsub/pattern_index.h"
#include <stdio.h>
#include <string.h>

struct lookup {
    const char *channel;
    int count;
};

static void on_match(void *arg, struct pattern_node *node) {
    struct lookup *lookup = arg;
    printf("%s\t%s\n", (const char *)*pattern_node_data(node), lookup->channel);
    lookup->count++;
}

int main(int argc, char **argv) {
    struct pattern_index index;
    int patterns = 1, status = 0;
    pattern_index_init(&index);
    for (; patterns < argc && strcmp(argv[patterns], "--") != 0; patterns++)
        *pattern_node_data(pattern_index_hold(&index, argv[patterns])) = argv[patterns];
    for (int at = patterns + 1; at < argc; at++) {
        struct lookup lookup = {.channel = argv[at]};
        pattern_index_visit(&index, lookup.channel, on_match, &lookup);
        for (int i = 1; i < patterns; i++)
            lookup.count -= channel_pattern_matches(argv[i], lookup.channel);
        if (lookup.count != 0)
            status = 1;
    }
    pattern_index_fini(&index);
    return status;
}
