/* Memory of small fixed size. What a peer can make large goes through struct buffer or
 * checks malloc itself and reports CREW_ENOMEM; a program that cannot get a few hundred
 * bytes for a list node has no way on, and ends with a message. */
#ifndef CREW_BASE_MEMORY_H
#define CREW_BASE_MEMORY_H

#include <stddef.h>

void *memory_zeroed(size_t bytes) __attribute__((returns_nonnull, malloc));
void *memory_resize(void *old, size_t count, size_t size)
    __attribute__((returns_nonnull));
char *memory_text(const char *text); /* a copy; null stays null */
/* BYTES as a text, with a zero behind them. */
char *memory_text_of(const void *bytes, size_t count) __attribute__((returns_nonnull));
/* Overwrite a secret so that the compiler cannot drop it. Null is fine. */
void memory_wipe(char *text);

#endif
