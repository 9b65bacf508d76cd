/* SIGHUP: a new generation of handler processes, with the app as it is now, takes over
 * when all of it is ready. Until then, and if it fails, the present one serves. */
#ifndef CREW_WORKER_RELOAD_H
#define CREW_WORKER_RELOAD_H

#include "pool.h"

enum reload_state {
    RELOAD_NONE,    /* nothing is under way */
    RELOAD_STARTING /* candidates start; ends when the last is ready or the first fails */
};

struct reload {
    enum reload_state state;
    struct pool *pool;
    unsigned processes; /* of a generation */
    unsigned awaited;   /* candidates that are not ready yet */
};

/* Begin; a reload that is under way is given up for this one. */
void reload_begin(struct reload *reload);

/* The pool's word about a candidate (struct pool_listener). True: the new generation is
 * in charge now. */
bool reload_candidate(struct reload *reload, const char *why);

/* Give up what is under way. */
void reload_cancel(struct reload *reload);

#endif
