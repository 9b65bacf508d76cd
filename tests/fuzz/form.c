/* The first line as a Content-Type, the rest as a form of that type, with the functions
 * of the handler API: it is read, or there is only a complaint; file names contain no
 * path. */
#include "app/request.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_uploads(struct crew_request *request) {
    size_t count, body_bytes;
    const char *body = crew_request_body(request, &body_bytes);
    const struct crew_upload *uploads = crew_request_uploads(request, &count);
    for (size_t i = 0; i < count; i++) {
        const char *data = uploads[i].data;
        assert(data >= body && data + uploads[i].bytes <= body + body_bytes);
        assert(strpbrk(uploads[i].name, "/\\\r\n\t\x7f") == NULL);
        assert(strcmp(uploads[i].name, "..") != 0 && strcmp(uploads[i].name, ".") != 0);
        assert(strlen(uploads[i].name) <= strlen(uploads[i].client_name));
        assert(strlen(uploads[i].content_type) <= body_bytes);
        assert(crew_request_upload(request, uploads[i].field) != NULL);
    }
}

static void check_pairs(struct crew_request *request) {
    size_t count, found;
    const struct crew_pair *pairs = crew_request_form_pairs(request, &count);
    for (size_t i = 0; i < count; i++) {
        assert(pairs[i].name[pairs[i].name_bytes] == '\0');
        assert(pairs[i].value[pairs[i].value_bytes] == '\0');
        crew_request_form_value(request, pairs[i].name);
        crew_request_form_number(request, pairs[i].name, -10, 10, 0);
        crew_request_form_values(request, pairs[i].name, &found);
        assert(found <= count);
    }
}

static void check_form(struct crew_request *request) {
    size_t fields, files;
    crew_request_set_limits(request, &(struct crew_request_limits){.form_fields = 20});
    int error = crew_request_read_form(request);
    crew_request_form_pairs(request, &fields);
    crew_request_uploads(request, &files);
    assert(fields + files <= 20);
    if (error != CREW_OK) {
        assert(error == CREW_EBADREQUEST && crew_request_complaint(request) != NULL);
        assert(strpbrk(crew_request_complaint(request), "\r\n\t\x01\x1b") == NULL);
        assert(fields + files == 0);
    }
    check_pairs(request);
    check_uploads(request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    static struct crew_request request;
    const uint8_t *end = bytes > 0 ? memchr(data, '\n', bytes) : NULL;
    if (end == NULL)
        return 0;
    char *type = strndup((const char *)data, (size_t)(end - data));
    assert(type != NULL);
    const struct crew_task_view view = {.form = CREW_PLAIN,
                                        .task = "form",
                                        .id = "1",
                                        .content_type = type,
                                        .body = end + 1,
                                        .body_bytes = bytes - (size_t)(end + 1 - data)};
    if (request_begin(&request, NULL, &view, 1) == CREW_OK)
        check_form(&request);
    request_end(&request);
    free(type);
    return 0;
}
