/* How many tasks a worker holds when nobody has told it. */
#ifndef CREW_WORKER_PREFETCH_H
#define CREW_WORKER_PREFETCH_H

/* The most that a worker with so many processes holds, while handlers are short. */
unsigned prefetch_most(unsigned processes);

#endif
