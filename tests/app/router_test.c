/* Which route serves a method and a path. */
#include "cmocka_all.h"

#include "app/path_values.h"
#include "app/router.h"
#include <stdio.h>
#include <string.h>

static struct router router;
static struct router_match match;

static int forget(void **state) {
    (void)state;
    router_fini(&router);
    return 0;
}

static int handler(crew_request *request, crew_response *response) {
    (void)request;
    (void)response;
    return 0;
}

static int add(const char *methods, const char *pattern) {
    return router_add(&router, methods, pattern, handler);
}

/* "METHOD PATTERN" of the route, or what there is in its stead. */
static const char *look(const char *method, const char *path) {
    static char found[300];
    router_find(&router, method, path, strlen(path), &match);
    if (match.route == NULL)
        return match.path_known ? "405" : "404";
    snprintf(found, sizeof found, "%s %s", match.route->method, match.route->pattern);
    return found;
}

#define assert_route(wanted, method, path) assert_string_equal(look(method, path), wanted)

/* ---- paths ---- */

static void test_router_compares_literals_exactly(void **state) {
    (void)state;
    add("GET", "/b");
    add("GET", "/a");
    add("GET", "/");
    add("GET", "/a/b/");
    add("GET", "/i:batch");
    assert_route("GET /b", "GET", "/b");
    assert_route("GET /a", "GET", "/a");
    assert_route("GET /", "GET", "/");
    assert_route("GET /a/b/", "GET", "/a/b/");
    assert_route("GET /i:batch", "GET", "/i:batch");
    static const char *const strange[] = {"",   "b",    "/b/",   "/B",     "//b", "/bb",
                                          "//", "/a/b", "/a//b", "/a/b//", "/i:", "*"};
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++)
        assert_route("404", "GET", strange[i]);
}

static void test_router_rejects_paths_with_a_zero_byte(void **state) {
    (void)state;
    add("*", "/b");
    add("*", "/*all");
    assert_route("* /*all", "GET", "/bb");
    router_find(&router, "GET", "/b\0", 3, &match);
    assert_false(match.path_known);
    router_find(&router, "GET", "/b\0b", 4, &match);
    assert_false(match.path_known);
}

static void test_router_finds_each_of_many(void **state) {
    (void)state;
    char path[32], wanted[40];
    for (int i = 0; i < 300; i++) {
        snprintf(path, sizeof path, "/%d/%d", i % 7, i * 7 % 300);
        assert_int_equal(add("GET", path), CREW_OK);
        assert_int_equal(add("POST", path), CREW_OK);
    }
    assert_int_equal(router.count, 600);
    for (int i = 0; i < 300; i++) {
        snprintf(path, sizeof path, "/%d/%d", i % 7, i * 7 % 300);
        snprintf(wanted, sizeof wanted, "POST %s", path);
        assert_route(wanted, "POST", path);
    }
}

static void test_router_parameter_is_a_segment(void **state) {
    (void)state;
    add("GET", "/users/:id");
    add("GET", "/users/:id/posts/:post_2");
    assert_route("GET /users/:id", "GET", "/users/7");
    assert_route("GET /users/:id", "GET", "/users/:id");
    assert_route("GET /users/:id", "GET", "/users/ \xff");
    assert_route("GET /users/:id/posts/:post_2", "GET", "/users/7/posts/8");
    assert_route("404", "GET", "/users/");
    assert_route("404", "GET", "/users");
    assert_route("404", "GET", "/users/7/");
    assert_route("404", "GET", "/users//posts/8");
    assert_route("404", "GET", "/users/7/posts/");
    assert_route("404", "GET", "/users/7/posts");
}

static void test_router_rest_is_all_that_is_left(void **state) {
    (void)state;
    add("GET", "/files/*path");
    assert_route("GET /files/*path", "GET", "/files/a");
    assert_route("GET /files/*path", "GET", "/files/a/b.c");
    assert_route("GET /files/*path", "GET", "/files/a/");
    assert_route("GET /files/*path", "GET", "/files/a//b");
    assert_route("404", "GET", "/files/");
    assert_route("404", "GET", "/files");
    assert_route("404", "GET", "/files//etc/passwd");
}

/* ---- which one ---- */

static void assert_most_specific_first(void) {
    assert_route("GET /a/b/c", "GET", "/a/b/c");
    assert_route("GET /a/b/:y", "GET", "/a/b/d");
    assert_route("GET /a/b/*r", "GET", "/a/b/d/e");
    assert_route("GET /a/:x/c", "GET", "/a/x/c");
    assert_route("GET /a/:x/:y", "GET", "/a/x/y");
    assert_route("GET /a/*r", "GET", "/a/x/y/z");
    assert_route("GET /a/*r", "GET", "/a/x");
    assert_route("GET /:w", "GET", "/a");
    assert_route("GET /*r", "GET", "/b/x");
    assert_route("GET /", "GET", "/");
}

