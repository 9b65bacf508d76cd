/* How many handler processes there are: --processes, and one more for each handler that
 * waits for a subcall, up to --max-processes. */
#ifndef CREW_WORKER_AUTOSCALE_H
#define CREW_WORKER_AUTOSCALE_H

#include <stdbool.h>

enum scheduler_phase {
    SCHEDULER_PROBING,  /* the first process shows whether the app can be used */
    SCHEDULER_SERVING,  /* processes that end are replaced */
    SCHEDULER_DRAINING, /* the tasks in hand are finished; processes are let go */
    SCHEDULER_CLOSED    /* all processes are killed; their exits are awaited */
};

/* The processes of a worker, by what they count for. */
struct autoscale_counts {
    unsigned active;         /* ACTIVE and not ending, those that start included */
    unsigned ready;          /* of these, those that have started */
    unsigned waiting;        /* of these, those that wait for a subcall */
    unsigned taking;         /* ACTIVE or EXPIRING and not ending */
    unsigned taking_waiting; /* of these, those that wait for a subcall */
    unsigned serving;        /* not RETIRED and not ending */
    unsigned expiring;       /* EXPIRING and not ending */
    unsigned holding;        /* with a task, whatever their state */
    unsigned detached;       /* of these, those that are RETIRED */
};

struct autoscale {
    unsigned processes;       /* --processes */
    unsigned max_processes;   /* --max-processes */
    bool calls_itself;        /* handlers have called tasks of this worker */
    unsigned waiting_on_self; /* handlers that wait for calls to tasks of this worker */
};

/* The number of ACTIVE processes that there should be. */
unsigned autoscale_target(const struct autoscale *autoscale, enum scheduler_phase phase,
                          const struct autoscale_counts *counts, bool has_queued_tasks);

/* Processes that stand in for those that wait for a subcall. */
unsigned autoscale_spares(const struct autoscale *autoscale,
                          const struct autoscale_counts *counts);

/* Is one process left, and must it be kept for calls to this worker's own tasks? Any
 * other task might make such a call, too, and no process would be left to run it.
 * Handlers that have called their own worker once will do so again, perhaps all at once.
 * Without spares, one process is too much to keep for that until a handler does wait. */
bool autoscale_is_reserved(const struct autoscale *autoscale,
                           const struct autoscale_counts *counts);

/* Would there be a process that takes tasks while one process waits? IS_TAKING: that one
 * counts as `taking`. */
bool autoscale_has_other(const struct autoscale *autoscale,
                         const struct autoscale_counts *counts, bool is_taking);

#endif
