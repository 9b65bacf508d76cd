/* SIGHUP, or --reload and a change: a new generation of handler processes, with the app
 * as it is now, takes over when all of it is ready. Until then, and if it fails, the
 * present one serves.
 *
 * Under --reload each generation loads a copy of its own (copy.h). So the present one can
 * be told from the next: it outlives whatever is written into the .so, and a process that
 * dies is replaced by one with the same code, even while the .so cannot be loaded. */
#ifndef CREW_WORKER_RELOAD_H
#define CREW_WORKER_RELOAD_H

#include "process_pool.h"

enum reload_state {
    RELOAD_NONE,    /* nothing is under way */
    RELOAD_STARTING /* candidates start; ends when the last is ready or the first fails */
};

struct reload {
    enum reload_state state;
    const struct settings *settings;
    struct process_pool *pool;
    char *app;        /* the file that the present processes have loaded */
    char *next_app;   /* STARTING: that of the candidates */
    unsigned awaited; /* candidates that are not ready yet */
};

/* For the first generation; the pool is still to be set. -1 with errno: the app cannot be
 * copied. */
int reload_init(struct reload *reload, const struct settings *settings);
/* No process is left. */
void reload_fini(struct reload *reload);

/* Begin; a reload that is under way is given up for this one. */
void reload_begin(struct reload *reload);

/* The pool's word about a candidate (struct process_pool_listener). True: the new generation is
 * in charge now. */
bool reload_candidate(struct reload *reload, const char *why);

/* Give up what is under way. */
void reload_cancel(struct reload *reload);

#endif
