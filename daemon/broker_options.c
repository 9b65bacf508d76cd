/* Where the broker is: options and environment put together.
 *
 * Diagnostics: a bad address, a password file that cannot be read and certificates that
 * cannot be used end the program (exit status 2). No message holds a password.
 */
#include "daemon/broker_options.h"

#include "base/xalloc.h"
#include "daemon/log.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Null or 0: not given. */
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
} given = {.heartbeat_s = 10};

#define TEXT_ROW(letter_, name_, value_, argument_, help_)                            \
    {                                                                                 \
        .kind = OPTION_TEXT, .letter = (letter_), .name = (name_), .value = (value_), \
        .argument = (argument_), .help = (help_)                                      \
    }

const struct option_row broker_option_rows[] = {
    TEXT_ROW(0, "url", &given.url, "URL[,URL ...]",
             "amqp[s]://user:password@host:port/vhost, tried in turn (environment: "
             "CREW_AMQP_URL)"),
    TEXT_ROW('H', "host", &given.host, "HOST", "localhost if left out"),
    {.kind = OPTION_UNSIGNED,
     .letter = 'P',
     .name = "port",
     .value = &given.port,
     .min = 1,
     .max = 65535,
     .argument = "PORT",
     .help = "5672 if left out, 5671 with amqps"},
    TEXT_ROW(0, "username", &given.username, "NAME", "guest if left out"),
    TEXT_ROW(0, "password-file", &given.password_file, "FILE",
             "the password is the first line of FILE (environment: CREW_PASSWORD)"),
    TEXT_ROW(0, "password", &given.password, "PASSWORD",
             "shows in the process list: better use --password-file"),
    TEXT_ROW(0, "vhost", &given.vhost, "VHOST", "/ if left out"),
    TEXT_ROW(0, "ca-file", &given.ca_file, "FILE",
             "authorities to trust with amqps (the system's if left out)"),
    TEXT_ROW(0, "cert-file", &given.cert_file, "FILE", "client certificate"),
    TEXT_ROW(0, "key-file", &given.key_file, "FILE", "key of the client certificate"),
    {.kind = OPTION_UNSIGNED,
     .name = "heartbeat",
     .value = &given.heartbeat_s,
     .min = 0,
     .max = 65535,
     .argument = "SECONDS",
     .help = "between heartbeats, 0 for none (10)"},
    {.name = NULL},
};

static void apply_url(const struct options *options, struct crew_broker *broker) {
    char why[200];
    const char *source = given.url != NULL ? "--url" : "CREW_AMQP_URL";
    const char *url = given.url != NULL ? given.url : getenv("CREW_AMQP_URL");
    if (url != NULL && crew_broker_parse(broker, url, why, sizeof why) != 0)
        options_fail(options, "%s: %s", source, why);
}

/* ---- the password ---- */

static char *read_password(const struct options *options, const char *path) {
    char *line = NULL;
    size_t cap = 0;
    FILE *file = fopen(path, "re");
    ssize_t bytes = file != NULL ? getline(&line, &cap, file) : -1;
    int saved_errno = errno;
    bool at_end = file != NULL && feof(file) != 0;
    if (file != NULL)
        fclose(file);
    if (bytes < 0 && !at_end) {
        options_fail(options, "--password-file: cannot read \"%s\": %s", path,
                     strerror(saved_errno));
    }
    if (bytes >= 0)
        line[strcspn(line, "\r\n")] = '\0';
    if (bytes < 0 || line[0] == '\0')
        options_fail(options, "--password-file: the first line of \"%s\" is empty", path);
    return line;
}

/* Owned by the caller; null when no password was given. */
static char *find_password(const struct options *options) {
    if (given.password != NULL) {
        log_warning(
            "--password shows in the process list; --password-file or CREW_PASSWORD "
            "does not");
    }
    if (given.password_file != NULL)
        return read_password(options, given.password_file);
    return xstrdup(given.password != NULL ? given.password : getenv("CREW_PASSWORD"));
}

/* ---- the rest ---- */

static void replace(char **member, const char *text) {
    if (text != NULL) {
        wipe_secret(*member);
        free(*member);
        *member = xstrdup(text);
    }
}

static void apply_to_each_url(struct crew_broker *broker, const char *password) {
    for (size_t i = 0; i < broker->url_count; i++) {
        struct crew_broker_url *url = &broker->urls[i];
        replace(&url->host, given.host);
        replace(&url->username, given.username);
        replace(&url->password, password);
        replace(&url->vhost, given.vhost);
        url->port = given.port != 0 ? (int)given.port : url->port;
    }
}

static void check_text(const struct options *options, const char *name, const char *text,
                       size_t max_bytes) {
    if (text != NULL && (text[0] == '\0' || strlen(text) > max_bytes))
        options_fail(options, "--%s: not a text of 1 to %zu bytes", name, max_bytes);
}

static void apply_file(const struct options *options, const char *name, char **member,
                       const char *path) {
    if (path != NULL && access(path, R_OK) != 0) {
        options_fail(options, "--%s: cannot read \"%s\": %s", name, path,
                     strerror(errno));
    }
    replace(member, path);
}

static void check_files(const struct options *options, const struct crew_broker *broker) {
    char why[1000];
    int error = crew_broker_check(broker, why, sizeof why);
    if (error != 0) {
        options_fail(options, "%s",
                     error == CREW_EMALFORMED ? why : crew_strerror(error));
    }
}

void broker_options_apply(const struct options *options, struct crew_broker *broker) {
    crew_broker_init(broker);
    apply_url(options, broker);
    check_text(options, "host", given.host, 255);
    check_text(options, "vhost", given.vhost, 255); /* AMQP: a short string */
    char *password = find_password(options);
    apply_to_each_url(broker, password);
    wipe_secret(password);
    free(password);
    apply_file(options, "ca-file", &broker->ca_file, given.ca_file);
    apply_file(options, "cert-file", &broker->cert_file, given.cert_file);
    apply_file(options, "key-file", &broker->key_file, given.key_file);
    if ((given.cert_file == NULL) != (given.key_file == NULL))
        options_fail(options, "--cert-file and --key-file belong together");
    check_files(options, broker);
    broker->heartbeat_s = (int)given.heartbeat_s;
}
