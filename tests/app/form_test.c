/* Forms of both types: valid ones and errors. */
#include "cmocka_all.h"

#include "request_fixture.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define URLENCODED "application/x-www-form-urlencoded"
#define MULTIPART "multipart/form-data; boundary=b"

static struct request_fixture *begin_text(const char *content_type, const char *body) {
    return request_fixture_with_body(content_type, body, strlen(body));
}

static void assert_refused(struct request_fixture *b, const char *complaint) {
    size_t count;
    for (int again = 0; again < 2; again++) {
        assert_int_equal(crew_request_read_form(&b->request), CREW_EBADREQUEST);
        assert_string_equal(crew_request_complaint(&b->request), complaint);
        complaint_set(&b->request.complaint, "%s", "of something else");
    }
    crew_request_form_pairs(&b->request, &count);
    assert_int_equal(count, 0);
    crew_request_uploads(&b->request, &count);
    assert_int_equal(count, 0);
    request_fixture_free(b);
}

static void assert_multipart_refused(const char *body, const char *complaint) {
    assert_refused(begin_text(MULTIPART, body), complaint);
}

/* ---- application/x-www-form-urlencoded ---- */

static void test_form_urlencoded(void **state) {
    (void)state;
    struct request_fixture *b =
        begin_text("Application/X-WWW-Form-Urlencoded ; charset=utf-8",
                   "name=J%C3%B6rg+M&tag=a&tag=b&age=42&z=%00&last");
    struct crew_request *request = &b->request;
    assert_string_equal(crew_request_form_value(request, "name"), "J\xc3\xb6rg M");
    assert_string_equal(crew_request_form_value(request, "last"), "");
    assert_null(crew_request_form_value(request, "z"));
    assert_null(crew_request_form_value(request, "nothing"));
    assert_int_equal(crew_request_form_number(request, "age", 0, 150, -1), 42);
    assert_int_equal(crew_request_form_number(request, "age", 0, 41, -1), -1);
    size_t count;
    const char *const *tags = crew_request_form_values(request, "tag", &count);
    assert_int_equal(count, 2);
    assert_string_equal(tags[1], "b");
    crew_request_form_pairs(request, &count);
    assert_int_equal(count, 6);
    assert_null(crew_request_upload(request, "name"));
    assert_int_equal(crew_request_read_form(request), CREW_OK);
    assert_null(crew_request_complaint(request));
    request_fixture_free(b);
}

static void test_form_query_and_form_are_told_apart(void **state) {
    (void)state;
    struct request_fixture *b = NEW_REQUEST("QUERY_STRING", "a=1");
    assert_null(crew_request_form_value(&b->request, "a"));
    assert_int_equal(crew_request_read_form(&b->request), CREW_OK);
    request_fixture_free(b);
    b = begin_text(URLENCODED, "a=1");
    assert_null(crew_request_query_value(&b->request, "a"));
    request_fixture_free(b);
}

static void test_form_of_another_type_is_rejected(void **state) {
    (void)state;
    assert_refused(begin_text("application/json", "{}"),
                   "the body is not a form but application/json");
    assert_refused(begin_text("", "a=1"), "the body is not a form but of no type");
    assert_refused(begin_text("multipart/mixed; boundary=b", "--b--"),
                   "the body is not a form but multipart/mixed; boundary=b");
}

static void test_form_field_limit(void **state) {
    (void)state;
    char body[3 * 1001];
    for (size_t i = 0; i < sizeof body; i += 3)
        memcpy(body + i, "a=&", 3);
    size_t count;
    struct request_fixture *b = request_fixture_with_body(URLENCODED, body, 3 * 1000);
    crew_request_form_pairs(&b->request, &count);
    assert_int_equal(count, 1000);
    request_fixture_free(b);
    assert_refused(request_fixture_with_body(URLENCODED, body, 3 * 1001),
                   "the form has more than 1000 fields");
    b = request_fixture_with_body(URLENCODED, body, 3 * 1001);
    crew_request_set_limits(&b->request,
                            &(struct crew_request_limits){.form_fields = 1001});
    assert_int_equal(crew_request_read_form(&b->request), CREW_OK);
    request_fixture_free(b);
    b = begin_text(
        MULTIPART,
        "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n"
        "--b\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n1\r\n"
        "--b--");
    crew_request_set_limits(&b->request, &(struct crew_request_limits){.form_fields = 1});
    assert_refused(b, "the form has more than 1 fields");
}

