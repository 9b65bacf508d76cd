/* Broker address and credentials from options and environment.
 *
 * Diagnostics: a bad address, a password file that cannot be read and certificates that
 * cannot be used are errors. No message contains a password.
 */
#include "daemon/broker_options.h"

#include "base/xalloc.h"
#include "daemon/log.h"
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Null or 0: not set. */
static struct {
    const char *url;
    const char *host;
    unsigned port;
    const char *username;
    const char *password_file;
    const char *password;
    const char *vhost;
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
    unsigned heartbeat_s;
} values = {.heartbeat_s = 10};

#define TEXT_ROW(letter_, name_, value_, argument_, help_)                            \
    {                                                                                 \
        .kind = OPTION_TEXT, .letter = (letter_), .name = (name_), .value = (value_), \
        .argument = (argument_), .help = (help_)                                      \
    }

const struct option_row broker_option_rows[] = {
    TEXT_ROW(0, "url", &values.url, "URL[,URL ...]",
             "amqp[s]://user:password@host:port/vhost, tried in turn (environment: "
             "CREW_AMQP_URL)"),
    TEXT_ROW('H', "host", &values.host, "HOST", "localhost if left out"),
    {.kind = OPTION_UNSIGNED,
     .letter = 'P',
     .name = "port",
     .value = &values.port,
     .min = 1,
     .max = 65535,
     .argument = "PORT",
     .help = "5672 if left out, 5671 with amqps"},
    TEXT_ROW(0, "username", &values.username, "NAME", "guest if left out"),
    TEXT_ROW(0, "password-file", &values.password_file, "FILE",
             "the password is the first line of FILE (environment: CREW_PASSWORD)"),
    TEXT_ROW(0, "password", &values.password, "PASSWORD",
             "shows in the process list: better use --password-file"),
    TEXT_ROW(0, "vhost", &values.vhost, "VHOST", "/ if left out"),
    TEXT_ROW(0, "ca-file", &values.ca_file, "FILE",
             "authorities to trust with amqps (the system's if left out)"),
    TEXT_ROW(0, "cert-file", &values.cert_file, "FILE", "client certificate"),
    TEXT_ROW(0, "key-file", &values.key_file, "FILE", "key of the client certificate"),
    {.kind = OPTION_UNSIGNED,
     .name = "heartbeat",
     .value = &values.heartbeat_s,
     .min = 0,
     .max = 65535,
     .argument = "SECONDS",
     .help = "between heartbeats, 0 for none (10)"},
    {.name = NULL},
};

struct error {
    char *text;
    size_t text_bytes;
};

static bool fail(const struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool fail(const struct error *error, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, error->text_bytes, format, args);
    va_end(args);
    return false;
}

static bool apply_url(struct crew_broker *broker, const struct error *error) {
    char reason[200];
    const char *source = values.url != NULL ? "--url" : "CREW_AMQP_URL";
    const char *url = values.url != NULL ? values.url : getenv("CREW_AMQP_URL");
    if (url != NULL && crew_broker_parse(broker, url, reason, sizeof reason) != 0)
        return fail(error, "%s: %s", source, reason);
    return true;
}

static void replace(char **member, const char *text) {
    if (text != NULL) {
        wipe_secret(*member);
        free(*member);
        *member = xstrdup(text);
    }
}

/* ---- the password ---- */

/* The first line of the file, owned by the caller; null: an error. */
static char *read_password(const char *path, const struct error *error) {
    char *line = NULL;
    size_t cap = 0;
    FILE *file = fopen(path, "re");
    ssize_t bytes = file != NULL ? getline(&line, &cap, file) : -1;
    int saved_errno = errno;
    bool at_end = file != NULL && feof(file) != 0;
    if (file != NULL)
        fclose(file);
    if (bytes >= 0)
        line[strcspn(line, "\r\n")] = '\0';
    if (bytes >= 0 && line[0] != '\0')
        return line;
    if (bytes < 0 && !at_end)
        fail(error, "--password-file: cannot read \"%s\": %s", path,
             strerror(saved_errno));
    else
        fail(error, "--password-file: the first line of \"%s\" is empty", path);
    free(line);
    return NULL;
}

/* *PASSWORD is owned by the caller; null: none is set. */
static bool find_password(char **password, const struct error *error) {
    if (values.password != NULL)
        log_warning(
            "--password shows in the process list; --password-file or CREW_PASSWORD "
            "does not");
    if (values.password_file != NULL) {
        *password = read_password(values.password_file, error);
        return *password != NULL;
    }
    *password =
        xstrdup(values.password != NULL ? values.password : getenv("CREW_PASSWORD"));
    return true;
}

/* ---- the other options ---- */

static void apply_to_each_url(struct crew_broker *broker, const char *password) {
    for (size_t i = 0; i < broker->url_count; i++) {
        struct crew_broker_url *url = &broker->urls[i];
        replace(&url->host, values.host);
        replace(&url->username, values.username);
        replace(&url->password, password);
        replace(&url->vhost, values.vhost);
        url->port = values.port != 0 ? (int)values.port : url->port;
    }
}

static bool check_text(const char *name, const char *text, size_t max_bytes,
                       const struct error *error) {
    if (text != NULL && (text[0] == '\0' || strlen(text) > max_bytes))
        return fail(error, "--%s: not a text of 1 to %zu bytes", name, max_bytes);
    return true;
}

static bool apply_urls(struct crew_broker *broker, const struct error *error) {
    char *password = NULL;
    if (!apply_url(broker, error) || !check_text("host", values.host, 255, error) ||
        !check_text("vhost", values.vhost, 255, error) || /* AMQP: a short string */
        !find_password(&password, error))
        return false;
    apply_to_each_url(broker, password);
    wipe_secret(password);
    free(password);
    return true;
}

static bool apply_file(char **member, const char *name, const char *path,
                       const struct error *error) {
    if (path != NULL && access(path, R_OK) != 0)
        return fail(error, "--%s: cannot read \"%s\": %s", name, path, strerror(errno));
    replace(member, path);
    return true;
}

static bool check_files(const struct crew_broker *broker, const struct error *error) {
    char reason[1000];
    int status = crew_broker_check(broker, reason, sizeof reason);
    if (status != 0)
        return fail(error, "%s",
                    status == CREW_EMALFORMED ? reason : crew_strerror(status));
    return true;
}

static bool apply_files(struct crew_broker *broker, const struct error *error) {
    if (!apply_file(&broker->ca_file, "ca-file", values.ca_file, error) ||
        !apply_file(&broker->cert_file, "cert-file", values.cert_file, error) ||
        !apply_file(&broker->key_file, "key-file", values.key_file, error))
        return false;
    if ((values.cert_file == NULL) != (values.key_file == NULL))
        return fail(error, "--cert-file and --key-file belong together");
    return check_files(broker, error);
}

bool broker_options_apply(struct crew_broker *broker, char *error, size_t error_bytes) {
    const struct error out = {error, error_bytes};
    crew_broker_init(broker);
    broker->heartbeat_s = (int)values.heartbeat_s;
    return apply_urls(broker, &out) && apply_files(broker, &out);
}
