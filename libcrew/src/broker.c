/* Broker addresses: parse, describe, check, copy.
 *
 * Errors never quote a part of an address. A slash or comma in a password that was not
 * encoded moves the rest of the password into another part of the address.
 */
#include <crew/broker.h>

#include "base/buffer.h"
#include "base/xalloc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define AMQP_PORT 5672
#define AMQPS_PORT 5671
#define HEARTBEAT_S 10
/* A vhost's name is a short string (AMQP 0-9-1 §4.2.5.3). */
#define SHORT_STRING_BYTES 255

/* A part of an address that is being parsed. */
struct text {
    const char *at;
    size_t bytes;
};

static struct text text_before(struct text from, const char *end) {
    return (struct text){from.at, (size_t)(end - from.at)};
}

static struct text text_after(struct text from, const char *mark) {
    return (struct text){mark + 1, from.bytes - (size_t)(mark + 1 - from.at)};
}

static const char *find(struct text text, char c) {
    return memchr(text.at, c, text.bytes);
}

/* ---- decoding ---- */

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte of an escape `%XX`; negative: malformed, or a zero byte. */
static int decode_escape(struct text text) {
    int high = text.bytes >= 3 ? hex_digit(text.at[1]) : -1;
    int low = text.bytes >= 3 ? hex_digit(text.at[2]) : -1;
    return high < 0 || low < 0 || (high == 0 && low == 0) ? -1 : high * 16 + low;
}

/* Percent-decode (RFC 3986 §2.1). Null: a malformed escape, or a control character. */
static char *decode(struct text text) {
    char *decoded = xcalloc(1, text.bytes + 1);
    for (char *to = decoded; text.bytes > 0; to++) {
        bool escaped = *text.at == '%';
        int byte = escaped ? decode_escape(text) : (unsigned char)*text.at;
        if (byte < 0x20 || byte == 0x7f) {
            wipe_secret(decoded);
            free(decoded);
            return NULL;
        }
        *to = (char)byte;
        size_t taken = escaped ? 3 : 1;
        text.at += taken;
        text.bytes -= taken;
    }
    return decoded;
}

/* ---- the parts of an address; each returns null, or what is wrong ---- */

static const char *replace(char **member, struct text text, const char *problem) {
    char *decoded = decode(text);
    if (decoded == NULL)
        return problem;
    wipe_secret(*member);
    free(*member);
    *member = decoded;
    return NULL;
}

static const char *read_scheme(struct crew_broker_url *url, struct text *rest) {
    static const char plain[] = "amqp://", tls[] = "amqps://";
    size_t bytes = 0;
    if (rest->bytes >= sizeof plain - 1 && strncasecmp(rest->at, plain, 7) == 0) {
        bytes = sizeof plain - 1;
    } else if (rest->bytes >= sizeof tls - 1 && strncasecmp(rest->at, tls, 8) == 0) {
        bytes = sizeof tls - 1;
        url->tls = true;
        url->port = AMQPS_PORT;
    } else {
        return "does not begin with amqp:// or amqps://";
    }
    rest->at += bytes;
    rest->bytes -= bytes;
    return NULL;
}

static const char *read_user(struct crew_broker_url *url, struct text user) {
    static const char problem[] = "has a bad %-escape or a control character in its user "
                                  "or password";
    const char *colon = find(user, ':');
    struct text name = colon != NULL ? text_before(user, colon) : user;
    const char *error = replace(&url->username, name, problem);
    if (error == NULL && colon != NULL)
        error = replace(&url->password, text_after(user, colon), problem);
    return error;
}

static const char *read_port(struct crew_broker_url *url, struct text port) {
    int number = 0;
    for (size_t i = 0; i < port.bytes; i++) {
        if (port.at[i] < '0' || port.at[i] > '9' || number > 65535)
            return "has a port that is not a number from 1 to 65535";
        number = number * 10 + (port.at[i] - '0');
    }
    if (number < 1 || number > 65535)
        return "has a port that is not a number from 1 to 65535";
    url->port = number;
    return NULL;
}

/* Split host and port; the colons of an IPv6 address are in `[...]` (RFC 3986 §3.2.2). */
static const char *split_host(struct text host_port, struct text *host,
                              struct text *after) {
    const char *end = host_port.at + host_port.bytes;
    if (host_port.bytes > 0 && host_port.at[0] == '[') {
        const char *bracket = find(host_port, ']');
        if (bracket == NULL)
            return "has a '[' without its ']'";
        *host = (struct text){host_port.at + 1, (size_t)(bracket - host_port.at - 1)};
        *after = text_after(host_port, bracket);
        return after->bytes > 0 && after->at[0] != ':' ? "has something after its ']'"
                                                       : NULL;
    }
    const char *colon = find(host_port, ':');
    *host = text_before(host_port, colon != NULL ? colon : end);
    *after = (struct text){host->at + host->bytes, host_port.bytes - host->bytes};
    return NULL;
}

static const char *read_place(struct crew_broker_url *url, struct text host_port) {
    struct text host, after;
    const char *error = split_host(host_port, &host, &after);
    if (error == NULL && host.bytes > 0)
        error = replace(&url->host, host, "has a bad character in its host");
    if (error == NULL && strpbrk(url->host, " \t/@") != NULL)
        error = "has a bad character in its host";
    if (error == NULL && after.bytes > 1) /* a colon without a port: the default */
        error = read_port(url, (struct text){after.at + 1, after.bytes - 1});
    return error;
}

/* No path and the path "/" both mean the vhost "/". The AMQP URI specification says that
 * the second is the vhost "", which is hardly ever intended. */
