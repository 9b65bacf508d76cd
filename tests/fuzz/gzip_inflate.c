/* Any bytes as gzip: the output is limited, and unchanged on an error. Deflated bytes are
 * inflated to the same bytes. */
#include "wire/gzip.h"

#include <assert.h>
#include <crew/error.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void inflate_bounded(const uint8_t *data, size_t bytes, size_t max_bytes) {
    struct buffer out = BUFFER_INIT;
    buffer_append_text(&out, "before");
    int error = gzip_inflate(&out, data, bytes, max_bytes);
    assert(out.len >= 6 && memcmp(out.data, "before", 6) == 0);
    assert(error == 0 ? out.len - 6 <= max_bytes : out.len == 6);
    buffer_fini(&out);
}

static void there_and_back(const uint8_t *data, size_t bytes) {
    struct buffer packed = BUFFER_INIT, out = BUFFER_INIT;
    if (gzip_deflate(&packed, data, bytes)) {
        assert(packed.len <= bytes - bytes / 8);
        int error = gzip_inflate(&out, packed.data, packed.len, bytes);
        assert(error == 0 && out.len == bytes && memcmp(out.data, data, bytes) == 0);
        error = gzip_inflate(&out, packed.data, packed.len, bytes - 1);
        assert(error == CREW_ETOOLARGE && out.len == bytes);
    }
    assert(!packed.failed);
    buffer_fini(&packed);
    buffer_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    inflate_bounded(data, bytes, 100000);
    inflate_bounded(data, bytes, 0);
    there_and_back(data, bytes);
    return 0;
}
