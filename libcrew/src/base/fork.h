/* Detection of fork(2): a child has its parent's memory but none of its threads. */
#ifndef CREW_BASE_FORK_H
#define CREW_BASE_FORK_H

/* A number that differs between a process and the children it forks. Any thread. */
unsigned fork_generation(void);

#endif
