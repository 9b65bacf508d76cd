/* Uploads as files. */
#include "cmocka_all.h"

#include "request_fixture.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/crew-upload-test.XXXXXX";
static const struct crew_upload upload = {.data = "zero \0 byte", .bytes = 11};

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) == NULL || setenv("TMPDIR", folder, 1) != 0;
}

static int remove_folder(void **state) {
    (void)state;
    return rmdir(folder);
}

static const char *in_folder(const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static size_t files_in_folder(void) {
    DIR *opened = opendir(folder);
    assert_non_null(opened);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(opened)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(opened);
    return count;
}

static void assert_holds(const char *path, const struct crew_upload *wanted) {
    char bytes[64];
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, bytes, sizeof bytes), wanted->bytes);
    assert_memory_equal(bytes, wanted->data, wanted->bytes);
    struct stat facts;
    assert_int_equal(fstat(fd, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0600);
    close(fd);
}

static void test_upload_is_saved(void **state) {
    (void)state;
    const char *path = in_folder("saved");
    assert_int_equal(crew_upload_save(&upload, path), CREW_OK);
    assert_holds(path, &upload);
    assert_int_equal(files_in_folder(), 1);
    unlink(path);
}

static void test_upload_does_not_replace_files(void **state) {
    (void)state;
    const struct crew_upload other = {.data = "other", .bytes = 5};
    const char *path = in_folder("saved");
    assert_int_equal(crew_upload_save(&upload, path), CREW_OK);
    assert_int_equal(crew_upload_save(&other, path), CREW_EEXIST);
    assert_holds(path, &upload);
    unlink(path);
    assert_int_equal(symlink("/nowhere/to/be", path), 0);
    assert_int_equal(crew_upload_save(&other, path), CREW_EEXIST);
    assert_int_equal(files_in_folder(), 1);
    unlink(path);
}

static void test_upload_that_cannot_be_saved_leaves_nothing(void **state) {
    (void)state;
    errno = 0;
    assert_int_equal(crew_upload_save(&upload, in_folder("no/such/folder")),
                     CREW_ESYSTEM);
    assert_int_equal(errno, ENOENT);
    struct rlimit before, small = {4, RLIM_INFINITY};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(crew_upload_save(&upload, in_folder("full")), CREW_ESYSTEM);
    assert_int_equal(errno, EFBIG);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(files_in_folder(), 0);
}

static void test_upload_as_a_file_while_the_handler_runs(void **state) {
    (void)state;
    struct request_fixture *b = NEW_REQUEST("REQUEST_METHOD", "POST");
    int fd = -1, second = -1;
    assert_int_equal(crew_request_upload_fd(&b->request, &upload, &fd), CREW_OK);
    assert_int_equal(crew_request_upload_fd(&b->request, &upload, &second), CREW_OK);
    assert_int_not_equal(fd, second);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    char path[64], place[PATH_MAX];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    assert_holds(path, &upload);
    assert_true(readlink(path, place, sizeof place) > 0);
    assert_memory_equal(place, folder, strlen(folder));
    assert_int_equal(files_in_folder(), 0);
    request_end(&b->request);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    assert_int_equal(fcntl(second, F_GETFD), -1);
    request_fixture_free(b);
}

static void test_upload_without_a_temporary_folder(void **state) {
    (void)state;
    struct request_fixture *b = NEW_REQUEST("REQUEST_METHOD", "POST");
    int fd = -1;
    setenv("TMPDIR", "/nowhere/to/be", 1);
    assert_int_equal(crew_request_upload_fd(&b->request, &upload, &fd), CREW_ESYSTEM);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(fd, -1);
    setenv("TMPDIR", folder, 1);
    request_fixture_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_upload_is_saved),
        cmocka_unit_test(test_upload_does_not_replace_files),
        cmocka_unit_test(test_upload_that_cannot_be_saved_leaves_nothing),
        cmocka_unit_test(test_upload_as_a_file_while_the_handler_runs),
        cmocka_unit_test(test_upload_without_a_temporary_folder),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
