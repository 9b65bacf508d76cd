/* Exit statuses of crewctl. Scripts rely on them: they never change. The man page has the
 * same table. */
#ifndef CREWCTL_EXIT_STATUS_H
#define CREWCTL_EXIT_STATUS_H

enum exit_status {
    EXIT_ANSWERED = 0,
    EXIT_LOCAL = 1,        /* a local error: stdout is full, out of memory ... */
    EXIT_USAGE = 2,        /* also by daemon/options.h */
    EXIT_ERROR_STATUS = 3, /* with --fail: the answer has status 400 or more */
    EXIT_BROKER = 10, /* from here on the errors of calls, in the order of crew/error.h */
    EXIT_BAD_ENVELOPE = 20,
    EXIT_SIGNAL = 128 /* plus the number of the signal */
};

#define EXIT_STATUS_HELP                                                        \
    "Exit status:\n"                                                            \
    "   0 answered            10 broker        14 timeout    18 failed\n"       \
    "   1 local trouble       11 overloaded    15 deadline   19 bad-response\n" \
    "   2 wrong usage         12 no-workers    16 crashed    20 bad-envelope\n" \
    "   3 see call --fail     13 expired       17 lost      130 interrupted\n"

/* The exit status for an error code of libcrew. */
int exit_status_of(int error);

#endif
