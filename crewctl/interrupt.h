/* Signals while calls are in progress: the calls are cancelled before the program
 * exits. */
#ifndef CREWCTL_INTERRUPT_H
#define CREWCTL_INTERRUPT_H

#include <stdint.h>

/* From now on SIGINT, SIGTERM and SIGHUP are recorded once, and interrupt blocking system
 * calls (EINTR). The second one, and before this call the first, ends the program. */
void interrupt_catch(void);

/* The recorded signal, or 0. */
int interrupt_signal(void);

/* Wait until FD is readable, a signal is recorded, or UNTIL_MS (base/clock.h). */
void interrupt_wait(int fd, uint64_t until_ms);

#endif
