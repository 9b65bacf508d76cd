/* Whom a request comes from, and what for, in the words of the web server. */
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
