/* Arbitrary bytes as the fields of a subscriber: what is accepted as a cursor is one, in
 * the query too. */
#include "fcgi-bridge/http/accept_header.h"
#include "fcgi-bridge/http/cursor.h"

#include <assert.h>
#include <stdbool.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static bool is_number(const uint8_t *data, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (data[i] < '0' || data[i] > '9')
            return false;
    return bytes > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    const struct crew_pair pair = {.value = (const char *)data, .value_bytes = bytes};
    uint64_t cursor = 0;
    enum cursor_result found =
        cursor_find(&(struct cursor_sources){.field = &pair}, &cursor);
    assert((found == CURSOR_NONE) == (bytes == 0));
    assert(found != CURSOR_GIVEN || is_number(data, bytes));
    assert(found != CURSOR_BAD || !is_number(data, bytes) || bytes >= 20);

    found = cursor_find(&(struct cursor_sources){.query = &pair}, &cursor);
    assert(found != CURSOR_GIVEN || bytes > 7);
    accept_header_names(pair.value, bytes, "application/json");
    return 0;
}
