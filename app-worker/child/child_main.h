/* The main function of a handler process. */
#ifndef CREW_WORKER_CHILD_MAIN_H
#define CREW_WORKER_CHILD_MAIN_H

/* Load the app that the supervisor names and run the requests that it sends, until it
 * sends QUIT or exits. The exit status. */
int child_main(void);

#endif
