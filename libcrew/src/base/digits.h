/* Numbers as text, for the hot path: printf is many times slower. */
#ifndef CREW_BASE_DIGITS_H
#define CREW_BASE_DIGITS_H

#include <stddef.h>
#include <stdint.h>

#define DIGITS_BYTES 21 /* of the longest number, with its terminating zero */

/* Write NUMBER in BASE (10, 16) and a terminating zero. Returns the number of digits. */
static inline size_t digits_write(char to[DIGITS_BYTES], uint64_t number, unsigned base) {
    char reversed[DIGITS_BYTES];
    size_t count = 0;
    do {
        reversed[count++] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number > 0);
    for (size_t i = 0; i < count; i++)
        to[i] = reversed[count - 1 - i];
    to[count] = '\0';
    return count;
}

#endif
