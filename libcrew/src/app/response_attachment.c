/* Content-Disposition: attachment (RFC 6266), with non-ASCII file names (RFC 8187). */
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

/* Characters that all clients read in the same way inside quotes (RFC 6266 appendix
 * D). */
static bool is_plain(char c) {
    return c >= ' ' && c < 0x7f && strchr("\"\\%", c) == NULL;
}

/* The name for clients that do not know filename*, with '_' for other characters. True:
 * it has no other characters. */
static bool write_plain_name(struct buffer *to, const char *name) {
    bool is_complete = true;
    for (; *name != '\0'; name++) {
        is_complete = is_complete && is_plain(*name);
        buffer_append(to, is_plain(*name) ? name : "_", 1);
    }
    return is_complete;
}

static void write_names(struct buffer *to, const char *name) {
    buffer_append_text(to, "; filename=\"");
    bool is_complete = write_plain_name(to, name);
    buffer_append_text(to, "\"");
    if (is_complete || !utf8_valid(name, strlen(name)))
        return;
    buffer_append_text(to, "; filename*=UTF-8''");
    escape_url(to, name, ""); /* unescaped characters are attr-char (RFC 8187 §3.2.1) */
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
