#include "layout.h"

#include "draft.h"
#include <crew/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void layout_begin(crew_request *request, crew_response *response, const char *title) {
    const char *prefix = crew_request_prefix(request);
    const char *words = crew_request_query_value(request, "q");
    crew_response_html(
        response,
        "<!DOCTYPE html>\n"
        "<html lang=\"en\">\n"
        "<head>\n"
        "<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n"
        "<title>%s</title>\n"
        "<link rel=\"stylesheet\" href=\"%s/style.css\">\n"
        "</head>\n"
        "<body>\n"
        "<header>\n"
        "<a class=\"home\" href=\"%s/\">Notes</a>\n"
        "<form role=\"search\" action=\"%s/\">\n"
        "<input type=\"search\" name=\"q\" value=\"%s\" aria-label=\"Words\">\n"
        "<button>Search</button>\n"
        "</form>\n"
        "<a class=\"button\" href=\"%s/new\">New note</a>\n"
        "</header>\n"
        "<main>\n",
        title, prefix, prefix, prefix, words != NULL ? words : "", prefix);
}

int layout_end(crew_response *response) {
    return crew_response_text(response, "</main>\n</body>\n</html>\n");
}

void layout_time(crew_response *response, time_t when) {
    char shown[32], exact[32];
    struct tm utc;
    gmtime_r(&when, &utc);
    strftime(shown, sizeof shown, "%Y-%m-%d %H:%M", &utc);
    strftime(exact, sizeof exact, "%Y-%m-%dT%H:%M:%SZ", &utc);
    crew_response_html(response, "<time datetime=\"%s\">%s UTC</time>", exact, shown);
}

int layout_redirect(crew_request *request, crew_response *response, const char *format,
                    ...) {
    char path[64], *location = NULL;
    va_list values;
    va_start(values, format);
    vsnprintf(path, sizeof path, format, values);
    va_end(values);
    if (asprintf(&location, "%s%s", crew_request_prefix(request), path) < 0)
        return CREW_ENOMEM;
    int error = crew_response_redirect(response, 303, location);
    free(location);
    return error;
}

static bool is_for_programs(const crew_request *request) {
    return strncmp(crew_request_path(request), "/api/", strlen("/api/")) == 0;
}

int layout_error(crew_request *request, crew_response *response, int status,
                 const char *text) {
    if (text[0] == '\0')
        text = status == 405 ? "This cannot be done here." : "There is no such page.";
    if (!is_text(text)) /* it may quote the client */
        text = "This cannot be read.";
    if (is_for_programs(request))
        return crew_response_json_new(
            response, json_pack("{s:i, s:s}", "status", status, "error", text));
    layout_begin(request, response, "Notes");
    crew_response_html(response, "<h1>Sorry</h1>\n<p class=\"problem\">%s</p>\n", text);
    return layout_end(response);
}
