/* A handler process: the other end of the supervisor's socket. */
#ifndef CREW_WORKER_CHILD_MAIN_H
#define CREW_WORKER_CHILD_MAIN_H

/* Load the app that the supervisor names, run what it sends, until it says quit or is
 * gone. The exit status. */
int child_main(void);

#endif
