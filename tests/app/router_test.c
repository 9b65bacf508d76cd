/* Which handler serves a method and a path. */
#include "cmocka_all.h"

#include "app/router.h"
#include <stdio.h>
#include <string.h>

static int one(crew_request *request, crew_response *response) {
    (void)request;
    (void)response;
    return 1;
}

static int two(crew_request *request, crew_response *response) {
    (void)request;
    (void)response;
    return 2;
}

static crew_handler *look(const struct router *router, const char *method,
                          const char *path) {
    struct router_path found = router_find(router, path, strlen(path));
    return router_handler(found, method);
}

static void test_router_is_exact_about_paths(void **state) {
    (void)state;
    struct router router = {0};
    assert_int_equal(router_add(&router, "GET", "/b", one), CREW_OK);
    assert_int_equal(router_add(&router, "GET", "/a", two), CREW_OK);
    assert_int_equal(router_add(&router, "GET", "/", two), CREW_OK);
    assert_ptr_equal(look(&router, "GET", "/b"), one);
    assert_ptr_equal(look(&router, "GET", "/a"), two);
    static const char *const strange[] = {"", "/b/", "/B", "//b", "/bb", "b"};
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++)
        assert_int_equal(router_find(&router, strange[i], strlen(strange[i])).count, 0);
    assert_int_equal(router_find(&router, "/b\0", 3).count, 0);
    router_fini(&router);
}

static void test_router_finds_each_of_many(void **state) {
    (void)state;
    struct router router = {0};
    char path[32];
    for (int i = 0; i < 300; i++) {
        snprintf(path, sizeof path, "/%d", i * 7 % 300);
        assert_int_equal(router_add(&router, "GET", path, i % 2 ? one : two), CREW_OK);
        assert_int_equal(router_add(&router, "POST", path, two), CREW_OK);
    }
    for (int i = 0; i < 300; i++) {
        snprintf(path, sizeof path, "/%d", i * 7 % 300);
        assert_int_equal(router_find(&router, path, strlen(path)).count, 2);
        assert_ptr_equal(look(&router, "GET", path), i % 2 ? one : two);
    }
    router_fini(&router);
}

static void test_router_prefers_the_exact_method(void **state) {
    (void)state;
    struct router router = {0};
    router_add(&router, "*", "/x", two);
    router_add(&router, "POST", "/x", one);
    assert_ptr_equal(look(&router, "POST", "/x"), one);
    assert_ptr_equal(look(&router, "BREW", "/x"), two);
    assert_ptr_equal(look(&router, "HEAD", "/x"), two);
    assert_ptr_equal(look(&router, "OPTIONS", "/x"), two);
    router_add(&router, "GET", "/x", one);
    assert_ptr_equal(look(&router, "HEAD", "/x"), one);
    router_add(&router, "HEAD", "/x", two);
    assert_ptr_equal(look(&router, "HEAD", "/x"), two);
    router_fini(&router);
}

static void test_router_knows_no_other_method(void **state) {
    (void)state;
    struct router router = {0};
    router_add(&router, "POST", "/x", one);
    assert_null(look(&router, "GET", "/x"));
    assert_null(look(&router, "HEAD", "/x"));
    assert_null(look(&router, "post", "/x"));
    assert_null(look(&router, "", "/x"));
    router_fini(&router);
}

static void assert_allow(const struct router *router, const char *path,
                         const char *wanted) {
    struct buffer allow = BUFFER_INIT;
    router_allow(router_find(router, path, strlen(path)), &allow);
    assert_string_equal((char *)allow.data, wanted);
    buffer_fini(&allow);
}

static void test_router_allow_lists_what_is_served(void **state) {
    (void)state;
    struct router router = {0};
    router_add(&router, "PUT", "/x", one);
    router_add(&router, "GET", "/x", one);
    router_add(&router, "POST", "/y", one);
    router_add(&router, "GET", "/z", one);
    router_add(&router, "HEAD", "/z", one);
    assert_allow(&router, "/x", "GET, PUT, HEAD, OPTIONS");
    assert_allow(&router, "/y", "POST, OPTIONS");
    assert_allow(&router, "/z", "GET, HEAD, OPTIONS");
    router_fini(&router);
}

static void test_router_refuses_what_is_no_route(void **state) {
    (void)state;
    struct router router = {0};
    assert_int_equal(router_add(&router, "GET", "x", one), CREW_EINVAL);
    assert_int_equal(router_add(&router, "GET", "", one), CREW_EINVAL);
    assert_int_equal(router_add(&router, "", "/x", one), CREW_EINVAL);
    assert_int_equal(router_add(&router, "G T", "/x", one), CREW_EINVAL);
    assert_int_equal(router_add(&router, "GET", "/x", NULL), CREW_EINVAL);
    assert_int_equal(router_add(&router, NULL, "/x", one), CREW_EINVAL);
    assert_int_equal(router_add(&router, "GET", NULL, one), CREW_EINVAL);
    assert_int_equal(router.count, 0);
    assert_int_equal(router_add(&router, "GET", "/x", one), CREW_OK);
    assert_int_equal(router_add(&router, "GET", "/x", two), CREW_EEXIST);
    assert_int_equal(router.count, 1);
    router_fini(&router);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_router_is_exact_about_paths),
        cmocka_unit_test(test_router_finds_each_of_many),
        cmocka_unit_test(test_router_prefers_the_exact_method),
        cmocka_unit_test(test_router_knows_no_other_method),
        cmocka_unit_test(test_router_allow_lists_what_is_served),
        cmocka_unit_test(test_router_refuses_what_is_no_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
