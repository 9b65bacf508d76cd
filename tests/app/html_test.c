/* HTML and JSON: insertions are escaped. */
#include "cmocka_all.h"

#include "exchange_fixture.h"
#include <crew/json.h>
#include <stdlib.h>
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

static void assert_page(const char *type, const char *body) {
    exchange_finish(&x);
    assert_int_equal(x.answer.error, CREW_OK);
    assert_string_equal(exchange_field(&x, "Content-Type"), type);
    assert_string_equal(exchange_body(&x), body);
}

static void test_html_escapes_what_it_inserts(void **state) {
    (void)state;
    const char *name = "<b title=\"x\">Tom & 'Jerry'</b>\xc3\xa4\xff";
    assert_int_equal(crew_response_html(&x.response, "<p id=\"%s\">%d</p>", name, -7),
                     CREW_OK);
    assert_page("text/html; charset=utf-8",
                "<p id=\"&lt;b title=&quot;x&quot;&gt;Tom &amp; &#39;Jerry&#39;&lt;/b&gt;"
                "\xc3\xa4\xff\">-7</p>");
}

/* Conversions as those of printf, for all lengths and types. */
static void test_html_converts_as_printf(void **state) {
    (void)state;
#define CONVERSIONS                                                                    \
    "%d|%i|%5d|%-5d|%05d|%+d|% d|%.3d|%hhd|%hd|%ld|%lld|%jd|%zd|%td|%u|%hhu|%hu|%lu|"  \
    "%llu|%ju|%zu|%x|%#X|%o|%02hhx|%f|%.2f|%e|%G|%a|%Lf|%lf|%c|%s|%8s|%-8s|%.2s|%.*s|" \
    "%*d|%-*d|%*.*f|%.*s|%%|%*s|"
#define ARGUMENTS                                                                        \
    1, -2, 3, 4, 5, 6, 7, 8, 300, 70000, -9L, -10LL, (intmax_t)-11, (ssize_t)-12,        \
        (ptrdiff_t)-13, 14u, 300u, 70000u, 17ul, 18ull, (uintmax_t)19, (size_t)20, 255u, \
        255u, 8u, 0xabu, 1.5, 2.555, 1e10, 1e-10, 0.5, 1.25L, 2.5, 'c', "s", "right",    \
        "left", "precision", 3, "starred", 6, 1, 6, 2, 7, 2, 3.14159, -1, "whole", -5,   \
        "minus"
    char wanted[1000];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat"
    snprintf(wanted, sizeof wanted, CONVERSIONS, ARGUMENTS);
    assert_int_equal(crew_response_html(&x.response, CONVERSIONS, ARGUMENTS), CREW_OK);
#pragma GCC diagnostic pop
    assert_page("text/html; charset=utf-8", wanted);
}

static void test_html_escapes_with_width_and_precision(void **state) {
    (void)state;
    crew_response_html(&x.response, "%5s|%.2s|%c", "<", "a<b", '"');
    assert_page("text/html; charset=utf-8", "    &lt;|a&lt;|&quot;");
}

