/* Names and values that a client sent: of its query, its form, its cookies. In their
 * order, repeated names kept. */
#ifndef CREW_APP_PAIRS_H
#define CREW_APP_PAIRS_H

#include "app/arena.h"
#include "base/buffer.h"
#include <crew/message.h>

/* Zeroed memory is an empty list. The texts are somebody else's. */
struct pairs {
    struct buffer list; /* of struct crew_pair */
};

/* False when memory is out. */
bool pairs_add(struct pairs *pairs, struct crew_pair pair);

const struct crew_pair *pairs_all(const struct pairs *pairs, size_t *count);

/* The first value of NAME; null when there is none. One that holds a zero byte is no
 * string, and counts as none. */
const char *pairs_value(const struct pairs *pairs, const char *name);

/* TEXT as a whole decimal number; FALLBACK when it is null, or not one between MIN and
 * MAX. */
long text_number(const char *text, long min, long max, long fallback);

/* The same with the first value of NAME. */
long pairs_number(const struct pairs *pairs, const char *name, long min, long max,
                  long fallback);

/* All values of NAME, with a null behind them, and their number. Never null; when memory
 * is out there are none. */
const char *const *pairs_values(const struct pairs *pairs, const char *name,
                                struct arena *arena, size_t *count);

void pairs_reset(struct pairs *pairs); /* a little memory is kept */
void pairs_fini(struct pairs *pairs);

#endif
