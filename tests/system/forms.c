/* forms.so - handlers that read forms, uploads, JSON, and who asks. */
#include <crew/app.h>
#include <crew/json.h>
#include <stdio.h>
#include <stdlib.h>

/* The fields, one a line, then the files. */
static int form(crew_request *request, crew_response *response) {
    int error = crew_request_read_form(request);
    if (error != 0)
        return error;
    size_t pair_count, file_count;
    const struct crew_pair *pairs = crew_request_form_pairs(request, &pair_count);
    for (size_t i = 0; i < pair_count; i++)
        crew_response_printf(response, "%s=%s\n", pairs[i].name, pairs[i].value);
    const struct crew_upload *files = crew_request_uploads(request, &file_count);
    for (size_t i = 0; i < file_count; i++)
        crew_response_printf(response, "%s: %s (%s), %s, %zu bytes\n", files[i].field,
                             files[i].name, files[i].client_name, files[i].content_type,
                             files[i].bytes);
    return 0;
}

/* Save the file to ?path= */
static int save(crew_request *request, crew_response *response) {
    const struct crew_upload *file = crew_request_upload(request, "file");
    const char *path = crew_request_query_value(request, "path");
    if (file == NULL || path == NULL)
        return CREW_EBADREQUEST;
    int error = crew_upload_save(file, path);
    crew_response_status(response, error == CREW_EEXIST ? 409 : 201);
    return error == CREW_EEXIST ? 0 : error;
}

/* Read the file back from a temporary one; with ?crash=1 die instead. */
static int reread(crew_request *request, crew_response *response) {
    const struct crew_upload *file = crew_request_upload(request, "file");
    char path[64], bytes[4096];
    int fd;
    if (file == NULL || crew_request_upload_fd(request, file, &fd) != 0)
        return 1;
    if (crew_request_query_number(request, "crash", 0, 1, 0))
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    FILE *opened = fopen(path, "r");
    if (opened == NULL)
        return 1;
    for (size_t read; (read = fread(bytes, 1, sizeof bytes, opened)) > 0;)
        crew_response_write(response, bytes, read);
    return fclose(opened);
}

static int greet(crew_request *request, crew_response *response) {
    const char *name;
    int error = crew_request_json_unpack(request, "{s:s}", "name", &name);
    return error != 0 ? error : crew_response_printf(response, "Hello, %s\n", name);
}

static int origin(crew_request *request, crew_response *response) {
    const char *theme = crew_request_cookie(request, "theme");
    return crew_response_printf(response, "%s %s %s %s", crew_request_client(request),
                                crew_request_scheme(request), crew_request_host(request),
                                theme != NULL ? theme : "-");
}

CREW_APP(app) {
    crew_app_route(app, "POST", "/form", form);
    crew_app_route(app, "POST", "/save", save);
    crew_app_route(app, "POST", "/reread", reread);
    crew_app_route(app, "POST", "/json", greet);
    crew_app_route(app, "GET", "/origin", origin);
    return 0;
}
