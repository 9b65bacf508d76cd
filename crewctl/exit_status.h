/* How crewctl ends: numbers for scripts, which never change. README.md and the man page
 * show the same table. */
#ifndef CREWCTL_EXIT_STATUS_H
#define CREWCTL_EXIT_STATUS_H

enum exit_status {
    EXIT_ANSWERED = 0,
    EXIT_LOCAL = 1, /* nothing to do with the task: stdout is full, no memory ... */
    EXIT_USAGE = 2, /* daemon/options.h ends the program with it, too */
    EXIT_ERROR_STATUS = 3, /* with --fail: the handler's answer has status 400 or more */
    EXIT_BROKER = 10,      /* from here on the outcomes, in the order of crew/error.h */
    EXIT_BAD_ENVELOPE = 20,
    EXIT_SIGNAL = 128 /* and the number of the signal */
};

#define EXIT_STATUS_HELP                                                        \
    "Exit status:\n"                                                            \
    "   0 answered            10 broker        14 timeout    18 failed\n"       \
    "   1 local trouble       11 overloaded    15 deadline   19 bad-response\n" \
    "   2 wrong usage         12 no-workers    16 crashed    20 bad-envelope\n" \
    "   3 see call --fail     13 expired       17 lost      130 interrupted\n"

/* The exit status for an error of libcrew, outcome of a call or not. */
int exit_status_of(int error);

#endif
