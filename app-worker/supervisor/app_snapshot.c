#include "app_snapshot.h"

#include "base/xalloc.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define CHUNK_BYTES ((size_t)1 << 30)

static int copy_bytes(int from, int to) {
    off_t at = 0;
    ssize_t sent;
    do
        sent = sendfile(to, from, &at, CHUNK_BYTES);
    while (sent > 0);
    return (int)sent;
}

static char *copy_into(const char *folder, size_t folder_bytes, const char *name,
                       int from) {
    size_t bytes = folder_bytes + strlen(name) + sizeof "/..XXXXXX";
    char *path = xcalloc(1, bytes);
    snprintf(path, bytes, "%.*s/.%s.XXXXXX", (int)folder_bytes, folder, name);
    int to = mkostemp(path, O_CLOEXEC);
    if (to < 0) {
        free(path);
        return NULL;
    }
    int failed = copy_bytes(from, to);
    close(to);
    if (failed) {
        app_snapshot_remove(path);
        return NULL;
    }
    return path;
}

char *app_snapshot_new(const char *app_path) {
    const char *slash = strrchr(app_path, '/');
    const char *folder = slash != NULL ? app_path : ".";
    size_t folder_bytes = slash != NULL ? (size_t)(slash - app_path) : 1;
    const char *name = slash != NULL ? slash + 1 : app_path;
    const char *temporary = getenv("TMPDIR");
    if (temporary == NULL)
        temporary = "/tmp";

    int from = open(app_path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return NULL;
    char *path = copy_into(folder, folder_bytes, name, from);
    if (path == NULL)
        path = copy_into(temporary, strlen(temporary), name, from);
    close(from);
    return path;
}

void app_snapshot_remove(char *path) {
    if (path != NULL)
        unlink(path);
    free(path);
}
