/* Who has published what is kept, and how far each has come: that tells repeats
 * (docs/wire.md, "Publishing"). Ids are PUBLISHER.NUMBER; those of another form are never
 * repeats. */
#ifndef CREW_PUBSUB_PUBLISHERS_H
#define CREW_PUBSUB_PUBLISHERS_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

struct publisher {
    uint64_t highest;     /* number seen */
    uint64_t last_cursor; /* of the message with it */
    UT_hash_handle hh;
    char name[];
};

struct publishers {
    struct publisher *all;
};

void publishers_fini(struct publishers *p);

/* A message with this ID (null: none) was read at CURSOR. False: it is a repeat. Else
 * *PUBLISHER is whose it is, or null. */
bool publishers_note(struct publishers *p, const char *id, uint64_t cursor,
                     struct publisher **publisher);

/* The message of PUBLISHER (may be null) at CURSOR is not kept any more. With his last
 * one he is forgotten. */
void publishers_drop(struct publishers *p, struct publisher *publisher, uint64_t cursor);

#endif
