/* Command-line options: one table per program says all there is to know about an option,
 * and --help is made from it. Syntax errors end the program with one line on stderr that
 * names the option, and exit status 2 (docs: contract of every program).
 */
#ifndef CREW_DAEMON_OPTIONS_H
#define CREW_DAEMON_OPTIONS_H

#include <crew/broker.h>
#include <stddef.h>

enum option_kind {
    OPTION_FLAG,     /* bool: true when present */
    OPTION_TEXT,     /* const char * into argv; the last one wins */
    OPTION_LIST,     /* struct option_list: may be given several times */
    OPTION_UNSIGNED, /* unsigned, between min and max */
    OPTION_BYTES, /* size_t, with an optional suffix K, M or G (1024), between min, max */
    OPTION_SECONDS, /* uint32_t milliseconds, decimals allowed, between min and max ms */
    OPTION_OCTAL,   /* unsigned: a file mode */
    OPTION_HEADING  /* no option: a line between options in --help */
};

struct option_list {
    const char **texts; /* into argv; the array belongs to the program */
    size_t count;
};

struct option_row {
    enum option_kind kind;
    char letter;       /* 0: none */
    const char *name;  /* without -- */
    const char *alias; /* another long name, or null */
    void *value;
    unsigned long min, max;
    const char *argument; /* its name in --help: "SECONDS" */
    const char *help;
};

/* What a program with commands does when its first word is NAME. */
struct option_command {
    const char *name;
    const char *synopsis; /* "TASK [options]" */
    const char *summary;
    const struct option_row *rows; /* the command's own: known from its word on */
    int (*run)(const struct crew_broker *broker, char *const *words, size_t count);
};

struct options {
    const char *program;  /* as it is called in messages */
    const char *synopsis; /* "[options] APP.so [ARG ...]" */
    const char *summary;
    const struct option_row *rows; /* the program's own; ends with a null name that is no
                                      heading */
    const struct option_command *commands; /* ends with a null name; null: none */
    const char *footer;                    /* the end of --help, or null */
    const char *log_level;                 /* unless told otherwise; null: info */
};

/* What every program takes besides: where the broker is, and how to log. Filled by
 * options_parse; broker.* from --url, CREW_AMQP_URL, -H, -P, --username, --password-file,
 * --password (with a warning), CREW_PASSWORD, --vhost, --ca-file, --cert-file, --key-file,
 * --heartbeat. -v, --logging and --log-format are applied to the log (daemon/log.h).
 * -h/--help and --version print and exit 0.
 *
 * Options end at the first word that is none (so that APP.so's own arguments stay
 * untouched); returns the index of that word in argv.
 *
 * In a program with commands that word must be one of theirs. Options may stand between
 * and behind the words there, up to "--"; argv is put in order as getopt(3) does, all
 * words last. */
int options_parse(const struct options *options, int argc, char **argv,
                  struct crew_broker *broker);

/* The command with this name, or null. */
const struct option_command *options_command(const struct options *options,
                                             const char *name);

/* options_fail - "PROGRAM: MESSAGE" on stderr, exit status 2. */
_Noreturn void options_fail(const struct options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