static void test_router_uses_the_most_specific_in_any_order(void **state) {
    (void)state;
    static const char *const patterns[] = {"/",       "/:w",     "/*r",
                                           "/a/*r",   "/a/:x/c", "/a/:x/:y",
                                           "/a/b/*r", "/a/b/:y", "/a/b/c"};
    const size_t count = sizeof patterns / sizeof *patterns;
    for (size_t i = 0; i < count; i++)
        assert_int_equal(add("GET", patterns[i]), CREW_OK);
    assert_most_specific_first();
    router_fini(&router);
    for (size_t i = count; i-- > 0;)
        assert_int_equal(add("GET", patterns[i]), CREW_OK);
    assert_most_specific_first();
}

static void test_router_compares_from_the_left(void **state) {
    (void)state;
    add("GET", "/a/:x/c");
    add("GET", "/a/b/:y");
    assert_route("GET /a/b/:y", "GET", "/a/b/c");
}

static void test_router_backtracks(void **state) {
    (void)state;
    add("GET", "/a/b/c/d");
    add("GET", "/a/:x/c/e");
    add("GET", "/:w/b/:y/f");
    add("GET", "/*r");
    assert_route("GET /a/:x/c/e", "GET", "/a/b/c/e");
    assert_route("GET /:w/b/:y/f", "GET", "/a/b/c/f");
    assert_int_equal(match.value_count, 2);
    assert_route("GET /*r", "GET", "/a/b/c");
    assert_int_equal(match.value_count, 1);
    assert_int_equal(match.values[0].begin, 1);
    assert_int_equal(match.values[0].bytes, 5);
}

/* ---- methods ---- */

static void test_router_prefers_the_exact_method(void **state) {
    (void)state;
    add("*", "/x");
    add("POST", "/x");
    assert_route("POST /x", "POST", "/x");
    assert_route("* /x", "BREW", "/x");
    assert_route("* /x", "HEAD", "/x");
    assert_route("* /x", "OPTIONS", "/x");
    add("GET", "/x");
    assert_route("GET /x", "HEAD", "/x");
    add("HEAD", "/x");
    assert_route("HEAD /x", "HEAD", "/x");
}

static void test_router_method_not_allowed(void **state) {
    (void)state;
    add("POST", "/x");
    assert_route("405", "GET", "/x");
    assert_route("405", "HEAD", "/x");
    assert_route("405", "post", "/x");
    assert_route("405", "", "/x");
}

static void test_router_takes_several_methods(void **state) {
    (void)state;
    assert_int_equal(add("GET, POST", "/x"), CREW_OK);
    assert_int_equal(add("PUT,PATCH ,  DELETE", "/x"), CREW_OK);
    assert_int_equal(router.count, 5);
    assert_route("GET /x", "GET", "/x");
    assert_route("POST /x", "POST", "/x");
    assert_route("PATCH /x", "PATCH", "/x");
    assert_route("DELETE /x", "DELETE", "/x");
    assert_int_equal(add("BREW, PUT", "/x"), CREW_EEXIST);
    assert_int_equal(add("GET, GET", "/y"), CREW_EEXIST);
}

static void test_router_uses_a_less_specific_route_for_a_method(void **state) {
    (void)state;
    add("POST", "/users/me");
    add("GET", "/users/:id");
    add("DELETE", "/*all");
    assert_route("POST /users/me", "POST", "/users/me");
    assert_route("GET /users/:id", "GET", "/users/me");
    assert_route("GET /users/:id", "HEAD", "/users/me");
    assert_route("DELETE /*all", "DELETE", "/users/me");
    assert_route("405", "PUT", "/users/me");
    assert_route("405", "POST", "/users/you");
}

static void assert_allow(const char *path, const char *wanted) {
    struct buffer allow = BUFFER_INIT;
    router_allow(&router, path, strlen(path), &allow);
    assert_string_equal((char *)allow.data, wanted);
    buffer_fini(&allow);
}

static void test_router_allow_lists_methods(void **state) {
    (void)state;
    add("PUT", "/x");
    add("GET", "/x");
    add("POST", "/y");
    add("GET, HEAD", "/z");
    add("OPTIONS", "/o");
    assert_allow("/x", "GET, PUT, HEAD, OPTIONS");
    assert_allow("/y", "POST, OPTIONS");
    assert_allow("/z", "GET, HEAD, OPTIONS");
    assert_allow("/o", "OPTIONS");
    add("POST, GETA", "/:any");
    assert_allow("/y", "POST, GETA, OPTIONS");
    assert_allow("/x", "GET, PUT, GETA, POST, HEAD, OPTIONS");
}

