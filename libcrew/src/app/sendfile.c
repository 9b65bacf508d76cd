/* Leaving a file to the web server. */
#include "app/sendfile.h"

#include "app/escape.h"
#include <string.h>

/* How many bytes are left without slashes at the end: "/" is "", so that a path below is
 * always what follows, from a slash on. */
static size_t trimmed(const char *text, size_t bytes) {
    while (bytes > 0 && text[bytes - 1] == '/')
        bytes--;
    return bytes;
}

/* What follows FOLDER in PATH, from its slash on; null when it is not below. */
static const char *below(const char *path, const char *folder, size_t folder_bytes) {
    size_t bytes = trimmed(folder, folder_bytes);
    bool is_below = folder_bytes > 0 && folder[0] == '/' &&
                    strncmp(path, folder, bytes) == 0 && path[bytes] == '/';
    return is_below ? path + bytes : NULL;
}

const char *sendfile_field(const struct sendfile *sendfile, const char *path,
                           struct buffer *value) {
    const char *mapping = sendfile->x_accel_redirect;
    const char *equals = mapping != NULL ? strrchr(mapping, '=') : NULL;
    const char *rest =
        equals != NULL ? below(path, mapping, (size_t)(equals - mapping)) : NULL;
    if (rest != NULL && equals[1] == '/') {
        buffer_append(value, equals + 1, trimmed(equals + 1, strlen(equals + 1)));
        escape_url(value, rest, "/");
        buffer_u8(value, '\0');
        return "X-Accel-Redirect";
    }
    const char *folder = sendfile->x_sendfile;
    if (folder != NULL && below(path, folder, strlen(folder)) != NULL) {
        escape_url(value, path, "/");
        buffer_u8(value, '\0');
        return "X-Sendfile";
    }
    return NULL;
}
