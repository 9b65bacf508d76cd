#include "app/sendfile.h"

#include "app/escape.h"
#include "base/utf8.h"
#include <string.h>

/* The length without slashes at the end. "/" becomes "", so that the path below a folder
 * always starts with a slash. */
static size_t trimmed(const char *text, size_t bytes) {
    while (bytes > 0 && text[bytes - 1] == '/')
        bytes--;
    return bytes;
}

/* The part of PATH after FOLDER, with its slash; null: PATH is not below FOLDER. */
static const char *below(const char *path, const char *folder, size_t folder_bytes) {
    size_t bytes = trimmed(folder, folder_bytes);
    bool is_below = folder_bytes > 0 && folder[0] == '/' &&
                    strncmp(path, folder, bytes) == 0 && path[bytes] == '/';
    return is_below ? path + bytes : NULL;
}

/* True when all web servers read "X-Sendfile: PATH" in the same way: lighttpd decodes it,
 * Apache's module does not, and Caddy cuts it at '?'. */
static bool reads_the_same(const char *path) {
    size_t bytes = strlen(path);
    for (const char *at = path; *at != '\0'; at++)
        if (*at == '%' || *at == '?' || (unsigned char)*at < ' ' || *at == 0x7f)
            return false;
    return bytes > 0 && path[bytes - 1] != ' ' && utf8_valid(path, bytes);
}

/* "X-Accel-Redirect: URI"; nginx decodes it. */
static bool write_uri(const char *mapping, const char *path, struct buffer *value) {
    const char *equals = strrchr(mapping, '=');
    if (equals == NULL || equals[1] != '/')
        return false;
    const char *rest = below(path, mapping, (size_t)(equals - mapping));
    if (rest == NULL)
        return false;
    buffer_append(value, equals + 1, trimmed(equals + 1, strlen(equals + 1)));
    escape_url(value, rest, "/");
    buffer_u8(value, '\0');
    return true;
}

const char *sendfile_field(const struct sendfile *sendfile, const char *path,
                           struct buffer *value) {
    const char *mapping = sendfile->x_accel_redirect, *folder = sendfile->x_sendfile;
    if (mapping != NULL && write_uri(mapping, path, value))
        return "X-Accel-Redirect";
    if (folder == NULL || below(path, folder, strlen(folder)) == NULL ||
        !reads_the_same(path))
        return NULL;
    buffer_append(value, path, strlen(path) + 1);
    return "X-Sendfile";
}
