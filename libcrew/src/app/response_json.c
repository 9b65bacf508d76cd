#include "app/response.h"

#include <crew/json.h>

struct writing {
    crew_response *response;
    int error;
};

static int write_piece(const char *text, size_t bytes, void *arg) {
    struct writing *writing = arg;
    writing->error = crew_response_write(writing->response, text, bytes);
    return writing->error == CREW_OK ? 0 : -1;
}

int crew_response_json(crew_response *response, const json_t *json) {
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
    struct writing writing = {response, CREW_OK};
    response_written(response, RESPONSE_JSON);
    if (json_dump_callback(json, write_piece, &writing, flags) == 0)
        return CREW_OK;
    if (writing.error != CREW_OK)
        return writing.error;
    return response_invalid(response, CREW_EFAILED, CREW_EINVAL,
                            json == NULL ? "no JSON" : "JSON that cannot be written", "");
}

int crew_response_json_new(crew_response *response, json_t *json) {
    int error = crew_response_json(response, json);
    json_decref(json);
    return error;
}
