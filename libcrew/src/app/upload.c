#include "app/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { FDS_KEPT_BYTES = 256 };

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

/* Create a file whose name is NAME and a random suffix, which is appended to NAME. -1:
 * see errno. */
static int open_temporary(struct buffer *name) {
    buffer_append(name, ".XXXXXX", sizeof ".XXXXXX");
    if (name->failed) {
        errno = ENOMEM;
        return -1;
    }
    return mkostemp((char *)name->data, O_CLOEXEC);
}

/* ---- a file to keep ---- */

/* Unlike rename(2), link(2) does not replace an existing file. */
static int link_to(const char *temporary, const char *path) {
    if (link(temporary, path) == 0)
        return CREW_OK;
    return errno == EEXIST ? CREW_EEXIST : CREW_ESYSTEM;
}

static int save_as(const struct crew_upload *upload, int fd, const char *temporary,
                   const char *path) {
    int error = write_all(fd, upload->data, upload->bytes);
    if (close(fd) != 0 && error == CREW_OK) /* network file systems report errors here */
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

/* ---- temporary files ---- */

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

int upload_files_open(struct upload_files *files, const struct crew_upload *upload,
                      int *fd) {
    if (buffer_reserve(&files->fds, sizeof *fd) == NULL)
        return CREW_ENOMEM;
    int opened = open_nameless();
    if (opened < 0)
        return CREW_ESYSTEM;
    buffer_append(&files->fds, &opened, sizeof opened);
    int error = write_all(opened, upload->data, upload->bytes);
    if (error == CREW_OK && lseek(opened, 0, SEEK_SET) != 0)
        error = CREW_ESYSTEM;
    if (error == CREW_OK)
        *fd = opened;
    return error;
}

void upload_files_reset(struct upload_files *files) {
    const int *fds = (const int *)(const void *)files->fds.data;
    for (size_t i = 0; i < files->fds.len / sizeof *fds; i++)
        close(fds[i]);
    buffer_reset(&files->fds, FDS_KEPT_BYTES);
}

void upload_files_fini(struct upload_files *files) {
    upload_files_reset(files);
    buffer_fini(&files->fds);
}
