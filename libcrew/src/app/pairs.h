/* Names and values that a client has sent in a query, a form or cookies. They keep their
 * order, and names may be repeated. */
#ifndef CREW_APP_PAIRS_H
#define CREW_APP_PAIRS_H

#include "app/arena.h"
#include "base/buffer.h"
#include <crew/message.h>

/* Zeroed memory is an empty list. The texts are not owned. */
struct pairs {
    struct buffer list; /* of struct crew_pair */
};

/* False: out of memory. */
bool pairs_add(struct pairs *pairs, struct crew_pair pair);

const struct crew_pair *pairs_all(const struct pairs *pairs, size_t *count);

/* The first value of NAME; null if there is none. Values that contain a zero byte are
 * skipped. */
const char *pairs_value(const struct pairs *pairs, const char *name);

/* TEXT as a decimal number; FALLBACK if it is null, or not a number from MIN to MAX. */
long text_number(const char *text, long min, long max, long fallback);

/* The same for the first value of NAME. */
long pairs_number(const struct pairs *pairs, const char *name, long min, long max,
                  long fallback);

/* All values of NAME as a null-terminated array in ARENA, and their number. Never null;
 * out of memory: none. */
const char *const *pairs_values(const struct pairs *pairs, const char *name,
                                struct arena *arena, size_t *count);

void pairs_reset(struct pairs *pairs); /* some memory is kept */
void pairs_fini(struct pairs *pairs);

#endif
