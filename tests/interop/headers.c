/* headers.so - a plain task that shows what came with the call, and answers with header
 * fields of which one is repeated. */
#include <crew/app.h>

static int headers(crew_request *request, crew_response *response) {
    size_t count;
    const struct crew_pair *pairs = crew_request_params(request, &count);
    for (size_t i = 0; i < count; i++)
        crew_response_printf(response, "%.*s=%.*s\n", (int)pairs[i].name_bytes,
                             pairs[i].name, (int)pairs[i].value_bytes, pairs[i].value);
    crew_response_header(response, "X-Twice", "first");
    crew_response_header(response, "X-Twice", "second");
    crew_response_header(response, "Other", "one");
    return crew_response_printf(response, "type=%s\n",
                                crew_request_content_type(request));
}

CREW_APP(app) {
    return crew_app_task(app, "headers", headers);
}
