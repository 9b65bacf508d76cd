/* hello_test - tests of hello.c without a broker, a worker or a web server. Copy it to
 * start your own.
 *
 *     cc -o hello_test hello_test.c hello.c $(pkg-config --cflags --libs crew-test)
 *     ./hello_test
 *
 * Any test framework can be used. Here a test is a function, and a failed assertion ends
 * the program and prints its position.
 */
#undef NDEBUG
#include <assert.h>
#include <crew/test.h>
#include <stdio.h>
#include <string.h>

static void test_hello_greets_the_world(crew_test *test) {
    const struct crew_test_response *response = crew_test_get(test, "/hello");
    assert(response->status == 200);
    assert(strcmp(response->content_type, "text/plain; charset=utf-8") == 0);
    assert(strcmp(response->body, "Hello, world\n") == 0);
}

static void test_hello_greets_by_name(crew_test *test) {
    const struct crew_test_response *response;
    response = crew_test_get(test, "/hello?name=Neo%20%26%20Trinity");
    assert(strcmp(response->body, "Hello, Neo & Trinity\n") == 0);
}

static void test_hello_takes_no_post(crew_test *test) {
    const struct crew_test_response *response;
    response = crew_test_post_form(test, "/hello", "name", "Neo", NULL);
    assert(response->status == 405);
    assert(strcmp(crew_test_header(response, "Allow"), "GET, HEAD, OPTIONS") == 0);
}

int main(void) {
    crew_test *test;
    char why[256];
    if (crew_test_new_app(crew_app_init, NULL, &test, why, sizeof why) != 0) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    test_hello_greets_the_world(test);
    test_hello_greets_by_name(test);
    test_hello_takes_no_post(test);
    crew_test_free(test);
    printf("all is well\n");
    return 0;
}
