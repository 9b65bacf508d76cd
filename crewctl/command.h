/* What commands share: task names as arguments, and reporting errors. */
#ifndef CREWCTL_COMMAND_H
#define CREWCTL_COMMAND_H

/* Wrong usage: print "crewctl: MESSAGE" on stderr and exit with status 2. */
_Noreturn void command_usage(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* The task name in ARGUMENT; wrong usage if it is null or not a task name. */
const char *command_task(const char *argument);

/* Print "crewctl: COMMAND NAME: ERROR WORD: what it means" on stderr. */
void command_error(const char *command, const char *name, int error);

#endif
