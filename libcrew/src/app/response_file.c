/* Files as responses. The web server sends the file where it can (app/sendfile.h); else
 * it is read and sent here, with Content-Type, validators, preconditions and ranges.
 *
 * The file is opened first, and all decisions are about the open file, as the path may be
 * replaced at any time. */
#include "app/media_type.h"
#include "app/range.h"
#include "app/response.h"
#include "app/response_conditional.h"
#include "app/sendfile.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FIELD_BYTES = 80, PATH_IN_LOG_BYTES = 100, PIECE_BYTES = 64 * 1024 };

/* O_NONBLOCK: opening a FIFO without a writer must not block. */
enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK };

/* ---- errors ---- */

/* True when there is no such file for clients: it does not exist, is outside of the root
 * (EXDEV, EAGAIN: openat2(2)), not readable, or a socket (ENXIO). */
static bool is_absent(int error) {
    static const int absent[] = {ENOENT, ENOTDIR, ENAMETOOLONG, ELOOP,
                                 EXDEV,  EAGAIN,  EACCES,       ENXIO};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        if (error == absent[i])
            return true;
    return false;
}

/* Another errno is an error of the server. The path is cut to fit into the log line. */
static int cannot(crew_response *response, const char *path) {
    char detail[PATH_IN_LOG_BYTES + 60];
    snprintf(detail, sizeof detail, "%.*s: %s", PATH_IN_LOG_BYTES, path, strerror(errno));
    return response_invalid(response, CREW_EFAILED, CREW_ESYSTEM, "cannot send ", detail);
}

static int answer_absent(crew_request *request, crew_response *response,
                         const char *path) {
    if (errno == EACCES)
        crew_request_log(request, CREW_LOG_WARNING, "may not read %s", path);
    return crew_response_error(response, 404, NULL);
}

/* ---- sending by the web server ---- */

/* The present path of the open FILE, without symbolic links. */
static bool real_path(int file, char path[PATH_MAX]) {
    char link[FIELD_BYTES];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t bytes = readlink(link, path, PATH_MAX - 1);
    if (bytes < 0)
        return false;
    path[bytes] = '\0';
    return true;
}

/* False: the web server cannot send it, or must not. In plain calls the fields are the
 * caller's and do not count. */
static bool send_by_server(const crew_request *request, crew_response *response,
                           int file) {
    const struct sendfile sendfile = {
        crew_request_param(request, "X_ACCEL_REDIRECT"),
        crew_request_param(request, "X_SENDFILE"),
    };
    char path[PATH_MAX];
    if (crew_request_form(request) != CREW_HTTP || !real_path(file, path))
        return false;
    struct buffer value = BUFFER_INIT;
    const char *name = sendfile_field(&sendfile, path, &value);
    if (name != NULL && value.failed)
        response_out_of_memory(response);
    else if (name != NULL)
        crew_response_header(response, name, (const char *)value.data);
    buffer_fini(&value);
    return name != NULL;
}

/* ---- sending here ---- */

/* Read a part of the file into the body. A file that has become shorter is an error, as
 * its length is in the header fields already. */
static int read_part(crew_response *response, int file, const char *path,
                     const struct range *part) {
    int error = CREW_OK;
    char *room = response_body_reserve(response, (size_t)part->bytes, &error);
    size_t done = 0;
    while (room != NULL && done < part->bytes) {
        ssize_t bytes = pread(file, room + done, (size_t)part->bytes - done,
                              (off_t)(part->first + done));
        if (bytes == 0)
            errno = EIO;
        if (bytes <= 0 && errno != EINTR)
            return cannot(response, path);
        done += bytes > 0 ? (size_t)bytes : 0;
    }
    response_body_commit(response, done);
    return error;
}

/* A file larger than the response limit is flushed in pieces, if the response can
 * stream. */
static int stream_part(crew_response *response, int file, const char *path,
                       const struct range *part) {
    if (!response_can_stream(response))
        return response_invalid(response, CREW_EBADRESPONSE, CREW_ETOOLARGE,
                                "over --max-response: ", path);
    size_t max_bytes = response_max_body_bytes(response);
    if (max_bytes == 0 || max_bytes > PIECE_BYTES)
        max_bytes = PIECE_BYTES;
    struct range piece = {.first = part->first};
    uint64_t left = part->bytes;
    int error = CREW_OK;
    while (left > 0 && error == CREW_OK) {
        piece.bytes = left < max_bytes ? left : max_bytes;
        error = read_part(response, file, path, &piece);
        if (error == CREW_OK)
            error = crew_response_flush(response);
        piece.first += piece.bytes;
        left -= piece.bytes;
    }
    return error;
}

