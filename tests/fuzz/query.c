/* Any bytes as a query: lengths and terminating zeros agree, decoding does not make texts
 * longer, and each value is found by its name. */
#include "app/query.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_value(const struct pairs *pairs, struct arena *arena,
                        const struct crew_pair *pair) {
    size_t count;
    pairs_number(pairs, pair->name, -10, 10, 0);
    const char *const *values = pairs_values(pairs, pair->name, arena, &count);
    const char *first = pairs_value(pairs, pair->name);
    assert(values[count] == NULL && values[0] == first);
    if (strlen(pair->name) == pair->name_bytes &&
        strlen(pair->value) == pair->value_bytes)
        assert(first != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    const size_t most = 100;
    struct arena arena = {0};
    struct pairs pairs = {0};
    size_t count, text_bytes = 0;
    int error = query_read(&pairs, &arena, (const char *)data, bytes, most);
    const struct crew_pair *all = pairs_all(&pairs, &count);
    assert(error == CREW_OK || (error == CREW_ETOOLARGE && count == most));
    for (size_t i = 0; i < count; i++) {
        assert(all[i].name[all[i].name_bytes] == '\0');
        assert(all[i].value[all[i].value_bytes] == '\0');
        text_bytes += all[i].name_bytes + all[i].value_bytes;
        check_value(&pairs, &arena, &all[i]);
    }
    assert(text_bytes <= bytes);
    pairs_fini(&pairs);
    arena_fini(&arena);
    return 0;
}
