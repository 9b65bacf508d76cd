/* A growing byte buffer. If memory runs out, it keeps its contents and is marked failed,
 * and later appends do nothing: check `failed` once at the end. Numbers are written in
 * network order. Functions on the hot path are inline. */
#ifndef CREW_BASE_BUFFER_H
#define CREW_BASE_BUFFER_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buffer {
    uint8_t *data;
    size_t len;
    size_t cap;
    bool failed;
};

#define BUFFER_INIT ((struct buffer){0})

void buffer_init(struct buffer *b);
void buffer_fini(struct buffer *b);

/* buffer_reserve if BYTES more do not fit. */
uint8_t *buffer_grow(struct buffer *b, size_t bytes);

/* Reserve space for BYTES after the end and return its address; null: out of memory. The
 * length does not change: add to b->len what is written. */
static inline uint8_t *buffer_reserve(struct buffer *b, size_t bytes) {
    bool fits = !b->failed && b->data != NULL && b->cap - b->len >= bytes;
    return fits ? b->data + b->len : buffer_grow(b, bytes);
}

static inline void buffer_append(struct buffer *b, const void *data, size_t bytes) {
    uint8_t *to = bytes > 0 ? buffer_reserve(b, bytes) : NULL;
    if (to != NULL) {
        memcpy(to, data, bytes);
        b->len += bytes;
    }
}

void buffer_append_text(struct buffer *b, const char *text);
void buffer_printf(struct buffer *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline void buffer_u8(struct buffer *b, uint8_t v) {
    buffer_append(b, &v, sizeof v);
}

static inline void buffer_u16(struct buffer *b, uint16_t v) {
    v = htobe16(v);
    buffer_append(b, &v, sizeof v);
}

static inline void buffer_u32(struct buffer *b, uint32_t v) {
    v = htobe32(v);
    buffer_append(b, &v, sizeof v);
}

static inline void buffer_u64(struct buffer *b, uint64_t v) {
    v = htobe64(v);
    buffer_append(b, &v, sizeof v);
}

/* Overwrite four bytes at offset AT. */
void buffer_put_u32_at(struct buffer *b, size_t at, uint32_t v);

/* Empty it; keep at most KEEP bytes of memory. */
void buffer_reset(struct buffer *b, size_t keep);

/* Remove the first BYTES. */
void buffer_consume(struct buffer *b, size_t bytes);

/* Read numbers in network order. */
static inline uint16_t bytes_u16(const uint8_t *p) {
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return be16toh(v);
}

static inline uint32_t bytes_u32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return be32toh(v);
}

static inline uint64_t bytes_u64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return be64toh(v);
}

#endif
