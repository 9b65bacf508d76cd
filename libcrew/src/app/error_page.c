/* Answers that are errors. They are written at once, in plain text; an app's own page
 * takes the place of that when the handler has returned (app/serve.c). */
#include "app/response.h"

#include "wire/envelope.h"
#include "wire/http_fields.h"
#include <string.h>

/* Does the field speak of the body alone (RFC 9110 §8)? */
static bool describes_body(const struct crew_pair *field) {
    static const char *const names[] = {"Content-Disposition",
                                        "Content-Encoding",
                                        "Content-Language",
                                        "Content-Length",
                                        "ETag",
                                        "Last-Modified"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (http_name_equal(field->name, field->name_bytes, names[i]))
            return true;
    return false;
}

void response_forget_body(struct crew_response *response) {
    response->body.len = 0;
    response->content_type.len = 0;
    response->kind =
        RESPONSE_BYTES; /* it may have been a page, which an error's text is not */

    struct buffer *fields = &response->fields;
    struct wire_bytes block = {fields->data, fields->len};
    struct crew_pair field;
    fields->len = 0;
    for (const uint8_t *begin = block.data; wire_pairs_next(&block, &field);
         begin = block.data) {
        if (describes_body(&field)) {
            response->field_count--;
            continue;
        }
        size_t bytes = (size_t)(block.data - begin);
        memmove(fields->data + fields->len, begin, bytes);
        fields->len += bytes;
    }
}

int crew_response_error(crew_response *response, int status, const char *text) {
    if (response->stream.begun)
        return CREW_EINVAL;
    response_forget_body(response);
    response->is_error = true;
    response->error_text.len = 0;
    if (text != NULL)
        buffer_append(&response->error_text, text, strlen(text) + 1);
    if (response->error_text.failed)
        return response_out_of_memory(response);
    int error = crew_response_status(response, status);
    if (error != CREW_OK)
        return error;
    const char *reason = http_reason(status);
    return crew_response_printf(response, "%d%s%s%s%s\n", status,
                                reason[0] != '\0' ? " " : "", reason,
                                text != NULL ? ": " : "", text != NULL ? text : "");
}
