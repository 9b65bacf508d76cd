#include "base/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAPACITY_BYTES 64

void buffer_init(struct buffer *b) {
    *b = BUFFER_INIT;
}

void buffer_fini(struct buffer *b) {
    free(b->data);
    *b = BUFFER_INIT;
}

/* Doubling makes the cost of many small appends linear. */
static size_t next_capacity(const struct buffer *b, size_t needed) {
    size_t cap = b->cap > 0 ? b->cap : FIRST_CAPACITY_BYTES;
    while (cap < needed) {
        if (cap > SIZE_MAX / 2)
            return needed;
        cap *= 2;
    }
    return cap;
}

static bool grow(struct buffer *b, size_t bytes) {
    if (bytes > SIZE_MAX - b->len)
        return false;
    size_t cap = next_capacity(b, b->len + bytes);
    uint8_t *data = realloc(b->data, cap);
    if (data == NULL)
        return false;
    b->data = data;
    b->cap = cap;
    return true;
}

uint8_t *buffer_grow(struct buffer *b, size_t bytes) {
    if (b->failed || !grow(b, bytes)) {
        b->failed = true; /* until buffer_reset: the contents must have no gap */
        return NULL;
    }
    return b->data + b->len;
}

void buffer_append_text(struct buffer *b, const char *text) {
    buffer_append(b, text, strlen(text));
}

static void append_formatted(struct buffer *b, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static void append_formatted(struct buffer *b, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int bytes = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (bytes < 0) {
        b->failed = true;
        return;
    }
    /* vsnprintf writes a terminating zero, which is not part of the contents. */
    size_t space = (size_t)bytes + 1;
    uint8_t *to = buffer_reserve(b, space);
    if (to != NULL) {
        vsnprintf((char *)to, space, format, args);
        b->len += (size_t)bytes;
    }
}

void buffer_printf(struct buffer *b, const char *format, ...) {
    va_list args;
    va_start(args, format);
    append_formatted(b, format, args);
    va_end(args);
}

void buffer_put_u32_at(struct buffer *b, size_t at, uint32_t v) {
    assert(at <= b->len && b->len - at >= sizeof v);
    v = htobe32(v);
    memcpy(b->data + at, &v, sizeof v);
}

void buffer_reset(struct buffer *b, size_t keep) {
    b->len = 0;
    b->failed = false;
    if (b->cap <= keep)
        return;
    uint8_t *smaller = keep > 0 ? realloc(b->data, keep) : NULL;
    if (smaller != NULL) {
        b->data = smaller;
        b->cap = keep;
    } else {
        buffer_fini(b);
    }
}

void buffer_consume(struct buffer *b, size_t bytes) {
    assert(bytes <= b->len);
    b->len -= bytes;
    if (b->len > 0 && bytes > 0)
        memmove(b->data, b->data + bytes, b->len);
}
