/* Content-Disposition: attachment (RFC 6266), with a name of any letters (RFC 8187). */
#include "app/escape.h"
#include "app/response.h"
#include "base/utf8.h"
#include <string.h>

static bool has_control_character(const char *name) {
    for (; *name != '\0'; name++)
        if ((unsigned char)*name < ' ' || *name == 0x7f)
            return true;
    return false;
}

/* What every client reads in the same way inside quotes: RFC 6266 appendix D. */
static bool is_plain(char c) {
    return c >= ' ' && c < 0x7f && strchr("\"\\%", c) == NULL;
}

/* The name for clients that do not know filename*: what is not plain becomes '_'. Returns
 * whether that was all of it. */
static bool write_plain_name(struct buffer *to, const char *name) {
    bool whole = true;
    for (; *name != '\0'; name++) {
        whole = whole && is_plain(*name);
        buffer_append(to, is_plain(*name) ? name : "_", 1);
    }
    return whole;
}

static void write_names(struct buffer *to, const char *name) {
    buffer_append_text(to, "; filename=\"");
    bool whole = write_plain_name(to, name);
    buffer_append_text(to, "\"");
    if (whole || !utf8_valid(name, strlen(name)))
        return;
    buffer_append_text(to, "; filename*=UTF-8''");
    escape_url(to, name, ""); /* what it leaves is attr-char of RFC 8187 §3.2.1 */
}

int crew_response_attachment(crew_response *response, const char *filename) {
    if (filename != NULL && has_control_character(filename))
        return response_invalid(response, CREW_EBADRESPONSE, CREW_EINVAL,
                                "a file name with control characters", "");
    struct buffer field = BUFFER_INIT;
    buffer_append_text(&field, "attachment");
    if (filename != NULL) {
        const char *slash = strrchr(filename, '/');
        write_names(&field, slash != NULL ? slash + 1 : filename);
    }
    buffer_u8(&field, '\0');
    int error = field.failed ? response_out_of_memory(response)
                             : crew_response_header(response, "Content-Disposition",
                                                    (const char *)field.data);
    buffer_fini(&field);
    return error;
}
