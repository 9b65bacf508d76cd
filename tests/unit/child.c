/* A forked child with its stdout and stderr in unlinked files, so that no amount of
 * output can make it wait. */
#include "child.h"

#include "unit.h"
#include <sys/wait.h>
#include <unistd.h>

static void read_all(FILE *file, char *text, size_t text_bytes) {
    rewind(file);
    size_t bytes = fread(text, 1, text_bytes - 1, file);
    text[bytes] = '\0';
    fclose(file);
}

void child_run(void (*run)(void *arg), void *arg, struct child_result *result) {
    FILE *out = tmpfile(), *err = tmpfile();
    assert_non_null(out);
    assert_non_null(err);
    fflush(NULL);
    pid_t pid = fork();
    assert_int_not_equal(pid, -1);
    if (pid == 0) {
        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(err), STDERR_FILENO);
        run(arg);
        fflush(NULL);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    result->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    read_all(out, result->out, sizeof result->out);
    read_all(err, result->err, sizeof result->err);
}
