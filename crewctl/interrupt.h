/* Ctrl-C while calls are under way: they are taken back before the program leaves. */
#ifndef CREWCTL_INTERRUPT_H
#define CREWCTL_INTERRUPT_H

#include <stdint.h>

/* From now on SIGINT, SIGTERM and SIGHUP are only noted, and system calls that wait come
 * back (EINTR). Before, and without it, they end the program at once. */
void interrupt_catch(void);

/* The signal that came, or 0. */
int interrupt_signal(void);

/* Wait until FD is readable, a signal has come, or it is UNTIL_MS (base/clock.h). */
void interrupt_wait(int fd, uint64_t until_ms);

#endif
