/* Time. Inside, only monotonic milliseconds; the wall clock only on the wire. */
#ifndef CREW_BASE_CLOCK_H
#define CREW_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_ms(void);      /* monotonic */
uint64_t clock_us(void);      /* monotonic */
uint64_t clock_unix_ms(void); /* wall clock, UTC */

#endif
