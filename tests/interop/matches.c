/* matches PATTERN... -- CHANNEL... - print "PATTERN<tab>CHANNEL" for each pattern that
 * fits a channel, as the index of libcrew finds them; exit status 1 when its matching of
 * one pattern is of another mind. */
#include "pubsub/pattern.h"
#include "pubsub/pattern_index.h"
#include <stdio.h>
#include <string.h>

struct look {
    const char *channel;
    int count;
};

static void on_place(void *arg, struct pattern_place *place) {
    struct look *look = arg;
    printf("%s\t%s\n", (const char *)place->subscriptions, look->channel);
    look->count++;
}

int main(int argc, char **argv) {
    struct pattern_index index;
    int patterns = 1, status = 0;
    pattern_index_init(&index);
    for (; patterns < argc && strcmp(argv[patterns], "--") != 0; patterns++)
        pattern_index_hold(&index, argv[patterns])->subscriptions = argv[patterns];
    for (int at = patterns + 1; at < argc; at++) {
        struct look look = {.channel = argv[at]};
        pattern_index_visit(&index, look.channel, on_place, &look);
        for (int i = 1; i < patterns; i++)
            look.count -= channel_pattern_matches(argv[i], look.channel);
        if (look.count != 0)
            status = 1;
    }
    pattern_index_fini(&index);
    return status;
}
