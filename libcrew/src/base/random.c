/* Directly from the kernel: no state, safe on any thread and in a forked child. */
#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

static void fill_random(uint8_t *to, size_t bytes) {
    while (bytes > 0) {
        ssize_t filled = getrandom(to, bytes, 0);
        if (filled > 0) {
            to += filled;
            bytes -= (size_t)filled;
        } else if (errno != EINTR) {
            abort(); /* a kernel without getrandom: ids would not be unique */
        }
    }
}

static char *put_hex(char *to, uint8_t byte) {
    static const char digits[] = "0123456789abcdef";
    *to++ = digits[byte >> 4];
    *to++ = digits[byte & 15];
    return to;
}

void random_uuid(char text[UUID_BYTES]) {
    uint8_t random[16];
    fill_random(random, sizeof random);
    random[6] = (uint8_t)((random[6] & 0x0f) | 0x40); /* version 4 */
    random[8] = (uint8_t)((random[8] & 0x3f) | 0x80); /* variant of RFC 9562 */
    for (size_t i = 0; i < sizeof random; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *text++ = '-';
        text = put_hex(text, random[i]);
    }
    *text = '\0';
}

void random_hex(char *text, size_t bytes) {
    for (size_t done = 0; done < bytes;) {
        uint8_t random[32];
        size_t part = bytes - done < sizeof random ? bytes - done : sizeof random;
        fill_random(random, part);
        for (size_t i = 0; i < part; i++)
            text = put_hex(text, random[i]);
        done += part;
    }
    *text = '\0';
}

uint32_t random_below(uint32_t limit) {
    uint32_t random;
    fill_random((uint8_t *)&random, sizeof random);
    return (uint32_t)(((uint64_t)random * limit) >> 32);
}
