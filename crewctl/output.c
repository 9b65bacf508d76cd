#include "output.h"

#include "exit_status.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool failed;

/* Opened in the wrong mode, so that using the closed descriptor still fails with
 * EBADF. */
static void reserve(int fd, int wrong_mode) {
    if (fcntl(fd, F_GETFD) < 0)
        open("/dev/null", wrong_mode);
}

void output_open(void) {
    reserve(STDIN_FILENO, O_WRONLY);
    reserve(STDOUT_FILENO, O_RDONLY);
}

static void fail(void) {
    if (!failed)
        fprintf(stderr, "crewctl: cannot write to standard output: %s\n",
                strerror(errno));
    failed = true;
}

void output_bytes(const void *bytes, size_t count) {
    if (!failed && count > 0 && fwrite(bytes, 1, count, stdout) != count)
        fail();
}

void output_text(const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (!failed && vprintf(format, args) < 0)
        fail();
    va_end(args);
}

bool output_is_terminal(void) {
    return isatty(STDOUT_FILENO) == 1;
}

bool output_flush(void) {
    if (!failed && fflush(stdout) != 0)
        fail();
    return !failed;
}

/* Some file systems report write errors on close (NFS, quotas). EBADF, stdout was closed
 * from the start, is not an error if nothing was written. */
int output_close(int status) {
    output_flush();
    if (!failed && fclose(stdout) != 0 && errno != EBADF)
        fail();
    return failed && status < EXIT_SIGNAL ? EXIT_LOCAL : status;
}
