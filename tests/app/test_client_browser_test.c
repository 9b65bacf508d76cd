/* The test client: cookies (RFC 6265) and redirects. */
#include "test_client_fixture.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- cookies ---- */

/* The cookies that are sent with a request of PATH. */
static void assert_sent(const char *path, const char *wanted) {
    assert_string_equal(crew_test_get(test, path)->body, wanted);
}

static void test_cookies_are_kept(void **state) {
    (void)state;
    assert_sent("/cookie", "(none)");
    post("/cookies", "a=1; HttpOnly; SameSite=Lax\n b = two words ;\nc=x=y\nd=");
    assert_sent("/cookie", "a=1; b=two words; c=x=y; d=");
    assert_string_equal(crew_test_cookie(test, "b"), "two words");
    assert_null(crew_test_cookie(test, "e"));
    post("/cookies", "b=3\n=nameless");
    assert_sent("/cookie", "a=1; c=x=y; d=; b=3");
    crew_test_clear_cookies(test);
    assert_sent("/cookie", "(none)");
    crew_test_set_cookie(test, "z=26; Path=/deep");
    assert_sent("/cookie", "(none)");
    assert_sent("/deep/down/cookie", "z=26");
}

static void test_cookies_have_paths(void **state) {
    (void)state;
    post("/deep/down/cookies", "here=1\nroot=2; Path=/\ndeep=3; Path=/deep\n"
                               "deeper=4; Path=/deep/down/\nother=5; Path=/deeper");
    assert_sent("/cookie", "root=2");
    assert_sent("/deep/down/cookie", "deeper=4; here=1; deep=3; root=2");
    assert_sent("/deeper/cookie", "other=5; root=2");
}

/* The path of a cookie is that of the URL. */
static void test_cookies_of_an_app_that_is_mounted(void **state) {
    (void)state;
    crew_test_set_param(test, "SCRIPT_NAME", "/app");
    post("/cookies", "a=1; Path=/app\nb=2; Path=/deep\nc=3");
    assert_sent("/deep/down/cookie", "a=1; c=3");
    crew_test_set_param(test, "SCRIPT_NAME", "/other");
    assert_sent("/deep/down/cookie", "(none)");
}

static void test_cookies_expire(void **state) {
    (void)state;
    post("/cookies", "a=1; Max-Age=60\n"
                     "b=2; Expires=Sun, 06 Nov 2094 08:49:37 GMT\n"
                     "c=3; Expires=Sunday, 06-Nov-94 08:49:37 GMT\n"
                     "d=4; Max-Age=0\n"
                     "e=5; Max-Age=60; Expires=Sun, 06 Nov 1994 08:49:37 GMT\n"
                     "f=6; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Max-Age=60\n"
                     "g=7; Max-Age=soon; Expires=later\n"
                     "h=8; Expires=Sun Nov  6 08:49:37 2094\n"
                     "i=9; Max-Age=\n"
                     "j=10; Expires=Sunday, 06-Nov-69 08:49:37 GMT\n"
                     "k=11; Expires=Sun, 06 Nov 1994 08:49:37 GMT");
    assert_sent("/cookie", "a=1; b=2; e=5; f=6; g=7; h=8; i=9; j=10");
    assert_null(crew_test_cookie(test, "c"));
    post("/cookies", "a=; Max-Age=-1");
    assert_sent("/cookie", "b=2; e=5; f=6; g=7; h=8; i=9; j=10");
}

static void test_cookies_secure_and_domain(void **state) {
    (void)state;
    crew_test_set_header(test, "Host", "www.example.com:8080");
    post("/cookies", "a=1; Secure\nb=2; Domain=.example.com\nc=3; Domain=ample.com\n"
                     "d=4; Domain=WWW.example.com\ne=5; Domain=x.www.example.com");
    assert_sent("/cookie", "b=2; d=4");
    crew_test_set_param(test, "HTTPS", "on");
    assert_sent("/cookie", "a=1; b=2; d=4");
}

static void test_cookies_can_be_the_requests_own(void **state) {
    (void)state;
    const char *const headers[] = {"Cookie", "mine=1", NULL};
    const struct crew_test_request request = {.path = "/env", .headers = headers};
    post("/cookies", "a=1");
    const char *env = crew_test_send(test, &request)->body;
    assert_non_null(strstr(env, "\nHTTP_COOKIE=mine=1\n"));
    assert_null(strstr(env, "a=1"));

    const struct crew_test_options options = {.no_cookies = true};
    crew_test *without = NULL;
    assert_int_equal(crew_test_new_app(crew_app_init, &options, &without, NULL, 0), 0);
    crew_test_post(without, "/cookies", NULL, "a=1", 3);
    assert_string_equal(crew_test_get(without, "/cookie")->body, "(none)");
    crew_test_free(without);
}

/* ---- redirects ---- */

static const struct crew_test_response *followed(const char *path) {
    return crew_test_follow(test, crew_test_get(test, path));
}

