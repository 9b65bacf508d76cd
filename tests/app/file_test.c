/* Files as responses, from a real folder. */
#include "cmocka_all.h"

#include "app/media_type.h"
#include "exchange_fixture.h"
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SUNDAY "Sun, 06 Nov 1994 08:49:37 GMT"

static struct exchange x;
static char folder[] = "/tmp/crew-files-XXXXXX"; /* holds public/ and secret.txt */
static char root[64];

/* ---- the folder ---- */

static const char *path_of(const char *name) {
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void write_file(const char *name, const char *text) {
    const char *path = path_of(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    const struct timespec times[] = {{784111777, 5}, {784111777, 5}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static int make_folder(void **state) {
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(root, sizeof root, "%s/public", folder);
    assert_int_equal(mkdir(root, 0755), 0);
    assert_int_equal(mkdir(path_of("sub"), 0755), 0);
    write_file("../secret.txt", "secret");
    write_file("a.txt", "0123456789");
    write_file("empty", "");
    write_file("sub/b \xc3\xa4%3F?.html", "<p>");
    assert_int_equal(symlink("../secret.txt", path_of("out.txt")), 0);
    assert_int_equal(symlink(folder, path_of("outside")), 0);
    assert_int_equal(symlink("a.txt", path_of("in.txt")), 0);
    assert_int_equal(symlink("loop", path_of("loop")), 0);
    assert_int_equal(mkfifo(path_of("fifo"), 0644), 0);
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int type,
                      struct FTW *ftw) {
    (void)status, (void)type, (void)ftw;
    return remove(path);
}

static int remove_folder(void **state) {
    (void)state;
    return nftw(folder, remove_one, 10, FTW_DEPTH | FTW_PHYS);
}

/* ---- asking for a file ---- */

#define GET(name, ...) \
    ask(name, (const char *const[]){"REQUEST_METHOD", __VA_ARGS__, NULL})

static void ask(const char *name, const char *const *params) {
    exchange_begin(&x, CREW_HTTP, params);
    crew_response_file(&x.request, &x.response, path_of(name));
    exchange_finish(&x);
}

/* Ends the exchange: check header fields before. */
static void assert_answer(int status, const char *body) {
    assert_int_equal(x.answer.error, CREW_OK);
    assert_int_equal(x.answer.status, status);
    assert_string_equal(exchange_body(&x), body);
    exchange_end(&x);
}

static void assert_field(const char *name, const char *value) {
    const char *found = exchange_field(&x, name);
    if (value == NULL)
        assert_null(found);
    else
        assert_string_equal(found, value);
}

static void test_file_whole(void **state) {
    (void)state;
    GET("a.txt", "GET");
    assert_field("Content-Type", "text/plain; charset=utf-8");
    assert_field("Last-Modified", SUNDAY);
    assert_field("Accept-Ranges", "bytes");
    assert_field("Content-Range", NULL);
    assert_field("ETag", "\"a-2ebc98a1.5\"");
    assert_answer(200, "0123456789");

    GET("empty", "GET", "HTTP_RANGE", "bytes=0-");
    assert_answer(200, "");
    GET("in.txt", "POST", "HTTP_RANGE", "bytes=0-1");
    assert_answer(200, "0123456789");
    GET("sub/b \xc3\xa4%3F?.html", "GET");
    assert_field("Content-Type", "text/html; charset=utf-8");
    assert_answer(200, "<p>");
}

static void test_file_types_by_name(void **state) {
    (void)state;
    assert_string_equal(media_type("/a/b.PNG"), "image/png");
    assert_string_equal(media_type("archive.tar.gz"), "application/gzip");
    static const char *const unknown[] = {"/a.html/b", "html",      "a.",
                                          "",          "a.unknown", "/"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_string_equal(media_type(unknown[i]), "application/octet-stream");
}

static void test_file_of_a_type_that_was_set(void **state) {
    (void)state;
    exchange_begin(&x, CREW_HTTP, (const char *const[]){"REQUEST_METHOD", "GET", NULL});
    crew_response_header(&x.response, "Content-Type", "image/x-mine");
    crew_response_text(&x.response, "forgotten");
    assert_int_equal(crew_response_file(&x.request, &x.response, path_of("a.txt")), 0);
    exchange_finish(&x);
    assert_field("Content-Type", "image/x-mine");
    assert_answer(200, "0123456789");
}

static void test_file_to_head(void **state) {
    (void)state;
    GET("a.txt", "HEAD", "HTTP_RANGE", "bytes=0-1");
    assert_field("Content-Length", "10");
    assert_field("Content-Type", "text/plain; charset=utf-8");
    assert_answer(200, "");
    GET("a.txt", "HEAD", "HTTP_IF_NONE_MATCH", "*");
    assert_answer(304, "");
}

static void test_file_part(void **state) {
    (void)state;
    GET("a.txt", "GET", "HTTP_RANGE", "bytes=2-4");
    assert_field("Content-Range", "bytes 2-4/10");
    assert_field("Content-Type", "text/plain; charset=utf-8");
    assert_field("ETag", "\"a-2ebc98a1.5\"");
    assert_answer(206, "234");
    GET("a.txt", "GET", "HTTP_RANGE", "bytes=-3");
    assert_field("Content-Range", "bytes 7-9/10");
    assert_answer(206, "789");
    GET("a.txt", "GET", "HTTP_RANGE", "bytes=0-1,3-4");
    assert_field("Content-Range", NULL);
    assert_answer(200, "0123456789");
    GET("a.txt", "GET", "HTTP_RANGE", "bytes=10-");
    assert_field("Content-Range", "bytes */10");
    assert_field("Content-Type", "text/plain; charset=utf-8");
    assert_answer(416, "416 Range Not Satisfiable\n");
}

static void test_file_part_with_if_range(void **state) {
    (void)state;
    GET("a.txt", "GET", "HTTP_RANGE", "bytes=2-4", "HTTP_IF_RANGE", "\"a-2ebc98a1.5\"");
    assert_answer(206, "234");
    GET("a.txt", "GET", "HTTP_RANGE", "bytes=2-4", "HTTP_IF_RANGE", SUNDAY);
    assert_answer(206, "234");
    GET("a.txt", "GET", "HTTP_RANGE", "bytes=2-4", "HTTP_IF_RANGE", "\"another\"");
    assert_answer(200, "0123456789");
    GET("a.txt", "GET", "HTTP_RANGE", "bytes=20-", "HTTP_IF_RANGE", "\"another\"");
    assert_answer(200, "0123456789");
}

static void test_file_not_modified(void **state) {
    (void)state;
    GET("a.txt", "GET", "HTTP_IF_NONE_MATCH", "\"a-2ebc98a1.5\"", "HTTP_RANGE",
        "bytes=0-1");
    assert_field("ETag", "\"a-2ebc98a1.5\"");
    assert_field("Content-Type", NULL);
    assert_answer(304, "");
    GET("a.txt", "GET", "HTTP_IF_MODIFIED_SINCE", SUNDAY);
    assert_answer(304, "");
    GET("a.txt", "GET", "HTTP_IF_MATCH", "\"another\"");
    assert_answer(412, "412 Precondition Failed\n");
}

/* A later modification time or another size is another version. */
static void test_file_changed(void **state) {
    (void)state;
    write_file("changing", "one");
    GET("changing", "GET", "HTTP_IF_NONE_MATCH", "\"3-2ebc98a1.5\"");
    assert_answer(304, "");
    write_file("changing", "four");
    GET("changing", "GET", "HTTP_IF_NONE_MATCH", "\"3-2ebc98a1.5\"");
    assert_answer(200, "four");
    const struct timespec times[] = {{784111777, 6}, {784111777, 6}};
    assert_int_equal(utimensat(AT_FDCWD, path_of("changing"), times, 0), 0);
    GET("changing", "GET", "HTTP_IF_NONE_MATCH", "\"4-2ebc98a1.5\"");
    assert_answer(200, "four");
}

static void test_file_under_another_status(void **state) {
    (void)state;
    exchange_begin(&x, CREW_HTTP,
                   (const char *const[]){"REQUEST_METHOD", "GET", "HTTP_IF_NONE_MATCH",
                                         "*", "HTTP_RANGE", "bytes=0-1", "X_SENDFILE",
                                         folder, NULL});
    crew_response_status(&x.response, 404);
    crew_response_file(&x.request, &x.response, path_of("a.txt"));
    exchange_finish(&x);
    assert_field("ETag", NULL);
    assert_answer(404, "0123456789");
}

static void test_file_not_there(void **state) {
    (void)state;
    static const char *const absent[] = {"nothing", "sub",  "",     "a.txt/",
                                         "a.txt/b", "loop", "fifo", "socket"};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(strlen(path_of("socket")) < sizeof address.sun_path);
    strcpy(address.sun_path, path_of("socket"));
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        GET(absent[i], "GET");
        assert_field("Content-Type", "text/plain; charset=utf-8");
        assert_answer(404, "404 Not Found\n");
    }
    close(listener);
}

/* A file that is shorter than its size, as those of sysfs. */
static void test_file_that_cannot_be_read(void **state) {
    (void)state;
    static const char path[] = "/sys/kernel/uevent_seqnum";
    if (access(path, R_OK) != 0)
        skip();
    exchange_begin(&x, CREW_HTTP, (const char *const[]){"REQUEST_METHOD", "GET", NULL});
    assert_int_equal(crew_response_file(&x.request, &x.response, path), CREW_ESYSTEM);
    exchange_finish(&x);
    assert_int_equal(x.answer.error, CREW_EFAILED);
    assert_non_null(strstr(response_invalid_reason(&x.response), path));
    exchange_end(&x);
}

static void test_file_over_the_limit(void **state) {
    (void)state;
    assert_int_equal(truncate(path_of("empty"), EXCHANGE_MAX_BODY_BYTES + 1), 0);
    exchange_begin(&x, CREW_HTTP, (const char *const[]){"REQUEST_METHOD", "GET", NULL});
    assert_int_equal(crew_response_file(&x.request, &x.response, path_of("empty")),
                     CREW_ETOOLARGE);
    exchange_finish(&x);
    assert_int_equal(x.answer.error, CREW_EBADRESPONSE);
    assert_non_null(strstr(response_invalid_reason(&x.response), "--max-response"));
    assert_non_null(strstr(response_invalid_reason(&x.response), "empty"));
    exchange_end(&x);

    GET("empty", "GET", "HTTP_RANGE", "bytes=0-9");
    assert_field("Content-Range", "bytes 0-9/10001");
    exchange_end(&x);
    GET("empty", "HEAD");
    assert_field("Content-Length", "10001");
    assert_answer(200, "");
    assert_int_equal(truncate(path_of("empty"), 0), 0);
}

/* ---- paths from outside ---- */

static void ask_below(const char *relative) {
    exchange_begin(&x, CREW_HTTP, (const char *const[]){"REQUEST_METHOD", "GET", NULL});
    crew_response_file_below(&x.request, &x.response, root, relative);
    exchange_finish(&x);
}

static void test_file_below(void **state) {
    (void)state;
    static const char *const inside[] = {"a.txt", "./a.txt", "in.txt", "sub/../a.txt",
                                         "sub//../a.txt"};
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
        ask_below(inside[i]);
        assert_field("Content-Type", "text/plain; charset=utf-8");
        assert_answer(200, "0123456789");
    }
}

static void test_file_not_below(void **state) {
    (void)state;
    char absolute[128], long_name[5000];
    snprintf(absolute, sizeof absolute, "%s/a.txt", root);
    memset(long_name, 'x', sizeof long_name);
    long_name[4999] = '\0';
    const char *const outside[] = {"../secret.txt",
                                   "sub/../../secret.txt",
                                   "..",
                                   "../public/a.txt",
                                   "out.txt",
                                   "outside/secret.txt",
                                   "/etc/passwd",
                                   absolute,
                                   "//a.txt",
                                   "%2e%2e/secret.txt",
                                   "..%2fsecret.txt",
                                   "..\\secret.txt",
                                   "sub",
                                   "",
                                   ".",
                                   "fifo",
                                   "nothing",
                                   "a.txt/",
                                   "loop",
                                   long_name,
                                   "/proc/self/root/etc/passwd"};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        ask_below(outside[i]);
        if (x.answer.status != 404)
            fail_msg("%s: %d", outside[i], x.answer.status);
        assert_answer(404, "404 Not Found\n");
    }
}

static void test_file_below_a_missing_folder(void **state) {
    (void)state;
    exchange_begin(&x, CREW_HTTP, (const char *const[]){"REQUEST_METHOD", "GET", NULL});
    assert_int_equal(
        crew_response_file_below(&x.request, &x.response, path_of("nothing"), "a.txt"),
        CREW_ESYSTEM);
    exchange_finish(&x);
    assert_int_equal(x.answer.error, CREW_EFAILED);
    assert_non_null(
        strstr(response_invalid_reason(&x.response), "nothing: No such file"));
    exchange_end(&x);
}

/* ---- left to the web server ---- */

static void assert_left(const char *file, const char *param, const char *value,
                        const char *field, const char *wanted) {
    GET(file, "GET", param, value, "HTTP_RANGE", "bytes=0-1", "HTTP_IF_NONE_MATCH", "*");
    assert_field(field, wanted);
    assert_field("ETag", NULL);
    assert_non_null(exchange_field(&x, "Content-Type"));
    assert_answer(200, "");
}

static void test_file_sent_by_the_web_server(void **state) {
    (void)state;
    char mapping[PATH_MAX + 64], real[PATH_MAX], wanted[PATH_MAX + 64];
    assert_non_null(realpath(root, real));
    snprintf(mapping, sizeof mapping, "%s/=/protected/", real);
    assert_left("a.txt", "X_ACCEL_REDIRECT", mapping, "X-Accel-Redirect",
                "/protected/a.txt");
    assert_left("in.txt", "X_ACCEL_REDIRECT", mapping, "X-Accel-Redirect",
                "/protected/a.txt");
    assert_left("sub/b \xc3\xa4%3F?.html", "X_ACCEL_REDIRECT", mapping,
                "X-Accel-Redirect", "/protected/sub/b%20%C3%A4%253F%3F.html");
    snprintf(mapping, sizeof mapping, "%s=/protected", real);
    assert_left("a.txt", "X_ACCEL_REDIRECT", mapping, "X-Accel-Redirect",
                "/protected/a.txt");
    assert_left("a.txt", "X_ACCEL_REDIRECT", "/=/", "X-Accel-Redirect", path_of("a.txt"));

    write_file("sub/b \xc3\xa4#.txt", "");
    snprintf(wanted, sizeof wanted, "%s/sub/b \xc3\xa4#.txt", real);
    assert_left("sub/b \xc3\xa4#.txt", "X_SENDFILE", folder, "X-Sendfile", wanted);
    assert_left("a.txt", "X_SENDFILE", root, "X-Sendfile", path_of("a.txt"));
}

static void assert_read(enum crew_form form, const char *param, const char *value) {
    exchange_begin(&x, form,
                   (const char *const[]){"REQUEST_METHOD", "GET", param, value, NULL});
    crew_response_file(&x.request, &x.response, path_of("a.txt"));
    exchange_finish(&x);
    assert_field("X-Accel-Redirect", NULL);
    assert_field("X-Sendfile", NULL);
    assert_answer(200, "0123456789");
}

/* Files that the web server does not have, and parameters of plain calls. */
static void test_file_not_sent_by_the_web_server(void **state) {
    (void)state;
    assert_read(CREW_HTTP, "X_SENDFILE", "/srv/other");
    assert_read(CREW_HTTP, "X_SENDFILE", "");
    assert_read(CREW_HTTP, "X_SENDFILE", path_of("a.t"));
    assert_read(CREW_HTTP, "X_SENDFILE", path_of("a.txt"));
    assert_read(CREW_HTTP, "X_ACCEL_REDIRECT", "/");
    assert_read(CREW_HTTP, "X_ACCEL_REDIRECT", "=/protected/");
    assert_read(CREW_HTTP, "X_ACCEL_REDIRECT", "/=protected/");
    assert_read(CREW_HTTP, "X_ACCEL_REDIRECT", "/tmp/other=/protected/");
    assert_read(CREW_HTTP, "HTTP_X_SENDFILE", "/");
    assert_read(CREW_HTTP, "HTTP_X_ACCEL_REDIRECT", "/=/");
    assert_read(CREW_PLAIN, "X_SENDFILE", "/");
    assert_read(CREW_PLAIN, "X_ACCEL_REDIRECT", "/=/");
}

/* Names that web servers read in different ways. */
static void test_file_with_an_ambiguous_name(void **state) {
    (void)state;
    static const char *const names[] = {"%41.txt", "a?b", "a\tb", "\xff", "end "};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        write_file(names[i], "read");
        GET(names[i], "GET", "X_SENDFILE", root);
        assert_field("X-Sendfile", NULL);
        assert_answer(200, "read");
    }
}

/* A symbolic link to a file outside of the folder does not count as below it. */
static void test_file_behind_a_symbolic_link(void **state) {
    (void)state;
    GET("out.txt", "GET", "X_SENDFILE", root);
    assert_field("X-Sendfile", NULL);
    assert_answer(200, "secret");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_whole),
        cmocka_unit_test(test_file_types_by_name),
        cmocka_unit_test(test_file_of_a_type_that_was_set),
        cmocka_unit_test(test_file_to_head),
        cmocka_unit_test(test_file_part),
        cmocka_unit_test(test_file_part_with_if_range),
        cmocka_unit_test(test_file_not_modified),
        cmocka_unit_test(test_file_changed),
        cmocka_unit_test(test_file_under_another_status),
        cmocka_unit_test(test_file_not_there),
        cmocka_unit_test(test_file_that_cannot_be_read),
        cmocka_unit_test(test_file_over_the_limit),
        cmocka_unit_test(test_file_below),
        cmocka_unit_test(test_file_not_below),
        cmocka_unit_test(test_file_below_a_missing_folder),
        cmocka_unit_test(test_file_sent_by_the_web_server),
        cmocka_unit_test(test_file_not_sent_by_the_web_server),
        cmocka_unit_test(test_file_with_an_ambiguous_name),
        cmocka_unit_test(test_file_behind_a_symbolic_link),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
