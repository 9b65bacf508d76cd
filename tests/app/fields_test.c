/* Header fields with functions of their own: redirects, cookies, attachments. */
#include "cmocka_all.h"

#include "exchange_fixture.h"
#include <string.h>

static struct exchange x;

static int begin(void **state) {
    (void)state;
    exchange_begin(&x, CREW_HTTP, (const char *const[]){"REQUEST_METHOD", "GET", NULL});
    return 0;
}

static int end(void **state) {
    (void)state;
    exchange_end(&x);
    return 0;
}

static void anew(void) {
    end(NULL);
    begin(NULL);
}

static void assert_field(const char *name, const char *value) {
    exchange_finish(&x);
    assert_int_equal(x.answer.error, CREW_OK);
    assert_non_null(exchange_field(&x, name));
    assert_string_equal(exchange_field(&x, name), value);
}

static void assert_invalid(void) {
    exchange_finish(&x);
    assert_int_equal(x.answer.error, CREW_EBADRESPONSE);
    anew();
}

/* ---- redirects ---- */

static void test_redirect(void **state) {
    (void)state;
    static const int statuses[] = {301, 302, 303, 307, 308};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        assert_int_equal(crew_response_redirect(&x.response, statuses[i],
                                                "https://a.example/\xc3\xa4?b#c"),
                         CREW_OK);
        assert_field("Location", "https://a.example/\xc3\xa4?b#c");
        assert_int_equal(x.answer.status, statuses[i]);
        anew();
    }
}

static void test_redirect_rejected(void **state) {
    (void)state;
    static const int statuses[] = {0, 200, 300, 304, 305, 306, 309, 404};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        assert_int_equal(crew_response_redirect(&x.response, statuses[i], "/"),
                         CREW_EINVAL);
        assert_invalid();
    }
    static const char *const locations[] = {"/\r\nSet-Cookie: evil=1", "/\n", NULL};
    for (size_t i = 0; i < sizeof locations / sizeof *locations; i++) {
        assert_int_equal(crew_response_redirect(&x.response, 303, locations[i]),
                         CREW_EINVAL);
        assert_invalid();
    }
}

static void test_redirect_to_a_path_of_this_site(void **state) {
    (void)state;
    static const char *const local[] = {"/", "/a?b=//c#d", "/a//b", "/@evil.example",
                                        "/\xc3\xa4"};
    for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
        crew_response_redirect_local(&x.response, 303, local[i], "/home");
        assert_field("Location", local[i]);
        anew();
    }
    static const char *const foreign[] = {NULL,
                                          "",
                                          "evil.example",
                                          "https://evil.example",
                                          "//evil.example",
                                          "/\\evil.example",
                                          "/\t/evil.example",
                                          "/\n/evil.example",
                                          "\\\\evil.example",
                                          " /",
                                          "javascript:alert(1)",
                                          "/a\\b"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        crew_response_redirect_local(&x.response, 303, foreign[i], "/home");
        assert_field("Location", "/home");
        anew();
    }
}

/* ---- cookies ---- */

static void test_cookie(void **state) {
    (void)state;
    const struct crew_cookie least = {.name = "a", .value = ""};
    assert_int_equal(crew_response_cookie(&x.response, &least), CREW_OK);
    assert_field("Set-Cookie", "a=; Path=/");
    anew();

    const struct crew_cookie most = {.name = "__Secure-id",
                                     .value = "\"!#$%&'()*+-./:<=>?@[]^_`{|}~Az09\"",
                                     .path = "/a b",
                                     .domain = "www.Example-1.com",
                                     .max_age_s = 3600,
                                     .expires = 784111777,
                                     .secure = true,
                                     .http_only = true,
                                     .same_site = CREW_SAME_SITE_STRICT,
                                     .partitioned = true};
    assert_int_equal(crew_response_cookie(&x.response, &most), CREW_OK);
    assert_field(
        "Set-Cookie",
        "__Secure-id=\"!#$%&'()*+-./:<=>?@[]^_`{|}~Az09\"; Max-Age=3600; "
        "Expires=Sun, 06 Nov 1994 08:49:37 GMT; Path=/a b; "
        "Domain=www.Example-1.com; Secure; HttpOnly; SameSite=Strict; Partitioned");
    anew();

    const struct crew_cookie embedded = {
        .name = "e", .value = "1", .secure = true, .same_site = CREW_SAME_SITE_NONE};
    crew_response_cookie(&x.response, &embedded);
    assert_field("Set-Cookie", "e=1; Path=/; Secure; SameSite=None");
}

static void test_cookie_deleted(void **state) {
    (void)state;
    const struct crew_cookie cookie = {.name = "__Host-a",
                                       .value = "not looked at;",
                                       .max_age_s = 60,
                                       .secure = true,
                                       .same_site = CREW_SAME_SITE_LAX};
    assert_int_equal(crew_response_cookie_delete(&x.response, &cookie), CREW_OK);
    assert_field("Set-Cookie",
                 "__Host-a=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; "
                 "Secure; SameSite=Lax");
}

