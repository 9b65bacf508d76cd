/* Any bytes as a Cookie field: values are parts of it and contain no separator. */
#include "app/cookie.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static bool is_piece(const char *text, size_t text_bytes, const uint8_t *of,
                     size_t bytes) {
    return text[text_bytes] == '\0' && memchr(text, ';', text_bytes) == NULL &&
           memmem(of, bytes, text, text_bytes) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    struct arena arena = {0};
    struct pairs pairs = {0};
    size_t count;
    int error = cookie_read(&pairs, &arena, (const char *)data, bytes);
    assert(error == CREW_OK);
    const struct crew_pair *all = pairs_all(&pairs, &count);
    for (size_t i = 0; i < count; i++) {
        assert(all[i].name_bytes > 0 && strchr(all[i].name, '=') == NULL);
        assert(is_piece(all[i].name, all[i].name_bytes, data, bytes));
        assert(is_piece(all[i].value, all[i].value_bytes, data, bytes));
    }
    pairs_fini(&pairs);
    arena_fini(&arena);
    return 0;
}
