#include "test/cgi_environment.h"

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

static char *concatenated(const char *a, const char *b) {
    size_t bytes = strlen(a) + strlen(b) + 1;
    char *text = xcalloc(1, bytes);
    snprintf(text, bytes, "%s%s", a, b);
    return text;
}

/* The path without its query, percent-decoded. It holds no %00 (crew_test_send). */
static char *decoded_path(const char *path) {
    char *encoded = xmemdupz(path, strcspn(path, "?"));
    char *decoded = crew_unescape_url(encoded);
    free(encoded);
    if (decoded == NULL)
        abort();
    return decoded;
}

static void add_paths(struct params *params, const char *mount, const char *path) {
    char *decoded = decoded_path(path);
    char *uri = concatenated(mount, path);
    char *document = concatenated(mount, decoded);
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

/* True when AT is not at the end of a list of names and values. */
static bool has_more(const char *const *at) {
    return at != NULL && at[0] != NULL && at[1] != NULL;
}

/* The value that the request, or else the test, sets for a parameter; "" when neither
 * does. */
static const char *configured(const struct params *defaults,
                              const struct crew_test_request *request, const char *name) {
    for (const char *const *at = request->params; has_more(at); at += 2)
        if (strcmp(at[0], name) == 0)
            return at[1];
    return params_or_empty(defaults, name);
}

/* They replace the fields that the test has set for all requests. A field may be
 * repeated. */
static void add_headers(struct params *params, const char *const *headers) {
    for (const char *const *at = headers; has_more(at); at += 2)
        params_remove_header(params, at[0]);
    for (const char *const *at = headers; has_more(at); at += 2)
        params_add_header(params, at[0], at[1]);
}

/* Two fields also have parameters without HTTP_ (RFC 3875 §4.1.2, §4.1.3). */
static void add_content(struct params *params) {
    if (!params_has(params, "CONTENT_TYPE"))
        params_add(params, "CONTENT_TYPE", params_or_empty(params, "HTTP_CONTENT_TYPE"));
    if (!params_has(params, "CONTENT_LENGTH"))
        params_add(params, "CONTENT_LENGTH",
                   params_or_empty(params, "HTTP_CONTENT_LENGTH"));
}

static void add_cookies(struct params *params, const struct cookie_jar *cookies,
                        bool https) {
    if (params_has(params, "HTTP_COOKIE"))
        return;
    struct buffer text = BUFFER_INIT;
    cookie_jar_write(cookies, params_or_empty(params, "DOCUMENT_URI"), https, &text);
    if (text.len > 0)
        params_add(params, "HTTP_COOKIE", (const char *)text.data);
    buffer_fini(&text);
}

void cgi_environment_make(const struct params *defaults, const struct cookie_jar *cookies,
                          const struct crew_test_request *request,
                          struct params *params) {
    bool https = strcmp(configured(defaults, request, "HTTPS"), "on") == 0;
    add_request_params(params, request);
    add_paths(params, configured(defaults, request, "SCRIPT_NAME"), request->path);
    add_server_params(params, https);
    params_set_all(params, defaults);
    add_headers(params, request->headers);
    for (const char *const *at = request->params; has_more(at); at += 2)
        params_set(params, at[0], at[1]);
    add_content(params);
    add_cookies(params, cookies, https);
    params_remove(params, "HTTP_PROXY"); /* as the bridge does, against httpoxy */
}
