/* Duplicate suppression: which publications are repetitions (docs/wire.md, "Publishing").
 *
 * A publisher that does not know whether the broker has a message publishes it again with
 * the same id. Ids have the form PUBLISHER.NUMBER, and the numbers of a publisher
 * increase, so a number that is not above the highest one seen is a repetition. Ids of
 * another form are never repetitions. A publisher is forgotten with the last of its
 * messages in the history.
 */
#ifndef CREW_PUBSUB_DEDUP_H
#define CREW_PUBSUB_DEDUP_H

#include <stdbool.h>
#include <stdint.h>

struct dedup_publisher;

/* Zeroed memory knows no publishers. */
struct dedup {
    struct dedup_publisher *publishers; /* hash by name */
};

void dedup_fini(struct dedup *dedup);

/* A message with this ID (null: none) was read at CURSOR. False: it is a repetition.
 * True: *PUBLISHER is its publisher, null if the id has another form. */
bool dedup_add(struct dedup *dedup, const char *id, uint64_t cursor,
               struct dedup_publisher **publisher);

/* The message of PUBLISHER (may be null) at CURSOR is removed from the history. */
void dedup_remove(struct dedup *dedup, struct dedup_publisher *publisher,
                  uint64_t cursor);

#endif