static const char *read_vhost(struct crew_broker_url *url, struct text vhost) {
    if (find(vhost, '@') != NULL)
        return "has an '@' after its host: in a user or password '/' is written %2F";
    if (vhost.bytes == 0)
        return NULL;
    const char *error = replace(&url->vhost, vhost, "has a bad character in its vhost");
    if (error == NULL && strlen(url->vhost) > SHORT_STRING_BYTES)
        error = "has a vhost of more than 255 bytes";
    return error;
}

static const char *read_parts(struct crew_broker_url *url, struct text rest) {
    const char *error = read_scheme(url, &rest);
    if (error == NULL && (find(rest, '?') != NULL || find(rest, '#') != NULL)) {
        error =
            "holds a '?' or '#': options do not belong here, and in a user, password or "
            "vhost they are written %3F and %23";
    }
    if (error != NULL)
        return error;
    const char *slash = find(rest, '/');
    struct text host_port = slash != NULL ? text_before(rest, slash) : rest;
    const char *at = memrchr(host_port.at, '@', host_port.bytes);
    if (at != NULL) {
        error = read_user(url, text_before(host_port, at));
        host_port = text_after(host_port, at);
    }
    if (error == NULL)
        error = read_place(url, host_port);
    if (error == NULL && slash != NULL)
        error = read_vhost(url, text_after(rest, slash));
    return error;
}

/* ---- addresses ---- */

static void url_init(struct crew_broker_url *url) {
    *url = (struct crew_broker_url){
        .host = xstrdup("localhost"),
        .port = AMQP_PORT,
        .username = xstrdup("guest"),
        .password = xstrdup("guest"),
        .vhost = xstrdup("/"),
    };
}

static void url_fini(struct crew_broker_url *url) {
    wipe_secret(url->password);
    free(url->host);
    free(url->username);
    free(url->password);
    free(url->vhost);
}

static struct crew_broker_url *add_url(struct crew_broker *broker) {
    broker->urls =
        xreallocarray(broker->urls, broker->url_count + 1, sizeof *broker->urls);
    return &broker->urls[broker->url_count++];
}

static void urls_fini(struct crew_broker *broker) {
    for (size_t i = 0; i < broker->url_count; i++)
        url_fini(&broker->urls[i]);
    free(broker->urls);
    broker->urls = NULL;
    broker->url_count = 0;
}

static struct text trim(struct text text) {
    while (text.bytes > 0 && text.at[0] == ' ')
        text = text_after(text, text.at);
    while (text.bytes > 0 && text.at[text.bytes - 1] == ' ')
        text.bytes--;
    return text;
}

static const char *read_urls(struct crew_broker *into, struct text rest) {
    for (;;) {
        const char *comma = find(rest, ',');
        struct text one = trim(comma != NULL ? text_before(rest, comma) : rest);
        struct crew_broker_url *url = add_url(into);
        url_init(url);
        const char *error = read_parts(url, one);
        if (error != NULL || comma == NULL)
            return error;
        rest = text_after(rest, comma);
    }
}

int crew_broker_parse(crew_broker *broker, const char *urls, char *why,
                      size_t why_bytes) {
    struct crew_broker parsed = {0};
    const char *error = read_urls(&parsed, (struct text){urls, strlen(urls)});
    if (error != NULL) {
        if (why != NULL && why_bytes > 0)
            snprintf(why, why_bytes, "broker address %zu %s", parsed.url_count, error);
        urls_fini(&parsed);
        return CREW_EMALFORMED;
    }
    urls_fini(broker);
    broker->urls = parsed.urls;
    broker->url_count = parsed.url_count;
    return CREW_OK;
}

/* ---- the whole ---- */

void crew_broker_init(crew_broker *broker) {
    *broker = (struct crew_broker){.heartbeat_s = HEARTBEAT_S};
    url_init(add_url(broker));
}

void crew_broker_describe(const crew_broker *broker, char *text, size_t text_bytes) {
    struct buffer line = BUFFER_INIT;
    for (size_t i = 0; i < broker->url_count; i++) {
        const struct crew_broker_url *url = &broker->urls[i];
        bool bracketed = strchr(url->host, ':') != NULL;
        buffer_printf(&line, "%s%s%s%s:%d/%s", i > 0 ? ", " : "", bracketed ? "[" : "",
                      url->host, bracketed ? "]" : "", url->port,
                      strcmp(url->vhost, "/") == 0 ? "" : url->vhost);
    }
    buffer_u8(&line, '\0');
    snprintf(text, text_bytes, "%s", line.failed ? "" : (const char *)line.data);
    buffer_fini(&line);
}

int crew_broker_copy(crew_broker *copy, const crew_broker *broker) {
    *copy = (struct crew_broker){
        .ca_file = xstrdup(broker->ca_file),
        .cert_file = xstrdup(broker->cert_file),
        .key_file = xstrdup(broker->key_file),
        .heartbeat_s = broker->heartbeat_s,
    };
    for (size_t i = 0; i < broker->url_count; i++) {
        const struct crew_broker_url *url = &broker->urls[i];
        *add_url(copy) = (struct crew_broker_url){
            .tls = url->tls,
            .host = xstrdup(url->host),
            .port = url->port,
            .username = xstrdup(url->username),
            .password = xstrdup(url->password),
            .vhost = xstrdup(url->vhost),
        };
    }
    return CREW_OK;
}

void crew_broker_fini(crew_broker *broker) {
    urls_fini(broker);
    free(broker->ca_file);
    free(broker->cert_file);
    free(broker->key_file);
    *broker = (struct crew_broker){0};
}
