/* The first line as a Content-Type, the rest as a body of that type: the parts are in
 * order, within the body, and contain no boundary. */
#include "app/multipart.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_within(struct span piece, struct span whole) {
    assert(piece.bytes == 0 ||
           (piece.data >= whole.data && span_end(piece) <= span_end(whole)));
}

static void check_parameter(struct span field, const char *name) {
    struct span value;
    if (parameter_find(field, name, &value) != PARAMETER_FOUND)
        return;
    check_within(value, field);
    char *text = malloc(value.bytes + 1);
    assert(text != NULL && parameter_text(text, value) <= value.bytes);
    free(text);
}

static void check_part(const struct multipart *multipart,
                       const struct multipart_part *part, struct span body) {
    check_within(part->content, body);
    check_within(part->disposition, body);
    check_within(part->content_type, body);
    assert(memmem(part->content.data, part->content.bytes, multipart->delimiter,
                  multipart->delimiter_bytes) == NULL);
    check_parameter(part->disposition, "name");
    check_parameter(part->disposition, "filename");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    struct span type, body;
    struct multipart multipart;
    struct multipart_part part;
    enum multipart_step step;
    span_split(span_of((const char *)data, bytes), '\n', &type, &body);
    if (!multipart_begin(&multipart, type, body)) {
        assert(multipart.why != NULL);
        return 0;
    }
    const char *at = body.data;
    while ((step = multipart_next(&multipart, &part)) == MULTIPART_PART) {
        check_part(&multipart, &part, body);
        assert(part.content.data > at);
        at = part.content.data;
    }
    assert((step == MULTIPART_BROKEN) == (multipart.why != NULL));
    return 0;
}
