/* What a web server makes of a request: CGI parameters (RFC 3875 §4.1), those of nginx's
 * fastcgi_params with the PATH_INFO of README.md. */
#include "test/test_room.h"

#include "app/query.h"
#include "base/xalloc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *method_of(const struct crew_test_request *request) {
    if (request->method != NULL)
        return request->method;
    return request->body != NULL ? "POST" : "GET";
}

static void add_request_params(struct params *params,
                               const struct crew_test_request *request) {
    const char *question = strchr(request->path, '?');
    params_add(params, "QUERY_STRING", question != NULL ? question + 1 : "");
    params_add(params, "REQUEST_METHOD", method_of(request));
    if (request->content_type != NULL)
        params_add(params, "HTTP_CONTENT_TYPE", request->content_type);
    if (request->body != NULL) {
        char length[24];
        snprintf(length, sizeof length, "%zu", request->body_bytes);
        params_add(params, "HTTP_CONTENT_LENGTH", length);
    }
}

static char *joined(const char *a, const char *b) {
    size_t bytes = strlen(a) + strlen(b) + 1;
    char *made = xcalloc(1, bytes);
    snprintf(made, bytes, "%s%s", a, b);
    return made;
}

static void add_paths(struct params *params, const char *mount, const char *path) {
    size_t path_bytes = strcspn(path, "?");
    char *decoded = xcalloc(1, path_bytes + 1);
    query_decode(decoded, path, path_bytes, false);
    char *uri = joined(mount, path);
    char *document = joined(mount, decoded);
    params_add(params, "SCRIPT_NAME", mount);
    params_add(params, "PATH_INFO", decoded);
    params_add(params, "REQUEST_URI", uri);
    params_add(params, "DOCUMENT_URI", document);
    free(document);
    free(uri);
    free(decoded);
}

static void add_server_params(struct params *params, bool https) {
    static const char *const fixed[][2] = {
        {"DOCUMENT_ROOT", "/usr/share/nginx/html"},
        {"SERVER_PROTOCOL", "HTTP/1.1"},
        {"GATEWAY_INTERFACE", "CGI/1.1"},
        {"SERVER_SOFTWARE", "nginx"},
        {"REMOTE_ADDR", "127.0.0.1"},
        {"REMOTE_PORT", "50000"},
        {"REMOTE_USER", ""},
        {"SERVER_ADDR", "127.0.0.1"},
        {"SERVER_NAME", "localhost"},
        {"REDIRECT_STATUS", "200"},
        {"HTTP_HOST", "localhost"},
    };
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        params_add(params, fixed[i][0], fixed[i][1]);
    params_add(params, "REQUEST_SCHEME", https ? "https" : "http");
    params_add(params, "SERVER_PORT", https ? "443" : "80");
}

/* Not yet at the end of a list of names and values. */
static bool has_more(const char *const *at) {
    return at != NULL && at[0] != NULL && at[1] != NULL;
}

/* What the request, or else the test, says of a parameter; "" when neither does. */
static const char *said(const struct crew_test *test,
                        const struct crew_test_request *request, const char *name) {
    for (const char *const *at = request->params; has_more(at); at += 2)
        if (strcmp(at[0], name) == 0)
            return at[1];
    return params_or_empty(&test->params, name);
}

static void remove_header(struct params *params, const char *name) {
    char *param = params_header_name(name);
    params_remove(params, param);
    free(param);
}

static void add_header(struct params *params, const char *name, const char *value) {
    char *param = params_header_name(name);
    params_add(params, param, value);
    free(param);
}

/* In the place of what the test has set for all requests; a field may be there twice. */
static void add_headers(struct params *params, const char *const *headers) {
    for (const char *const *at = headers; has_more(at); at += 2)
        remove_header(params, at[0]);
    for (const char *const *at = headers; has_more(at); at += 2)
        add_header(params, at[0], at[1]);
}

/* Two fields have parameters of their own as well. */
static void add_content(struct params *params) {
    if (!params_say(params, "CONTENT_TYPE"))
        params_add(params, "CONTENT_TYPE", params_or_empty(params, "HTTP_CONTENT_TYPE"));
    if (!params_say(params, "CONTENT_LENGTH"))
        params_add(params, "CONTENT_LENGTH",
                   params_or_empty(params, "HTTP_CONTENT_LENGTH"));
}

static void add_cookies(struct params *params, const struct cookies *cookies,
                        bool https) {
    if (params_say(params, "HTTP_COOKIE"))
        return;
    struct buffer text = BUFFER_INIT;
    cookies_write(cookies, params_or_empty(params, "DOCUMENT_URI"), https, &text);
    if (text.len > 0)
        params_add(params, "HTTP_COOKIE", (const char *)text.data);
    buffer_fini(&text);
}

void environment_make(const struct crew_test *test,
                      const struct crew_test_request *request, struct params *params) {
    bool https = strcmp(said(test, request, "HTTPS"), "on") == 0;
    add_request_params(params, request);
    add_paths(params, said(test, request, "SCRIPT_NAME"), request->path);
    add_server_params(params, https);
    for (size_t i = 0; i < test->params.count; i++)
        params_set(params, test->params.items[i].name, test->params.items[i].value);
    add_headers(params, request->headers);
    for (const char *const *at = request->params; has_more(at); at += 2)
        params_set(params, at[0], at[1]);
    add_content(params);
    add_cookies(params, &test->cookies, https);
    params_remove(params, "HTTP_PROXY"); /* as the bridge does, against httpoxy */
}

/* ---- what the test sets ---- */

void crew_test_set_param(crew_test *test, const char *name, const char *value) {
    params_set(&test->params, name, value);
}

void crew_test_set_header(crew_test *test, const char *name, const char *value) {
    remove_header(&test->params, name);
    add_header(&test->params, name, value);
}
