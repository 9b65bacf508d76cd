/* Allocation of small objects of fixed size. These functions never return null: a program
 * that cannot get a few hundred bytes for a list node has no way to continue, so it prints
 * a message and aborts. What a peer can make large goes through struct buffer, or checks
 * malloc itself and reports CREW_ENOMEM. */
#ifndef CREW_BASE_XALLOC_H
#define CREW_BASE_XALLOC_H

#include <stddef.h>

void *xcalloc(size_t count, size_t size) __attribute__((returns_nonnull, malloc));
void *xreallocarray(void *old, size_t count, size_t size)
    __attribute__((returns_nonnull));
char *xstrdup(const char *text); /* null for null */
/* COUNT bytes and a terminating zero. */
char *xmemdupz(const void *bytes, size_t count) __attribute__((returns_nonnull));
/* Overwrite a string that is secret; the compiler cannot remove it. Accepts null. */
void wipe_secret(char *text);

#endif
