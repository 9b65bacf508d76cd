/* Random ids and numbers (getrandom(2)). */
#ifndef CREW_BASE_RANDOM_H
#define CREW_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#define UUID_BYTES 37

/* A random UUID, version 4 (RFC 9562 §5.4), as text with its terminating zero. */
void random_uuid(char text[UUID_BYTES]);

/* Write BYTES * 2 random hexadecimal digits and a terminating zero to TEXT. */
void random_hex(char *text, size_t bytes);

/* A random number below LIMIT, for jitter. */
uint32_t random_below(uint32_t limit);

#endif
