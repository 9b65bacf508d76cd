/* Whom a request comes from, and what for, in the words of the web server. */
#include "app/escape.h"
#include "app/request.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A web server that has nothing to say may say "". */
static const char *told(const crew_request *request, const char *name) {
    const char *value =
        request->kind == CREW_HTTP ? crew_request_param(request, name) : NULL;
    return value != NULL && value[0] != '\0' ? value : NULL;
}

const char *crew_request_client(const crew_request *request) {
    return told(request, "REMOTE_ADDR");
}

/* HTTPS comes first: it is what an administrator adds where TLS ends before the web
 * server, which itself knows of "http" only. */
const char *crew_request_scheme(const crew_request *request) {
    const char *https = told(request, "HTTPS");
    if (https != NULL && strcasecmp(https, "off") != 0)
        return "https";
    const char *scheme = told(request, "REQUEST_SCHEME");
    if (scheme != NULL)
        return scheme;
    return request->kind == CREW_HTTP ? "http" : NULL;
}

/* Nothing that would lead out of the host's place in a URL. */
static bool host_is_sound(const char *host) {
    static const char characters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        "0123456789.-_:[]";
    return host[strspn(host, characters)] == '\0';
}

static bool port_is_default(const char *scheme, const char *port) {
    return strcmp(port, strcasecmp(scheme, "https") == 0 ? "443" : "80") == 0;
}

const char *crew_request_host(crew_request *request) {
    const char *host = told(request, "HTTP_HOST");
    if (host != NULL && host_is_sound(host))
        return host;
    const char *name = told(request, "SERVER_NAME"), *port = told(request, "SERVER_PORT");
    if (name == NULL || port == NULL ||
        port_is_default(crew_request_scheme(request), port))
        return name;
    size_t bytes = strlen(name) + strlen(":") + strlen(port) + 1;
    char *both = pool_take(&request->pool, bytes);
    if (both != NULL)
        snprintf(both, bytes, "%s:%s", name, port);
    return both;
}

/* One slash at the beginning, or a link would lead to another host; none at the end. */
const char *crew_request_prefix(crew_request *request) {
    const char *script = told(request, "SCRIPT_NAME");
    if (script == NULL || script[0] != '/' || told(request, "PATH_INFO") == NULL)
        return "";
    script += strspn(script, "/");
    struct buffer prefix = BUFFER_INIT;
    buffer_append_text(&prefix, "/");
    escape_url(&prefix, script, "/");
    while (prefix.len > 0 && prefix.data[prefix.len - 1] == '/')
        prefix.len--;
    const char *text =
        prefix.failed ? NULL
                      : pool_text(&request->pool, (const char *)prefix.data, prefix.len);
    buffer_fini(&prefix);
    return text != NULL ? text : "";
}
