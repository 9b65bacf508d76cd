/* Allocation of small objects. These functions never return null: a program that cannot
 * allocate a few hundred bytes cannot continue, so it prints a message and aborts. Memory
 * whose size a peer can choose is allocated with struct buffer, or with malloc and
 * reported as CREW_ENOMEM. */
#ifndef CREW_BASE_XALLOC_H
#define CREW_BASE_XALLOC_H

#include <stddef.h>

void *xcalloc(size_t count, size_t size) __attribute__((returns_nonnull, malloc));
void *xreallocarray(void *old, size_t count, size_t size)
    __attribute__((returns_nonnull));
char *xstrdup(const char *text); /* null for null */
/* A copy of COUNT bytes with a terminating zero. */
char *xmemdupz(const void *bytes, size_t count) __attribute__((returns_nonnull));
/* Overwrite a secret string; the compiler does not optimize it away. Null is fine. */
void wipe_secret(char *text);

#endif
