/* Runs a function in a child process, for code that exits or writes to stderr. */
#ifndef CREW_TESTS_CHILD_H
#define CREW_TESTS_CHILD_H

struct child_result {
    int status; /* of exit; -1: ended by a signal */
    char out[16384];
    char err[65536];
};

/* When RUN returns the child exits with status 0. */
void child_run(void (*run)(void *arg), void *arg, struct child_result *result);

#endif
