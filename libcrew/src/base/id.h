/* Names that are unique in the world (getrandom). */
#ifndef CREW_BASE_ID_H
#define CREW_BASE_ID_H

#include <stddef.h>
#include <stdint.h>

#define ID_UUID_BYTES 37

/* A random UUID, version 4 (RFC 9562 §5.4), as text with its terminating zero. */
void id_uuid(char text[ID_UUID_BYTES]);

/* BYTES * 2 random hex digits and a terminating zero into TEXT. */
void id_hex(char *text, size_t bytes);

/* A random number below LIMIT, for jitter. */
uint32_t id_below(uint32_t limit);

#endif
