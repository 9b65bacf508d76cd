/* Any Range field for a file of any size: a part within it that is not empty, or the
 * whole file. The first bytes are the size. */
#include "app/range.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check(const char *field, uint64_t size) {
    struct range range = {0};
    enum range_request wish = range_read(field, size, &range);
    if (wish == RANGE_PART) {
        assert(range.bytes > 0 && range.first < size);
        assert(range.bytes <= size - range.first);
    } else if (wish == RANGE_WHOLE) {
        assert(range.first == 0 && range.bytes == size);
    } else {
        assert(wish == RANGE_UNSATISFIABLE && size > 0);
    }
    assert(wish == RANGE_WHOLE || strpbrk(field, "0123456789") != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    uint64_t size;
    if (bytes < sizeof size)
        return 0;
    memcpy(&size, data, sizeof size);
    char *field = strndup((const char *)data + sizeof size, bytes - sizeof size);
    check(field, size);
    check(field, size & 0xff); /* sizes near the numbers in the corpus */
    free(field);
    return 0;
}