static void test_html_of_a_long_text(void **state) {
    (void)state;
    char text[1001];
    memset(text, '<', sizeof text);
    text[1000] = '\0';
    assert_int_equal(crew_response_html(&x.response, "%s", text), CREW_OK);
    exchange_finish(&x);
    assert_int_equal(x.answer.body_bytes, 4000);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
static void test_html_rejects_unsupported_conversions(void **state) {
    (void)state;
    static const char *const bad[] = {"%n", "%m", "%p",    "%ls", "%lc",  "%",   "%l",
                                      "%5", "%.", "%hhhd", "%k",  "a%!b", "%1$s"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int number = 0;
        response_begin(&x.response, EXCHANGE_MAX_BODY_BYTES);
        if (crew_response_html(&x.response, bad[i], &number) != CREW_EINVAL)
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(x.response.error, CREW_EFAILED);
        assert_non_null(strstr(response_invalid_reason(&x.response), bad[i]));
    }
}
#pragma GCC diagnostic pop

static void test_html_over_the_limit(void **state) {
    (void)state;
    char text[EXCHANGE_MAX_BODY_BYTES / 4 + 1];
    memset(text, '<', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(crew_response_html(&x.response, "%s", text), CREW_OK);
    assert_int_equal(crew_response_html(&x.response, "!"), CREW_ETOOLARGE);
    for (int i = 0; i < 100; i++)
        assert_int_equal(crew_response_html(&x.response, "%s", text), CREW_ETOOLARGE);
    assert_true(x.response.body.cap < 10 * EXCHANGE_MAX_BODY_BYTES);
    exchange_finish(&x);
    assert_int_equal(x.answer.error, CREW_EBADRESPONSE);
}

static void test_html_sets_the_type_of_the_whole_body(void **state) {
    (void)state;
    crew_response_text(&x.response, "<!DOCTYPE html>");
    crew_response_html(&x.response, "<a href=\"/?q=");
    crew_response_url(&x.response, "a b&c/\"\xc3\xa4~");
    crew_response_html(&x.response, "\">");
    crew_response_text(&x.response, "</a>");
    assert_page("text/html; charset=utf-8",
                "<!DOCTYPE html><a href=\"/?q=a%20b%26c%2F%22%C3%A4~\"></a>");
}

/* The text of an error is not HTML, even if a page was begun. */
static void test_html_does_not_affect_errors(void **state) {
    (void)state;
    crew_response_html(&x.response, "<p>");
    crew_response_error(&x.response, 404, "<script>");
    assert_page("text/plain; charset=utf-8", "404 Not Found: <script>\n");
}

static void test_html_keeps_a_type_that_was_set(void **state) {
    (void)state;
    crew_response_header(&x.response, "Content-Type", "application/xhtml+xml");
    crew_response_html(&x.response, "<p>");
    assert_page("application/xhtml+xml", "<p>");
}

static void test_escape_by_itself(void **state) {
    (void)state;
    char *html = crew_escape_html("<\"&'>"), *url = crew_escape_url("?a=b c+%/\n");
    char *nothing = crew_escape_html("");
    assert_string_equal(html, "&lt;&quot;&amp;&#39;&gt;");
    assert_string_equal(url, "%3Fa%3Db%20c%2B%25%2F%0A");
    assert_string_equal(nothing, "");
    free(html);
    free(url);
    free(nothing);
}

/* ---- JSON ---- */

static void test_json(void **state) {
    (void)state;
    json_t *json =
        json_pack("{s:i, s:[s, b, n]}", "id", 7, "list", "\"</script>\xc3\xa4", 1);
    assert_int_equal(crew_response_json(&x.response, json), CREW_OK);
    assert_int_equal(json->refcount, 1);
    json_decref(json);
    assert_page("application/json",
                "{\"id\":7,\"list\":[\"\\\"</script>\xc3\xa4\",true,null]}");
}

static void test_json_new_takes_the_reference(void **state) {
    (void)state;
    json_t *json = json_string("alone");
    json_incref(json);
    assert_int_equal(crew_response_json_new(&x.response, json), CREW_OK);
    assert_int_equal(json->refcount, 1);
    json_decref(json);
    assert_page("application/json", "\"alone\"");
}

static void test_json_null_is_an_error(void **state) {
    (void)state;
    assert_int_equal(crew_response_json_new(&x.response, json_pack("{s:s}", "a", "\xff")),
                     CREW_EINVAL);
    exchange_finish(&x);
    assert_int_equal(x.answer.error, CREW_EFAILED);
}

static void test_json_that_contains_itself(void **state) {
    (void)state;
    json_t *inner = json_array(), *outer = json_array();
    json_array_append(outer, inner);
    json_array_append(inner, outer);
    assert_int_equal(crew_response_json(&x.response, outer), CREW_EINVAL);
    json_array_clear(inner);
    json_decref(inner);
    json_decref(outer);
    exchange_finish(&x);
    assert_int_equal(x.answer.error, CREW_EFAILED);
}

static void test_json_over_the_limit(void **state) {
    (void)state;
    char text[EXCHANGE_MAX_BODY_BYTES];
    memset(text, 'x', sizeof text);
    json_t *json = json_stringn(text, sizeof text);
    assert_int_equal(crew_response_json_new(&x.response, json), CREW_ETOOLARGE);
    exchange_finish(&x);
    assert_int_equal(x.answer.error, CREW_EBADRESPONSE);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_html_escapes_what_it_inserts),
        TEST(test_html_converts_as_printf),
        TEST(test_html_escapes_with_width_and_precision),
        TEST(test_html_of_a_long_text),
        TEST(test_html_rejects_unsupported_conversions),
        TEST(test_html_over_the_limit),
        TEST(test_html_sets_the_type_of_the_whole_body),
        TEST(test_html_does_not_affect_errors),
        TEST(test_html_keeps_a_type_that_was_set),
        TEST(test_escape_by_itself),
        TEST(test_json),
        TEST(test_json_new_takes_the_reference),
        TEST(test_json_null_is_an_error),
        TEST(test_json_that_contains_itself),
        TEST(test_json_over_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
