/* SIGHUP, or --reload and a change: new handler processes, with the app as it is now,
 * become active when all of them are ready. Until then, and if one fails, the present
 * ones serve.
 *
 * With --reload each set of processes loads a snapshot of its own (app_snapshot.h): it is
 * not affected by what is written into the .so, and a process that dies is replaced by
 * one with the same code, even while the .so cannot be loaded. */
#ifndef CREW_WORKER_RELOAD_H
#define CREW_WORKER_RELOAD_H

#include "process_pool.h"

struct reload {
    bool is_running; /* candidates start: until the last is ready or the first fails */
    const struct settings *settings;
    struct process_pool *pool;
    char *app;        /* the file that the present processes have loaded */
    char *next_app;   /* is_running: that of the candidates */
    unsigned awaited; /* candidates that are not ready yet */
};

/* For the first processes; the pool is still to be set. -1 with errno: the app cannot be
 * copied. */
int reload_init(struct reload *reload, const struct settings *settings);
void reload_set_pool(struct reload *reload, struct process_pool *pool);
/* No process is left. */
void reload_fini(struct reload *reload);

/* The file that the present processes load. */
const char *reload_app(const struct reload *reload);

bool reload_is_running(const struct reload *reload);

/* Begin; a reload that is running is cancelled. */
void reload_begin(struct reload *reload);

/* A candidate is ready, or (WHY not null) has failed. True: the reload is complete. */
bool reload_candidate(struct reload *reload, const char *why);

/* Cancel the reload that is running, if any. */
void reload_cancel(struct reload *reload);

#endif
