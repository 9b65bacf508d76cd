/* Client, scheme, host and mount point of a request, as the web server sends them. */
#include "app/escape.h"
#include "app/request.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A CGI parameter that is not empty; null for plain calls. */
static const char *server_param(const crew_request *request, const char *name) {
    const char *value = crew_request_form(request) == CREW_HTTP
                            ? crew_request_param(request, name)
                            : NULL;
    return value != NULL && value[0] != '\0' ? value : NULL;
}

const char *crew_request_client(const crew_request *request) {
    return server_param(request, "REMOTE_ADDR");
}

/* HTTPS has precedence: an administrator sets it where TLS is terminated in front of the
 * web server, whose own REQUEST_SCHEME is "http" then. */
const char *crew_request_scheme(const crew_request *request) {
    const char *https = server_param(request, "HTTPS");
    if (https != NULL && strcasecmp(https, "off") != 0)
        return "https";
    const char *scheme = server_param(request, "REQUEST_SCHEME");
    if (scheme != NULL)
        return scheme;
    return crew_request_form(request) == CREW_HTTP ? "http" : NULL;
}

/* Only characters that cannot end the host part of a URL. */
static bool host_is_valid(const char *host) {
    static const char characters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        "0123456789.-_:[]";
    return host[strspn(host, characters)] == '\0';
}

static bool port_is_default(const char *scheme, const char *port) {
    return strcmp(port, strcasecmp(scheme, "https") == 0 ? "443" : "80") == 0;
}

const char *crew_request_host(crew_request *request) {
    const char *host = server_param(request, "HTTP_HOST");
    if (host != NULL && host_is_valid(host))
        return host;
    const char *name = server_param(request, "SERVER_NAME"),
               *port = server_param(request, "SERVER_PORT");
    if (name == NULL || port == NULL ||
        port_is_default(crew_request_scheme(request), port))
        return name;
    size_t bytes = strlen(name) + strlen(":") + strlen(port) + 1;
    char *both = arena_alloc(request_arena(request), bytes);
    if (both != NULL)
        snprintf(both, bytes, "%s:%s", name, port);
    return both;
}

/* One slash at the beginning, as "//" in a link would start a host name; none at the
 * end. */
const char *crew_request_prefix(crew_request *request) {
    const char *script = server_param(request, "SCRIPT_NAME");
    if (script == NULL || script[0] != '/' || server_param(request, "PATH_INFO") == NULL)
        return "";
    script += strspn(script, "/");
    struct buffer prefix = BUFFER_INIT;
    buffer_append_text(&prefix, "/");
    escape_url(&prefix, script, "/");
    while (prefix.len > 0 && prefix.data[prefix.len - 1] == '/')
        prefix.len--;
    const char *text = prefix.failed ? NULL
                                     : arena_text(request_arena(request),
                                                  (const char *)prefix.data, prefix.len);
    buffer_fini(&prefix);
    return text != NULL ? text : "";
}