/* The part that the client asks for (RFC 9110 §14.2). */
static enum range_request wanted_part(const crew_request *request, uint64_t size,
                                      const struct validators *current,
                                      struct range *part) {
    const char *field = crew_request_header(request, "Range");
    if (strcmp(crew_request_method(request), "GET") != 0 ||
        !conditional_range_holds(crew_request_header(request, "If-Range"), current))
        field = NULL;
    return range_read(field, size, part);
}

static int answer_unsatisfiable(crew_response *response, uint64_t size) {
    char field[FIELD_BYTES];
    snprintf(field, sizeof field, "bytes */%" PRIu64, size);
    crew_response_header(response, "Content-Range", field);
    return crew_response_error(response, 416, NULL);
}

static void answer_part(crew_response *response, const struct range *part,
                        uint64_t size) {
    char field[FIELD_BYTES];
    snprintf(field, sizeof field, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, part->first,
             part->first + part->bytes - 1, size);
    crew_response_header(response, "Content-Range", field);
    crew_response_status(response, 206);
}

/* For HEAD the length is enough, without reading. */
static int send_part(const crew_request *request, crew_response *response, int file,
                     const char *path, const struct range *part) {
    char length[FIELD_BYTES];
    if (strcmp(crew_request_method(request), "HEAD") != 0)
        return part->bytes > response_max_body_bytes(response)
                   ? stream_part(response, file, path, part)
                   : read_part(response, file, path, part);
    snprintf(length, sizeof length, "%" PRIu64, part->bytes);
    return crew_response_header(response, "Content-Length", length);
}

/* The ETag consists of size and modification time. A file that was only touched gets
 * another ETag, which costs a transfer. All hosts with a copy that has the same time
 * agree. */
static int send_conditionally(const crew_request *request, crew_response *response,
                              int file, const char *path, const struct stat *status) {
    char etag[FIELD_BYTES];
    snprintf(etag, sizeof etag, "\"%jx-%jx.%lx\"", (uintmax_t)status->st_size,
             (uintmax_t)status->st_mtim.tv_sec, (unsigned long)status->st_mtim.tv_nsec);
    const struct validators current = response_validators(etag, status->st_mtim.tv_sec);
    if (response_is_decided(request, response, &current))
        return CREW_OK;

    uint64_t size = (uint64_t)status->st_size;
    struct range part;
    enum range_request wanted = wanted_part(request, size, &current, &part);
    crew_response_header(response, "Accept-Ranges", "bytes");
    if (wanted == RANGE_UNSATISFIABLE)
        return answer_unsatisfiable(response, size);
    if (wanted == RANGE_PART)
        answer_part(response, &part, size);
    return send_part(request, response, file, path, &part);
}

/* With a status other than 200 (a page for 404) the file is not a resource with versions
 * and ranges, and a web server would change the status to 200. */
static int send_file(const crew_request *request, crew_response *response, int file,
                     const char *path, const struct stat *status) {
    const struct range whole = {0, (uint64_t)status->st_size};
    response_clear_body(response);
    if (!response_has_content_type(response))
        crew_response_header(response, "Content-Type", media_type(path));
    if (crew_response_get_status(response) != 200)
        return send_part(request, response, file, path, &whole);
    if (send_by_server(request, response, file))
        return CREW_OK;
    return send_conditionally(request, response, file, path, status);
}

/* ---- public ---- */

/* FILE: the result of open(2). */
static int answer(crew_request *request, crew_response *response, int file,
                  const char *path) {
    struct stat status;
    if (file < 0)
        return is_absent(errno) ? answer_absent(request, response, path)
                                : cannot(response, path);
    int error;
    if (fstat(file, &status) != 0)
        error = cannot(response, path);
    else if (!S_ISREG(status.st_mode))
        error = crew_response_error(response, 404, NULL);
    else
        error = send_file(request, response, file, path, &status);
    close(file);
    return error;
}

int crew_response_file(crew_request *request, crew_response *response, const char *path) {
    if (response_has_begun(response))
        return CREW_EINVAL;
    return answer(request, response, open(path, OPEN_FLAGS), path);
}

/* With openat2(2) the kernel guarantees that "..", symbolic links and races do not lead
 * out of ROOT. */
static int open_below(int root, const char *relative) {
    const struct open_how how = {
        .flags = OPEN_FLAGS,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, root, relative, &how, sizeof how);
}

int crew_response_file_below(crew_request *request, crew_response *response,
                             const char *root, const char *relative) {
    if (response_has_begun(response))
        return CREW_EINVAL;
    int folder = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return cannot(response, root);
    int file = open_below(folder, relative);
    int error = answer(request, response, file, relative);
    close(folder);
    return error;
}
