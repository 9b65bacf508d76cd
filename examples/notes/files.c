/* Attached files. They are in the database, so that a note and its files are stored
 * together. Store larger files in a folder (crew_upload_save). */
#include "app.h"
#include "draft.h"
#include "layout.h"
#include "session.h"
#include "store.h"

#include <limits.h>

enum { FILE_BYTES_MOST = 2 * 1024 * 1024 };

static long path_id(const crew_request *request, const char *name) {
    return crew_request_path_number(request, name, 1, LONG_MAX, 0);
}

static enum result attach(crew_request *request, crew_response *response,
                          const struct file *file) {
    long session = session_number(request, response), id = path_id(request, "note");
    struct note note;
    enum result result = store_find(app_database(request), session, id, &note);
    if (result != RESULT_OK)
        return result;
    note_fini(&note);
    return store_attach(app_database(request), session, id, file);
}

int file_attach(crew_request *request, crew_response *response) {
    int error = crew_request_read_form(request);
    if (error != 0)
        return error;
    const struct crew_upload *upload = crew_request_upload(request, "file");
    if (upload == NULL)
        return crew_response_error(response, 400, "Choose a file first.");
    if (upload->bytes > FILE_BYTES_MOST)
        return crew_response_error(response, 413, "A file may have 2 MiB.");

    bool has_name = *upload->name != '\0' && is_text(upload->name);
    const struct file file = {
        .name = has_name ? upload->name : "file",
        .content = upload->data,
        .bytes = (long)upload->bytes,
    };
    enum result result = attach(request, response, &file);
    if (result != RESULT_OK)
        return answer_result(response, result);
    return layout_redirect(request, response, "/%ld", path_id(request, "note"));
}

/* Files are downloaded and not shown, as an HTML file would run scripts with the rights
 * of this site. The content type that the user has sent is not used, and nosniff (app.c)
 * prevents browsers from guessing one. */
static void send_file(void *arg, const struct file *file) {
    crew_response *response = arg;
    crew_response_attachment(response, file->name);
    crew_response_header(response, "Content-Type", "application/octet-stream");
    crew_response_write(response, file->content, (size_t)file->bytes);
}

int file_download(crew_request *request, crew_response *response) {
    enum result result = store_read_file(
        app_database(request), session_number(request, response),
        path_id(request, "note"), path_id(request, "file"), send_file, response);
    return answer_result(response, result);
}

int file_remove(crew_request *request, crew_response *response) {
    long note = path_id(request, "note");
    enum result result =
        store_remove_file(app_database(request), session_number(request, response), note,
                          path_id(request, "file"));
    if (result != RESULT_OK)
        return answer_result(response, result);
    return layout_redirect(request, response, "/%ld", note);
}
