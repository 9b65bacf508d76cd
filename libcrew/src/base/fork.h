/* Has this process been forked since? A child has the memory of its parent, but none of
 * its threads. */
#ifndef CREW_BASE_FORK_H
#define CREW_BASE_FORK_H

/* A number that differs between a process and its children. Any thread. */
unsigned fork_generation(void);

#endif
