/* Any preconditions: the status fits the method, and the properties of preconditions
 * hold. The first byte chooses the method and the fields, the lines are their values. */
#include "app/conditional.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* The next line; null if it is empty or there is none. */
static const char *next_line(char **text) {
    char *line = strsep(text, "\n");
    return line != NULL && *line != '\0' ? line : NULL;
}

static void check(const struct preconditions *p, const struct validators *current) {
    int status = conditional_status(p, current);
    assert(status == 0 || status == 412 || (status == 304 && p->reads));
    bool asks = p->if_match != NULL || p->if_none_match != NULL ||
                p->if_modified_since != NULL || p->if_unmodified_since != NULL;
    assert(asks || status == 0);

    /* If-Match and If-None-Match never both match. */
    const struct preconditions match = {.if_match = p->if_none_match};
    const struct preconditions none_match = {.if_none_match = p->if_none_match};
    if (p->if_none_match != NULL && conditional_status(&match, current) == 0)
        assert(conditional_status(&none_match, current) == 412);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    if (bytes == 0)
        return 0;
    char *copy = strndup((const char *)data + 1, bytes - 1), *text = copy;
    const struct preconditions preconditions = {
        .reads = data[0] & 1,
        .if_match = next_line(&text),
        .if_none_match = next_line(&text),
        .if_modified_since = next_line(&text),
        .if_unmodified_since = next_line(&text),
    };
    const struct validators current = {
        .etag = data[0] & 2 ? "\"v1\"" : NULL,
        .modified_s = data[0] & 4 ? 784111777 : 0,
        .now_s = 1700000000,
    };
    const char *if_range = next_line(&text);
    check(&preconditions, &current);
    if (conditional_range_holds(if_range, &current))
        assert(if_range == NULL || current.etag != NULL || current.modified_s != 0);
    free(copy);
    return 0;
}
