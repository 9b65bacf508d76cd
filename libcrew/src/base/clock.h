/* Clocks. Programs use monotonic time; wall clock time is only for messages and logs. */
#ifndef CREW_BASE_CLOCK_H
#define CREW_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_ms(void);      /* monotonic */
uint64_t clock_us(void);      /* monotonic */
uint64_t clock_unix_ms(void); /* wall clock, UTC */

#endif