/* ---- multipart/form-data ---- */

static void test_form_multipart(void **state) {
    (void)state;
    /* As curl and browsers send it. */
    struct request_fixture *b = begin_text(
        "multipart/form-data; boundary=----WebKitFormBoundaryAbC123",
        "------WebKitFormBoundaryAbC123\r\n"
        "Content-Disposition: form-data; name=\"title\"\r\n\r\n"
        "Two\r\nlines \xc3\xa4\r\n"
        "------WebKitFormBoundaryAbC123\r\n"
        "Content-Disposition: form-data; name=\"photo\"; filename=\"a b.png\"\r\n"
        "Content-Type: image/png\r\n\r\n"
        "\x89PNG\r\n--\r\n"
        "------WebKitFormBoundaryAbC123\r\n"
        "Content-Disposition: form-data; name=\"title\"\r\n\r\n"
        "\r\n"
        "------WebKitFormBoundaryAbC123\r\n"
        "content-disposition:form-data;name=age\r\n"
        "Content-Transfer-Encoding: 8BIT\r\nX-Other: 1\r\n\r\n"
        "7\r\n"
        "------WebKitFormBoundaryAbC123\r\n"
        "Content-Disposition: form-data; name=\"none\"; filename=\"\"\r\n"
        "Content-Type: application/octet-stream\r\n\r\n\r\n"
        "------WebKitFormBoundaryAbC123--\r\n");
    struct crew_request *request = &b->request;
    assert_int_equal(crew_request_read_form(request), CREW_OK);
    assert_string_equal(crew_request_form_value(request, "title"),
                        "Two\r\nlines \xc3\xa4");
    size_t count;
    const char *const *titles = crew_request_form_values(request, "title", &count);
    assert_int_equal(count, 2);
    assert_string_equal(titles[1], "");
    assert_int_equal(crew_request_form_number(request, "age", 0, 9, -1), 7);
    assert_null(crew_request_form_value(request, "photo"));
    const struct crew_upload *photo = crew_request_upload(request, "photo");
    assert_non_null(photo);
    assert_string_equal(photo->name, "a b.png");
    assert_string_equal(photo->content_type, "image/png");
    assert_int_equal(photo->bytes, 8);
    assert_memory_equal(photo->data, "\x89PNG\r\n--", 8);
    assert_ptr_equal(crew_request_uploads(request, &count), photo);
    assert_int_equal(count, 1);
    assert_null(crew_request_upload(request, "none"));
    request_fixture_free(b);
}

/* The value of the only field "n" of a form with this body and boundary. */
static void assert_value(const char *content_type, const char *body, const char *wanted) {
    struct request_fixture *b = begin_text(content_type, body);
    assert_int_equal(crew_request_read_form(&b->request), CREW_OK);
    const char *value = crew_request_form_value(&b->request, "n");
    assert_non_null(value);
    assert_string_equal(value, wanted);
    request_fixture_free(b);
}

#define HEAD "Content-Disposition: form-data; name=\"n\"\r\n"

