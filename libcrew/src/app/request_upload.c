/* Uploads as files.
 *
 * A handler's process has the whole body in its memory before the handler runs, so a
 * large part that went to a temporary file at once would be there twice, whether or not
 * anybody wants a file. An upload is a view of the body, therefore, and the file is made
 * when it is asked for: at the place where it is to stay, or without a name and for the
 * handler's time.
 */
#include "app/request.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILES_KEPT_BYTES = 256 };

/* ---- writing ---- */

static int write_all(int fd, const char *data, size_t bytes) {
    while (bytes > 0) {
        ssize_t written = write(fd, data, bytes);
        if (written < 0 && errno != EINTR)
            return CREW_ESYSTEM;
        if (written > 0) {
            data += written;
            bytes -= (size_t)written;
        }
    }
    return CREW_OK;
}

/* A new file in the folder of the path that NAME begins with; the rest of its name is
 * made up and is in NAME then. -1: errno. */
static int open_temporary(struct buffer *name) {
    buffer_append(name, ".XXXXXX", sizeof ".XXXXXX");
    if (name->failed) {
        errno = ENOMEM;
        return -1;
    }
    return mkostemp((char *)name->data, O_CLOEXEC);
}

/* ---- a file to keep ---- */

/* A link is never made over what is there, rename(2) would be. */
static int link_to(const char *temporary, const char *path) {
    if (link(temporary, path) == 0)
        return CREW_OK;
    return errno == EEXIST ? CREW_EEXIST : CREW_ESYSTEM;
}

static int save_as(const struct crew_upload *upload, int fd, const char *temporary,
                   const char *path) {
    int error = write_all(fd, upload->data, upload->bytes);
    if (close(fd) != 0 && error == CREW_OK) /* a file system over the net fails here */
        error = CREW_ESYSTEM;
    if (error == CREW_OK)
        error = link_to(temporary, path);
    int why = errno;
    unlink(temporary);
    errno = why;
    return error;
}

int crew_upload_save(const struct crew_upload *upload, const char *path) {
    struct buffer temporary = BUFFER_INIT;
    buffer_append_text(&temporary, path);
    int fd = open_temporary(&temporary);
    int error = CREW_ESYSTEM;
    if (fd >= 0)
        error = save_as(upload, fd, (const char *)temporary.data, path);
    buffer_fini(&temporary);
    return error;
}

/* ---- a file for the handler's time ---- */

static int open_nameless(void) {
    const char *folder = secure_getenv("TMPDIR");
    struct buffer name = BUFFER_INIT;
    buffer_printf(&name, "%s/crew-upload",
                  folder != NULL && folder[0] != '\0' ? folder : "/tmp");
    int fd = open_temporary(&name);
    if (fd >= 0)
        unlink((const char *)name.data);
    buffer_fini(&name);
    return fd;
}

int crew_request_upload_fd(crew_request *request, const struct crew_upload *upload,
                           int *fd) {
    if (buffer_reserve(&request->files, sizeof *fd) == NULL)
        return CREW_ENOMEM;
    int made = open_nameless();
    if (made < 0)
        return CREW_ESYSTEM;
    buffer_append(&request->files, &made, sizeof made);
    int error = write_all(made, upload->data, upload->bytes);
    if (error == CREW_OK && lseek(made, 0, SEEK_SET) != 0)
        error = CREW_ESYSTEM;
    if (error == CREW_OK)
        *fd = made;
    return error;
}

void request_close_files(struct crew_request *request) {
    const int *files = (const int *)(const void *)request->files.data;
    for (size_t i = 0; i < request->files.len / sizeof *files; i++)
        close(files[i]);
    buffer_reset(&request->files, FILES_KEPT_BYTES);
}
