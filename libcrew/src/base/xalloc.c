#include "base/xalloc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void out_of_memory(void) {
    static const char text[] = "out of memory\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
    abort();
}

void *xcalloc(size_t count, size_t size) {
    bool is_empty = count == 0 || size == 0; /* calloc of 0 bytes may return null */
    void *p = is_empty ? calloc(1, 1) : calloc(count, size);
    if (p == NULL)
        out_of_memory();
    return p;
}

void *xreallocarray(void *old, size_t count, size_t size) {
    if (count == 0 || size == 0)
        count = size = 1; /* reallocarray to 0 bytes may free */
    void *p = reallocarray(old, count, size);
    if (p == NULL)
        out_of_memory();
    return p;
}

char *xstrdup(const char *text) {
    if (text == NULL)
        return NULL;
    char *copy = strdup(text);
    if (copy == NULL)
        out_of_memory();
    return copy;
}

char *xmemdupz(const void *bytes, size_t count) {
    char *text = xcalloc(1, count + 1);
    if (count > 0)
        memcpy(text, bytes, count);
    return text;
}

void wipe_secret(char *text) {
    if (text != NULL)
        explicit_bzero(text, strlen(text));
}