/* The Location TO in a response of FROM leads to the echo with QUERY. */
static void assert_leads(const char *from, const char *to, const char *wanted) {
    char path[256], body[256];
    snprintf(path, sizeof path, "%s/redirect?to=%s", from, to);
    snprintf(body, sizeof body, "GET %s\nno type, 0 bytes\n", wanted);
    assert_string_equal(followed(path)->body, body);
}

static void assert_leads_elsewhere(const char *to) {
    char path[256];
    snprintf(path, sizeof path, "/redirect?to=%s", to);
    assert_int_equal(followed(path)->status, 302);
}

static void test_follow_goes_where_the_location_says(void **state) {
    (void)state;
    assert_leads("", "/echo", "/echo?");
    assert_leads("", "/echo%3Fa=b%23fragment", "/echo?a=b");
    assert_leads("", "http://localhost/echo", "/echo?");
    assert_leads("", "HTTP://LOCALHOST/echo", "/echo?");
    assert_leads("", "//localhost/echo", "/echo?");
    assert_leads("/deep/down", "echo", "/deep/down/echo?");
    assert_leads("/deep/down", "./echo%3Fa=/../b", "/deep/down/echo?a=/../b");
    assert_leads("/deep/down", "../../echo", "/echo?");
    assert_leads("/deep/down", "../../../deep/x/../down/echo", "/deep/down/echo?");
    assert_leads("", "/redirect%3Fto=/echo%253Ftwice", "/echo?twice");
}

static void test_follow_stays_in_the_app(void **state) {
    (void)state;
    assert_leads_elsewhere("http://example.com/echo");
    assert_leads_elsewhere("https://localhost/echo");
    assert_leads_elsewhere("http://localhost:81/echo");
    assert_leads_elsewhere("//example.com/echo");
    assert_leads_elsewhere("mailto:neo@example.com");
    crew_test_set_param(test, "SCRIPT_NAME", "/app");
    assert_leads("", "/app/echo", "/echo?");
    assert_leads("", "echo", "/echo?");
    assert_leads_elsewhere("/echo");
    assert_leads_elsewhere("/apple/echo");
}

static void test_follow_ends(void **state) {
    (void)state;
    const struct crew_test_response *response = crew_test_get(test, "/echo");
    assert_ptr_equal(crew_test_follow(test, response), response);
    response = crew_test_task(test, "echo", NULL);
    assert_ptr_equal(crew_test_follow(test, response), response);
    response = crew_test_get(test, "/redirect");
    assert_ptr_equal(crew_test_follow(test, response), response);
    response = crew_test_get(test, "/redirect?to=/echo&status=304");
    assert_ptr_equal(crew_test_follow(test, response), response);
    /* A loop of redirects. */
    response = crew_test_get(test, "/redirect?to=");
    assert_int_equal(crew_test_follow(test, response)->status, 302);
}

/* The last response after a request with METHOD and a body. */
static const char *followed_from(const char *method, const char *path) {
    const char *const headers[] = {"X-Kept", "yes", NULL};
    const struct crew_test_request request = {.method = method,
                                              .path = path,
                                              .headers = headers,
                                              .content_type = "text/x",
                                              .body = "body",
                                              .body_bytes = 4};
    return crew_test_follow(test, crew_test_send(test, &request))->body;
}

static void assert_becomes(const char *method, int status, const char *wanted) {
    char path[64];
    snprintf(path, sizeof path, "/redirect?to=/echo&status=%d", status);
    assert_string_equal(followed_from(method, path), wanted);
}

static void test_follow_changes_the_method(void **state) {
    (void)state;
    static const char get[] = "GET /echo?\nno type, 0 bytes\n";
    static const char post[] = "POST /echo?\ntext/x, 4 bytes\nbody";
    static const char put[] = "PUT /echo?\ntext/x, 4 bytes\nbody";
    assert_becomes("POST", 301, get);
    assert_becomes("POST", 302, get);
    assert_becomes("POST", 303, get);
    assert_becomes("PUT", 303, get);
    assert_becomes(NULL, 307, post);
    assert_becomes("POST", 308, post);
    assert_becomes("PUT", 302, put);
    assert_becomes("HEAD", 303, "");
}

static void test_follow_keeps_header_fields(void **state) {
    (void)state;
    crew_test_set_cookie(test, "a=1");
    const char *env = followed_from("POST", "/redirect?to=/env");
    assert_non_null(strstr(env, "\nHTTP_X_KEPT=yes\n"));
    assert_non_null(strstr(env, "\nHTTP_COOKIE=a=1\n"));
    assert_non_null(strstr(env, "\nCONTENT_LENGTH=\n"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_cookies_are_kept),
        TEST(test_cookies_have_paths),
        TEST(test_cookies_of_an_app_that_is_mounted),
        TEST(test_cookies_expire),
        TEST(test_cookies_secure_and_domain),
        TEST(test_cookies_can_be_the_requests_own),
        TEST(test_follow_goes_where_the_location_says),
        TEST(test_follow_stays_in_the_app),
        TEST(test_follow_ends),
        TEST(test_follow_changes_the_method),
        TEST(test_follow_keeps_header_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
