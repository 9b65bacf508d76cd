/* Memory of small fixed size: a program that cannot get it ends with a message. */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void out_of_memory(void) {
    static const char text[] = "out of memory\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
    abort();
}

void *memory_zeroed(size_t bytes) {
    void *p = calloc(1, bytes > 0 ? bytes : 1);
    if (p == NULL) {
        out_of_memory();
    }
    return p;
}

void *memory_resize(void *old, size_t count, size_t size) {
    if (count == 0 || size == 0) {
        count = size = 1; /* realloc to nothing would free */
    }
    void *p = reallocarray(old, count, size);
    if (p == NULL) {
        out_of_memory();
    }
    return p;
}

char *memory_text(const char *text) {
    if (text == NULL) {
        return NULL;
    }
    char *copy = strdup(text);
    if (copy == NULL) {
        out_of_memory();
    }
    return copy;
}

char *memory_text_of(const void *bytes, size_t count) {
    char *text = memory_zeroed(count + 1);
    if (count > 0) {
        memcpy(text, bytes, count);
    }
    return text;
}

void memory_wipe(char *text) {
    if (text != NULL) {
        explicit_bzero(text, strlen(text));
    }
}
