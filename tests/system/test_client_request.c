/* test_client_request APP MOUNT METHOD PATH [BODY] - a request in the test client; prints
 * the response's body. */
#include <crew/test.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    crew_test *test;
    char why[256];
    if (argc < 5)
        return 2;
    if (crew_test_new(argv[1], NULL, &test, why, sizeof why) != 0) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    crew_test_set_param(test, "SCRIPT_NAME", argv[2]);
    struct crew_test_request request = {.method = argv[3], .path = argv[4]};
    if (argc > 5) {
        request.content_type = "text/x-a";
        request.body = argv[5];
        request.body_bytes = strlen(argv[5]);
    }
    const struct crew_test_response *response = crew_test_send(test, &request);
    fwrite(response->body, 1, response->body_bytes, stdout);
    crew_test_free(test);
    return response->status != 200;
}
