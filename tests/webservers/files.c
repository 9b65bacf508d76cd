/* files.so FOLDER - a task by name: the files below FOLDER. */
#include <crew/app.h>

static const char *folder;

/* ?as=NAME: to be saved under that name. */
static int file(crew_request *request, crew_response *response) {
    const char *name = crew_request_query_value(request, "as");
    if (name != NULL)
        crew_response_attachment(response, name);
    crew_response_header(response, "Cache-Control", "private");
    crew_response_header(response, "Set-Cookie", "a=1");
    crew_response_header(response, "X-Own", "own");
    return crew_response_file_below(request, response, folder,
                                    crew_request_path(request) + 1);
}

CREW_APP(app) {
    if (crew_app_argc(app) != 2)
        return 1;
    folder = crew_app_argv(app)[1];
    return crew_app_task(app, "files", file);
}
