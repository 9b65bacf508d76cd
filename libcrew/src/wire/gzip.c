#include "wire/gzip.h"

#include <crew/error.h>
#include <stdint.h>
#include <zlib.h>

/* windowBits of zlib: the largest window, gzip format only. */
#define GZIP_ONLY_BITS (15 + 16)
#define DEFAULT_MEMORY_LEVEL 8
#define SAMPLE_BYTES 65536
#define FIRST_OUTPUT_BYTES 16384
#define STEP_MAX_BYTES 4194304

static size_t worthwhile_bytes(size_t bytes) {
    return bytes - bytes / 8;
}

/* Compress the sample, then the rest in the same stream. The flush between them gives the
 * size of the compressed sample. */
static bool deflate_into(z_stream *z, size_t bytes) {
    if (bytes > SAMPLE_BYTES) {
        z->avail_in = SAMPLE_BYTES;
        if (deflate(z, Z_SYNC_FLUSH) != Z_OK || z->avail_in > 0 ||
            z->total_out > worthwhile_bytes(SAMPLE_BYTES))
            return false;
        bytes -= SAMPLE_BYTES;
    }
    z->avail_in = (uInt)bytes;
    return deflate(z, Z_FINISH) == Z_STREAM_END;
}

bool gzip_deflate(struct buffer *to, const void *data, size_t bytes) {
    z_stream z = {0};
    if (to->failed || bytes == 0 || bytes > UINT32_MAX)
        return false;
    /* Only a worthwhile result fits, so deflate fails on a larger one. */
    uint8_t *space = buffer_reserve(to, worthwhile_bytes(bytes));
    if (space == NULL) {
        to->failed = false; /* the caller can send it uncompressed */
        return false;
    }
    if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, GZIP_ONLY_BITS, DEFAULT_MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    z.next_in = (z_const Bytef *)data;
    z.next_out = space;
    z.avail_out = (uInt)worthwhile_bytes(bytes);
    bool worthwhile = deflate_into(&z, bytes);
    if (worthwhile)
        to->len += z.total_out;
    deflateEnd(&z);
    return worthwhile;
}

/* How much space to reserve next: as much as the output so far, at most one byte over the
 * limit, which shows that it is exceeded. */
static size_t next_step(size_t produced, size_t max_bytes) {
    size_t step = produced < FIRST_OUTPUT_BYTES ? FIRST_OUTPUT_BYTES : produced;
    if (step > STEP_MAX_BYTES)
        step = STEP_MAX_BYTES;
    return step > max_bytes - produced ? max_bytes - produced + 1 : step;
}

static int error_of(int zlib_result) {
    return zlib_result == Z_MEM_ERROR ? CREW_ENOMEM : CREW_EMALFORMED;
}

/* Produce a step of output. *ENDED: the end of the input is reached. */
static int inflate_step(z_stream *z, struct buffer *to, size_t space_bytes, bool *ended) {
    z->next_out = buffer_reserve(to, space_bytes);
    if (z->next_out == NULL)
        return CREW_ENOMEM;
    z->avail_out = (uInt)space_bytes;
    int result = inflate(z, Z_NO_FLUSH);
    to->len += space_bytes - z->avail_out;
    if (result == Z_STREAM_END && z->avail_in > 0)
        return inflateReset(z) == Z_OK ? CREW_OK : CREW_EMALFORMED;
    *ended = result == Z_STREAM_END;
    /* Z_BUF_ERROR: the input is truncated. */
    return result == Z_OK || *ended ? CREW_OK : error_of(result);
}

int gzip_inflate(struct buffer *to, const void *data, size_t bytes, size_t max_bytes) {
    z_stream z = {0};
    const size_t before = to->len;
    bool ended = false;
    if (bytes > UINT32_MAX)
        return CREW_ETOOLARGE;
    int error = inflateInit2(&z, GZIP_ONLY_BITS) == Z_OK ? CREW_OK : CREW_ENOMEM;
    z.next_in = (z_const Bytef *)data;
    z.avail_in = (uInt)bytes;
    while (!ended && error == CREW_OK) {
        size_t produced = to->len - before;
        error = produced > max_bytes
                    ? CREW_ETOOLARGE
                    : inflate_step(&z, to, next_step(produced, max_bytes), &ended);
    }
    if (error == CREW_OK && to->len - before > max_bytes)
        error = CREW_ETOOLARGE;
    if (error != CREW_OK)
        to->len = before;
    inflateEnd(&z);
    return error;
}
