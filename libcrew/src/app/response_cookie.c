/* Set-Cookie (RFC 6265 §4.1, and what browsers enforce of its successor
 * draft-ietf-httpbis-rfc6265bis: SameSite, name prefixes, the limit of 4096 bytes).
 *
 * A browser ignores an invalid cookie silently, so cookies are checked here. */
#include "app/response.h"
#include "wire/http_date.h"
#include "wire/http_fields.h"
#include <string.h>
#include <strings.h>

enum { COOKIE_MAX_BYTES = 4096 };
static const int64_t year_10000_s = 253402300800;

/* cookie-octets, in quotes or not. */
static bool value_is_valid(const char *value) {
    size_t bytes = strlen(value);
    bool quoted = bytes >= 2 && value[0] == '"' && value[bytes - 1] == '"';
    for (size_t i = quoted; i < bytes - quoted; i++) {
        unsigned char c = (unsigned char)value[i];
        if (c <= ' ' || c >= 0x7f || strchr("\",;\\", c) != NULL)
            return false;
    }
    return true;
}

/* path-value; browsers ignore one that does not begin with '/' (§5.2.4). */
static bool path_is_valid(const char *path) {
    for (const char *at = path; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || (unsigned char)*at >= 0x7f || *at == ';')
            return false;
    return path[0] == '/';
}

static bool domain_is_valid(const char *domain) {
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    return domain[0] != '\0' && domain[strspn(domain, allowed)] == '\0';
}

static bool has_prefix(const char *name, const char *prefix) {
    return strncasecmp(name, prefix, strlen(prefix)) == 0;
}

/* Browsers accept these cookies with Secure only. */
static bool needs_secure(const struct crew_cookie *cookie) {
    return cookie->same_site == CREW_SAME_SITE_NONE || cookie->partitioned ||
           has_prefix(cookie->name, "__Secure-") || has_prefix(cookie->name, "__Host-");
}

/* Why the cookie is invalid; null: it is valid. */
static const char *invalid_reason(const struct crew_cookie *cookie) {
    if (cookie->name == NULL ||
        !http_field_name_valid(cookie->name, strlen(cookie->name)))
        return "its name is not a token";
    if (cookie->value == NULL || !value_is_valid(cookie->value))
        return "its value holds what a cookie cannot";
    if (!path_is_valid(cookie->path))
        return "its path is not one";
    if (cookie->domain != NULL && !domain_is_valid(cookie->domain))
        return "its domain is not one";
    if (cookie->max_age_s < 0 || cookie->expires < 0 || cookie->expires >= year_10000_s)
        return "its time is not one";
    if (cookie->same_site > CREW_SAME_SITE_NONE)
        return "its same_site is not one";
    if (needs_secure(cookie) && !cookie->secure)
        return "it has to be secure";
    if (has_prefix(cookie->name, "__Host-") &&
        (cookie->domain != NULL || strcmp(cookie->path, "/") != 0))
        return "__Host- goes with the path / and no domain";
    return NULL;
}

/* Zero means unset, so a cookie that is to be deleted has a flag of its own. */
static void write_times(struct buffer *to, const struct crew_cookie *cookie,
                        bool is_deleted) {
    char date[HTTP_DATE_BYTES];
    http_date_write(is_deleted ? 0 : cookie->expires, date);
    if (is_deleted || cookie->max_age_s > 0)
        buffer_printf(to, "; Max-Age=%ld", is_deleted ? 0 : cookie->max_age_s);
    if (is_deleted || cookie->expires > 0)
        buffer_printf(to, "; Expires=%s", date);
}

static void write_attributes(struct buffer *to, const struct crew_cookie *cookie) {
    static const char *const same_site[] = {
        [CREW_SAME_SITE_UNSET] = "",
        [CREW_SAME_SITE_LAX] = "; SameSite=Lax",
        [CREW_SAME_SITE_STRICT] = "; SameSite=Strict",
        [CREW_SAME_SITE_NONE] = "; SameSite=None",
    };
    buffer_printf(to, "; Path=%s", cookie->path);
    if (cookie->domain != NULL)
        buffer_printf(to, "; Domain=%s", cookie->domain);
    buffer_append_text(to, cookie->secure ? "; Secure" : "");
    buffer_append_text(to, cookie->http_only ? "; HttpOnly" : "");
    buffer_append_text(to, same_site[cookie->same_site]);
    buffer_append_text(to, cookie->partitioned ? "; Partitioned" : "");
}

static int send_field(crew_response *response, const struct crew_cookie *cookie,
                      bool is_deleted) {
    struct buffer field = BUFFER_INIT;
    buffer_printf(&field, "%s=%s", cookie->name, cookie->value);
    bool fits = field.len <= COOKIE_MAX_BYTES;
    write_times(&field, cookie, is_deleted);
    write_attributes(&field, cookie);
    buffer_u8(&field, '\0');
    int error;
    if (field.failed)
        error = response_out_of_memory(response);
    else if (!fits)
        error = response_invalid(response, CREW_EBADRESPONSE, CREW_ETOOLARGE,
                                 "over 4096 bytes: cookie ", cookie->name);
    else
        error = crew_response_header(response, "Set-Cookie", (const char *)field.data);
    buffer_fini(&field);
    return error;
}

static int set_cookie(crew_response *response, struct crew_cookie cookie,
                      bool is_deleted) {
    if (cookie.path == NULL)
        cookie.path = "/";
    const char *why = invalid_reason(&cookie);
    return why == NULL ? send_field(response, &cookie, is_deleted)
                       : response_invalid(response, CREW_EBADRESPONSE, CREW_EINVAL,
                                          "a cookie cannot be sent: ", why);
}

int crew_response_cookie(crew_response *response, const struct crew_cookie *cookie) {
    return set_cookie(response, *cookie, false);
}

int crew_response_cookie_delete(crew_response *response,
                                const struct crew_cookie *cookie) {
    struct crew_cookie empty = *cookie;
    empty.value = "";
    return set_cookie(response, empty, true);
}