/* ---- values ---- */

static void test_router_gives_the_values_by_name(void **state) {
    (void)state;
    static const char path[] = "/users/7/files/a/b";
    struct path_values values = {0};
    add("GET", "/users/:id/files/*path");
    add("POST", "/users/:name/files/:path");
    add("PUT", "/users");

    assert_string_not_equal(look("GET", path), "404");
    assert_int_equal(path_values_set(&values, path, strlen(path), &match), CREW_OK);
    assert_string_equal(path_values_get(&values, "id"), "7");
    assert_string_equal(path_values_get(&values, "path"), "a/b");
    assert_null(path_values_get(&values, "name"));
    assert_null(path_values_get(&values, "users"));
    assert_null(path_values_get(&values, "i"));
    assert_null(path_values_get(&values, ""));

    path_values_reset(&values);
    assert_null(path_values_get(&values, "id"));
    assert_string_not_equal(look("POST", "/users/x/files/y"), "404");
    path_values_set(&values, "/users/x/files/y", 16, &match);
    assert_string_equal(path_values_get(&values, "name"), "x");
    assert_string_equal(path_values_get(&values, "path"), "y");

    path_values_reset(&values);
    assert_string_not_equal(look("PUT", "/users"), "404");
    path_values_set(&values, "/users", 6, &match);
    assert_null(path_values_get(&values, "id"));
    path_values_fini(&values);
}

/* ---- what is no route ---- */

static void test_router_rejects_invalid_routes(void **state) {
    (void)state;
    static const char *const patterns[] = {
        "",           "x",
        "/:",         "/*",
        "/a*",        "/a/b*c",
        "//",         "/a//b",
        "/a//",       "/*r/",
        "/*r/b",      "/:a/b/:a",
        "/:a-",       "/:a/*a",
        "/:\xc3\xa4", "/::a",
        "/:a:b",      "/*a*",
        "a/b",        "/:1/:2/:3/:4/:5/:6/:7/:8/:9/:10/:11/:12/:13/:14/:15/:16/:17"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if (add("GET", patterns[i]) != CREW_EINVAL)
            fail_msg("%s was taken", patterns[i]);
    static const char *const methods[] = {"",         "G T", "GET,",   ",GET",
                                          "GET,,PUT", " ",   "GET;PUT"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (add(methods[i], "/x") != CREW_EINVAL)
            fail_msg("%s was taken", methods[i]);
    assert_int_equal(add(NULL, "/x"), CREW_EINVAL);
    assert_int_equal(add("GET", NULL), CREW_EINVAL);
    assert_int_equal(router_add(&router, "GET", "/x", NULL), CREW_EINVAL);
    assert_int_equal(router.count, 0);
    assert_int_equal(
        add("GET", "/:1/:2/:3/:4/:5/:6/:7/:8/:9/:10/:11/:12/:13/:14/:15/*all"), CREW_OK);
}

static void test_router_rejects_duplicates(void **state) {
    (void)state;
    assert_int_equal(add("GET", "/x"), CREW_OK);
    assert_int_equal(add("GET", "/x"), CREW_EEXIST);
    assert_int_equal(add("GET", "/users/:id"), CREW_OK);
    assert_int_equal(add("GET", "/users/:name"), CREW_EEXIST);
    assert_int_equal(add("PUT", "/users/:name"), CREW_OK);
    assert_int_equal(add("GET", "/users/*id"), CREW_OK);
    assert_int_equal(add("GET", "/users/*path"), CREW_EEXIST);
    assert_int_equal(add("GET", "/users/:user/x"), CREW_OK);
    assert_int_equal(router.count, 5);
}

int main(void) {
#define TEST(f) cmocka_unit_test_teardown(f, forget)
    const struct CMUnitTest tests[] = {
        TEST(test_router_compares_literals_exactly),
        TEST(test_router_rejects_paths_with_a_zero_byte),
        TEST(test_router_finds_each_of_many),
        TEST(test_router_parameter_is_a_segment),
        TEST(test_router_rest_is_all_that_is_left),
        TEST(test_router_uses_the_most_specific_in_any_order),
        TEST(test_router_compares_from_the_left),
        TEST(test_router_backtracks),
        TEST(test_router_prefers_the_exact_method),
        TEST(test_router_method_not_allowed),
        TEST(test_router_takes_several_methods),
        TEST(test_router_uses_a_less_specific_route_for_a_method),
        TEST(test_router_allow_lists_methods),
        TEST(test_router_gives_the_values_by_name),
        TEST(test_router_rejects_invalid_routes),
        TEST(test_router_rejects_duplicates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