static void assert_no_cookie(struct crew_cookie cookie) {
    if (crew_response_cookie(&x.response, &cookie) != CREW_EINVAL)
        fail_msg("taken: %s=%s", cookie.name, cookie.value);
    assert_invalid();
}

static void test_cookie_with_invalid_characters(void **state) {
    (void)state;
    static const char *const names[] = {NULL, "", "a b", "a=b", "a;b", "\xc3\xa4", "a\n"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_no_cookie((struct crew_cookie){.name = names[i], .value = "v"});
    static const char *const values[] = {NULL,  "a b",  "a;b",    "a,b",  "a\"b",    "\"",
                                         "\"a", "a\\b", "a\r\nb", "\x7f", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_no_cookie((struct crew_cookie){.name = "a", .value = values[i]});
    static const char *const paths[] = {"", "a", "/;", "/\n", "/\xc3\xa4"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_no_cookie(
            (struct crew_cookie){.name = "a", .value = "", .path = paths[i]});
    static const char *const domains[] = {"", "a b", "a;b", "a/b", "\xc3\xa4.de", "a\n"};
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++)
        assert_no_cookie(
            (struct crew_cookie){.name = "a", .value = "", .domain = domains[i]});
    assert_no_cookie((struct crew_cookie){.name = "a", .value = "", .max_age_s = -1});
    assert_no_cookie((struct crew_cookie){.name = "a", .value = "", .expires = -1});
    assert_no_cookie(
        (struct crew_cookie){.name = "a", .value = "", .expires = 253402300800});
}

/* Cookies that browsers ignore. */
static void test_cookie_that_browsers_ignore(void **state) {
    (void)state;
    assert_no_cookie(
        (struct crew_cookie){.name = "a", .value = "", .same_site = CREW_SAME_SITE_NONE});
    assert_no_cookie((struct crew_cookie){.name = "a", .value = "", .partitioned = true});
    assert_no_cookie((struct crew_cookie){.name = "__secure-a", .value = ""});
    assert_no_cookie((struct crew_cookie){.name = "__Host-a", .value = ""});
    assert_no_cookie((struct crew_cookie){
        .name = "__Host-a", .value = "", .secure = true, .domain = "a.example"});
    assert_no_cookie((struct crew_cookie){
        .name = "__Host-a", .value = "", .secure = true, .path = "/a"});

    char value[4096];
    memset(value, 'v', sizeof value);
    value[4095] = '\0';
    struct crew_cookie cookie = {.name = "a", .value = value};
    assert_int_equal(crew_response_cookie(&x.response, &cookie), CREW_ETOOLARGE);
    assert_invalid();
    value[4094] = '\0';
    assert_int_equal(crew_response_cookie(&x.response, &cookie), CREW_OK);
}

static void test_cookies_are_several_fields(void **state) {
    (void)state;
    crew_response_cookie(&x.response, &(struct crew_cookie){.name = "a", .value = "1"});
    crew_response_cookie(&x.response, &(struct crew_cookie){.name = "b", .value = "2"});
    exchange_finish(&x);
    assert_int_equal(x.answer.pair_count, 2);
}

/* ---- attachments ---- */

static void test_attachment(void **state) {
    (void)state;
    static const char *const names[][2] = {
        {NULL, "attachment"},
        {"report.pdf", "attachment; filename=\"report.pdf\""},
        {"a b;c.txt", "attachment; filename=\"a b;c.txt\""},
        {"/srv/files/report.pdf", "attachment; filename=\"report.pdf\""},
        {"\xc3\xa4.txt", "attachment; filename=\"__.txt\"; filename*=UTF-8''%C3%A4.txt"},
        {"a\"b\\c%20'.txt", "attachment; filename=\"a_b_c_20'.txt\"; "
                            "filename*=UTF-8''a%22b%5Cc%2520%27.txt"},
        {"\xff.txt", "attachment; filename=\"_.txt\""},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(crew_response_attachment(&x.response, names[i][0]), CREW_OK);
        assert_field("Content-Disposition", names[i][1]);
        anew();
    }
    assert_int_equal(crew_response_attachment(&x.response, "a\r\nb"), CREW_EINVAL);
    assert_invalid();
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_redirect),
        TEST(test_redirect_rejected),
        TEST(test_redirect_to_a_path_of_this_site),
        TEST(test_cookie),
        TEST(test_cookie_deleted),
        TEST(test_cookie_with_invalid_characters),
        TEST(test_cookie_that_browsers_ignore),
        TEST(test_cookies_are_several_fields),
        TEST(test_attachment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
