/* Load: what the bridge holds for its requests, compared with its limits. Connections,
 * calls and publications report what they hold; new requests are refused while a limit is
 * reached. One per bridge. */
#ifndef BRIDGE_LOAD_H
#define BRIDGE_LOAD_H

#include <stdbool.h>
#include <stddef.h>

struct load {
    unsigned inflight; /* calls and publications that the client has */
    unsigned max_inflight;
    size_t buffered_bytes; /* input, bodies in flight, unsent output */
    size_t max_buffered_bytes;
};

/* load_begin - a call or publication with BODY_BYTES was given to the client. */
static inline void load_begin(struct load *load, size_t body_bytes) {
    load->inflight++;
    load->buffered_bytes += body_bytes;
}

/* load_end - it has ended. */
static inline void load_end(struct load *load, size_t body_bytes) {
    load->inflight--;
    load->buffered_bytes -= body_bytes;
}

/* load_update - a buffer or a group of them has changed its size from BEFORE to NOW. */
static inline void load_update(struct load *load, size_t before, size_t now) {
    load->buffered_bytes += now - before;
}

static inline unsigned load_inflight(const struct load *load) {
    return load->inflight;
}

static inline bool load_inflight_full(const struct load *load) {
    return load->inflight >= load->max_inflight;
}

static inline bool load_memory_full(const struct load *load) {
    return load->buffered_bytes > load->max_buffered_bytes;
}

#endif