static void test_multipart_boundaries(void **state) {
    (void)state;
    assert_value(MULTIPART, "--b\r\n" HEAD "\r\n1\r\n--b--", "1");
    assert_value(MULTIPART, "before\r\n--b\r\n" HEAD "\r\n1\r\n--b--\r\nafter\r\n--b",
                 "1");
    assert_value(MULTIPART, "--b \t\r\n" HEAD "\r\n1\r\n--b-- \t", "1");
    assert_value(MULTIPART, "--b\r\n" HEAD "\r\n\r\n--b--", "");
    assert_value(MULTIPART, "--b\r\n" HEAD "\r\n--b--", "");
    assert_value(MULTIPART, "--b\r\n" HEAD "\r\na--b\n--b\r-\r\n-b\r\n--b--",
                 "a--b\n--b\r-\r\n-b");
    assert_value("multipart/form-data; x=\"boundary=c; \\\"\"; Boundary=\"b ?:\"",
                 "--b ?:\r\n" HEAD "\r\n1\r\n--b ?:--", "1");
    struct request_fixture *b = begin_text(MULTIPART, "--b--\r\n");
    assert_int_equal(crew_request_read_form(&b->request), CREW_OK);
    request_fixture_free(b);
}

static void test_multipart_with_a_bad_boundary_is_rejected(void **state) {
    (void)state;
    static const char *const types[] = {
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"b",
        "multipart/form-data; boundary=\"b \"",
        "multipart/form-data; boundary=\"b\"x",
        "multipart/form-data; boundary=b; boundary=b",
        "multipart/form-data; boundary=b\xff",
        "multipart/form-data; boundary="
        "12345678901234567890123456789012345678901234567890123456789012345678901"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        assert_refused(begin_text(types[i], "--b\r\n" HEAD "\r\n1\r\n--b--"),
                       "Content-Type has no boundary, or not a sound one");
    assert_multipart_refused("--c\r\n" HEAD "\r\n1\r\n--c--",
                             "the boundary that Content-Type names is not in the body");
    assert_multipart_refused("--",
                             "the boundary that Content-Type names is not in the body");
    assert_multipart_refused("--bc\r\n" HEAD "\r\n1\r\n--b--",
                             "part 1 of the form: a boundary has more behind it");
    assert_multipart_refused("--b\r\n" HEAD "\r\n1\r\n--b",
                             "part 2 of the form: a boundary has more behind it");
    assert_multipart_refused("--b\n" HEAD "\r\n1\r\n--b--",
                             "part 1 of the form: a boundary has more behind it");
    assert_multipart_refused("--b\r\n" HEAD "\r\n1\r\n--b--x",
                             "part 2 of the form: the last boundary has more behind it");
    assert_multipart_refused("--b\r\n" HEAD "\r\n1",
                             "part 1 of the form: it is not ended by a boundary");
    assert_multipart_refused("--b\r\n--b\r\n" HEAD "\r\n1\r\n--b--",
                             "part 1 of the form: it is empty");
}

static void test_multipart_with_a_bad_header_is_rejected(void **state) {
    (void)state;
#define PART(head) "--b\r\n" head "\r\n\r\n1\r\n--b--"
    static const char no_name[] =
        "part 1 of the form: its Content-Disposition is not that "
        "of a field with a name";
    static const char no_field[] =
        "part 1 of the form: it has a line in its header that is no field";
    assert_multipart_refused(PART("X: y"), "part 1 of the form: it has no "
                                           "Content-Disposition");
    assert_multipart_refused("--b\r\n\r\n1\r\n--b--",
                             "part 1 of the form: it has no Content-Disposition");
    assert_multipart_refused(PART("Content-Disposition: form-data"), no_name);
    assert_multipart_refused(PART("Content-Disposition: file; name=a"), no_name);
    assert_multipart_refused(PART("Content-Disposition: form-data; name=a; name=b"),
                             no_name);
    assert_multipart_refused(PART("Content-Disposition: form-data; name=\"a"), no_name);
    assert_multipart_refused(
        PART("Content-Disposition: form-data; name=a; filename=a; filename=b"), no_name);
    assert_multipart_refused(PART(HEAD HEAD "X: y"),
                             "part 1 of the form: it has a header field twice");
    assert_multipart_refused(PART(HEAD "Content-Transfer-Encoding: base64"),
                             "part 1 of the form: it has a Content-Transfer-Encoding");
    assert_multipart_refused(PART(HEAD "no field"), no_field);
    assert_multipart_refused(PART(HEAD " folded: x"), no_field);
    assert_multipart_refused(PART("Content-Disposition: form-data;\n name=a"), no_field);
    assert_multipart_refused("--b\r\nX: y\r\n--b--",
                             "part 1 of the form: its header has no end");
    char large[9000];
    memset(large, 'x', sizeof large);
    memcpy(large, "--b\r\nX: ", 8);
    memcpy(large + sizeof large - 9, "\r\n\r\n\r\n--b", 9);
    assert_refused(request_fixture_with_body(MULTIPART, large, sizeof large),
                   "part 1 of the form: its header is too large");
}

static void test_multipart_field_with_a_zero_byte(void **state) {
    (void)state;
    static const char body[] = "--b\r\n" HEAD "\r\n1\0002\r\n--b--";
    struct request_fixture *b =
        request_fixture_with_body(MULTIPART, body, sizeof body - 1);
    assert_null(crew_request_form_value(&b->request, "n"));
    size_t count;
    const struct crew_pair *pairs = crew_request_form_pairs(&b->request, &count);
    assert_int_equal(count, 1);
    assert_int_equal(pairs[0].value_bytes, 3);
    request_fixture_free(b);
    static const char in_name[] =
        "--b\r\nContent-Disposition: form-data; name=\"a\0b\"\r\n\r\n1\r\n--b--";
    assert_refused(request_fixture_with_body(MULTIPART, in_name, sizeof in_name - 1),
                   "part 1 of the form: it has a line in its header that is no field");
}

static void test_form_is_reset_between_requests(void **state) {
    (void)state;
    struct request_fixture *b = begin_text(
        MULTIPART, "--b\r\n" HEAD "\r\n1\r\n--b\r\n"
                   "Content-Disposition: form-data; name=f; filename=f\r\n\r\n--b--");
    assert_non_null(crew_request_upload(&b->request, "f"));
    request_end(&b->request);
    const struct crew_task_view next = {.form = CREW_PLAIN,
                                        .task = "form",
                                        .id = "2",
                                        .content_type = URLENCODED,
                                        .body = "m=2",
                                        .body_bytes = 3};
    assert_int_equal(request_begin(&b->request, NULL, &next, 1), CREW_OK);
    assert_string_equal(crew_request_form_value(&b->request, "m"), "2");
    assert_null(crew_request_form_value(&b->request, "n"));
    assert_null(crew_request_upload(&b->request, "f"));
    request_fixture_free(b);
}

/* ---- names of files ---- */

static void assert_names(const char *parameter, const char *client_name,
                         const char *name) {
    char body[512];
    snprintf(
        body, sizeof body,
        "--b\r\nContent-Disposition: form-data; name=f; filename=%s\r\n\r\n1\r\n--b--",
        parameter);
    struct request_fixture *b = begin_text(MULTIPART, body);
    assert_int_equal(crew_request_read_form(&b->request), CREW_OK);
    const struct crew_upload *upload = crew_request_upload(&b->request, "f");
    assert_non_null(upload);
    assert_string_equal(upload->client_name, client_name);
    assert_string_equal(upload->name, name);
    assert_string_equal(upload->content_type, "");
    request_fixture_free(b);
}

static void test_upload_names_have_no_folders(void **state) {
    (void)state;
    assert_names("a.txt", "a.txt", "a.txt");
    assert_names("\"../../etc/passwd\"", "../../etc/passwd", "passwd");
    assert_names("\"C:\\Users\\me\\a.txt\"", "C:\\Users\\me\\a.txt", "a.txt");
    assert_names("\"..\"", "..", "");
    assert_names("\"a/.\"", "a/.", "");
    assert_names("\".\x01.\"", ".\x01.", "");
    assert_names("\"/\"", "/", "");
    assert_names("\"\"", "", "");
    assert_names("\".profile\"", ".profile", ".profile");
    assert_names("\"a\tb\x7f\x1b.txt\"", "a\tb\x7f\x1b.txt", "ab.txt");
    assert_names("\"\xc3\xa4\xff\"", "\xc3\xa4\xff", "\xc3\xa4\xff");
}

static void test_upload_names_are_unescaped(void **state) {
    (void)state;
    assert_names("\"a%22b%0D%0Ac%20\"", "a\"b\r\nc%20", "a\"bc%20");
    assert_names("\"a\\\"b\\\\c\\d\"", "a\"b\\c\\d", "d");
    assert_names("\"a\"; filename*=UTF-8''b", "a", "a");
}

/* ---- hostile bodies ---- */

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Megabytes of PIECE after BEGIN: quadratic time would take minutes. */
static void assert_quick(const char *content_type, const char *begin, const char *piece) {
    size_t begin_bytes = strlen(begin), piece_bytes = strlen(piece);
    size_t bytes = begin_bytes + 4 * 1024 * 1024 / piece_bytes * piece_bytes;
    char *body = malloc(bytes);
    assert_non_null(body);
    memcpy(body, begin, begin_bytes);
    for (size_t at = begin_bytes; at < bytes; at += piece_bytes)
        memcpy(body + at, piece, piece_bytes);
    struct request_fixture *b = request_fixture_with_body(content_type, body, bytes);
    crew_request_set_limits(&b->request,
                            &(struct crew_request_limits){.form_fields = SIZE_MAX});
    double begun_at = seconds();
    crew_request_read_form(&b->request);
    size_t count;
    crew_request_form_values(&b->request, "a", &count);
    if (seconds() - begun_at > 5)
        fail_msg("%s: %f s", piece, seconds() - begun_at);
    request_fixture_free(b);
    free(body);
}

static void test_malicious_forms_take_linear_time(void **state) {
    (void)state;
    assert_quick(URLENCODED, "", "&");
    assert_quick(URLENCODED, "", "a&");
    assert_quick(URLENCODED, "", "=");
    assert_quick(URLENCODED, "", "%");
    assert_quick(URLENCODED, "", "%00&");
    assert_quick(MULTIPART, "--b\r\n" HEAD "\r\n", "\r\n--");
    assert_quick(MULTIPART, "--b\r\n" HEAD "\r\n", "\r\n--a");
    assert_quick(MULTIPART, "", "\r\n--b");
    assert_quick(MULTIPART, "", "\r\n--b\r\n" HEAD "\r\n");
    assert_quick(MULTIPART, "",
                 "\r\n--b\r\nContent-Disposition: form-data; name=a; "
                 "filename=f\r\n");
    assert_quick(MULTIPART, "--b\r\n", "X: y\r\n");
    assert_quick(MULTIPART, "--b\r\n", ";");
    assert_quick(MULTIPART, "--b", " ");
    assert_quick("multipart/form-data; boundary="
                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                 "", "a");
    assert_quick("multipart/form-data; boundary="
                 "------------------------------------------------------------------baaa",
                 "", "\r\n--");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form_urlencoded),
        cmocka_unit_test(test_form_query_and_form_are_told_apart),
        cmocka_unit_test(test_form_of_another_type_is_rejected),
        cmocka_unit_test(test_form_field_limit),
        cmocka_unit_test(test_form_multipart),
        cmocka_unit_test(test_multipart_boundaries),
        cmocka_unit_test(test_multipart_with_a_bad_boundary_is_rejected),
        cmocka_unit_test(test_multipart_with_a_bad_header_is_rejected),
        cmocka_unit_test(test_multipart_field_with_a_zero_byte),
        cmocka_unit_test(test_form_is_reset_between_requests),
        cmocka_unit_test(test_upload_names_have_no_folders),
        cmocka_unit_test(test_upload_names_are_unescaped),
        cmocka_unit_test(test_malicious_forms_take_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
