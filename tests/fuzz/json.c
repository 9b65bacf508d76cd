/* Any bytes as JSON: a value within the depth limit, or a complaint of one line. */
#include "app/request.h"

#include <assert.h>
#include <crew/json.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { DEPTH = 5, USUAL_DEPTH = 64 };

static void check_depth(json_t *json, int left) {
    const char *key;
    json_t *value;
    size_t i;
    assert(!json_is_array(json) || left > 0);
    assert(!json_is_object(json) || left > 0);
    json_array_foreach(json, i, value) check_depth(value, left - 1);
    json_object_foreach(json, key, value) check_depth(value, left - 1);
}

static void check_json(struct crew_request *request, bool usual_limits) {
    json_t *json = NULL;
    const char *name;
    const struct crew_request_limits limits = {.json_depth = DEPTH, .json_bytes = 2000};
    if (!usual_limits)
        crew_request_set_limits(request, &limits);
    int error = crew_request_json(request, &json);
    assert(error == CREW_OK || error == CREW_EBADREQUEST);
    assert((error == CREW_OK) == (json != NULL));
    if (error == CREW_OK)
        check_depth(json, usual_limits ? USUAL_DEPTH : DEPTH);
    error = crew_request_json_unpack(request, "{s:s, s:[ii]}", "name", &name, "list",
                                     &(int){0}, &(int){0});
    const char *complaint = crew_request_complaint(request);
    assert((error == CREW_OK) == (complaint == NULL));
    for (; complaint != NULL && *complaint != '\0'; complaint++)
        assert((unsigned char)*complaint >= ' ');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    static const char *const types[] = {"application/json", "application/problem+json",
                                        "", "text/plain"};
    static struct crew_request request;
    if (bytes < 1)
        return 0;
    const struct crew_task_view view = {.form = CREW_PLAIN,
                                        .task = "json",
                                        .id = "1",
                                        .content_type = types[(data[0] >> 1) % 4],
                                        .body = data + 1,
                                        .body_bytes = bytes - 1};
    if (request_begin(&request, NULL, &view, 1) == CREW_OK)
        check_json(&request, data[0] & 1);
    request_end(&request);
    return 0;
}
