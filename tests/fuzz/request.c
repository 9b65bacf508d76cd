/* Any block of pairs, any query: no crash, and every string ends within its value.
 *
 * The first byte chooses the form and whether the rest is a block of pairs or a value
 * for QUERY_STRING and REQUEST_URI. */
#include "app/request.h"
#include "wire/envelope.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool truth) {
    if (!truth)
        abort();
}

static void check_pairs(const struct crew_request *request) {
    size_t count;
    const struct crew_pair *pairs = crew_request_params(request, &count);
    for (size_t i = 0; i < count; i++) {
        require(pairs[i].name[pairs[i].name_bytes] == '\0');
        require(pairs[i].value[pairs[i].value_bytes] == '\0');
        crew_request_header(request, pairs[i].name);
        crew_request_header(request, pairs[i].value);
    }
}

static void check_query(struct crew_request *request) {
    size_t query_bytes = strlen(crew_request_query(request)), count;
    static const char *const keys[] = {"", "a", "b"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *value = crew_request_query_value(request, keys[i]);
        require(value == NULL || strlen(value) <= query_bytes);
        crew_request_query_number(request, keys[i], -10, 10, 0);
        crew_request_cookie(request, keys[i]);
    }
    crew_request_query_pairs(request, &count);
    require(count <= (query_bytes + 1) / 2);
}

static void check_origin(struct crew_request *request) {
    const char *host = crew_request_host(request);
    require(host == NULL || strlen(host) > 0);
    require(crew_request_client(request) == NULL || *crew_request_client(request) != 0);
    require((crew_request_scheme(request) != NULL) ==
            (crew_request_form(request) == CREW_HTTP));
}

static void check_request(const struct crew_task_view *view) {
    struct crew_request request = {0};
    if (request_begin(&request, NULL, view, 1) == CREW_OK) {
        require(strlen(crew_request_method(&request)) <= view->pairs_bytes);
        require(strlen(crew_request_path(&request)) <= request.path_bytes);
        size_t body_bytes;
        const char *body = crew_request_body(&request, &body_bytes);
        require(body[body_bytes] == '\0' && body_bytes == view->body_bytes);
        check_pairs(&request);
        check_query(&request);
        check_origin(&request);
    }
    request_end(&request);
    request_fini(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    if (bytes < 1)
        return 0;
    const char *rest = (const char *)data + 1;
    struct buffer block = BUFFER_INIT;
    if (data[0] & 1) {
        buffer_append(&block, rest, bytes - 1);
    } else {
        wire_put_pair(&block, "QUERY_STRING", 12, rest, bytes - 1);
        wire_put_pair(&block, "REQUEST_URI", 11, rest, bytes - 1);
    }
    struct crew_task_view view = {.form = data[0] & 2 ? CREW_PLAIN : CREW_HTTP,
                                  .task = "http",
                                  .id = "1",
                                  .pairs = block.data,
                                  .pairs_bytes = block.len,
                                  .body = rest,
                                  .body_bytes = bytes - 1};
    check_request(&view);
    buffer_fini(&block);
    return 0;
}
