/* Command-line options. One table per program describes its options (option_row.h);
 * --help is made from it. A syntax error ends the program with one line on stderr that
 * names the option, and exit status 2.
 */
#ifndef CREW_DAEMON_OPTIONS_H
#define CREW_DAEMON_OPTIONS_H

#include "daemon/option_row.h"
#include <crew/broker.h>
#include <stddef.h>

/* A command of a program that has commands: its first argument is NAME. */
struct option_command {
    const char *name;
    const char *synopsis; /* "TASK [options]" */
    const char *summary;
    const struct option_row *rows; /* the command's own: valid after its name */
    int (*run)(const struct crew_broker *broker, char *const *arguments, size_t count);
};

struct options {
    const char *program;  /* its name in messages */
    const char *synopsis; /* "[options] APP.so [ARG ...]" */
    const char *summary;
    const struct option_row *rows;         /* the program's own */
    const struct option_command *commands; /* ends with a null name; null: none */
    const char *footer;                    /* the end of --help, or null */
    const char *log_level;                 /* the default; null: info */
};

/* Parse the command line. Besides its own rows every program accepts the options of
 * broker_options.h, which fill BROKER together with the environment, --logging, -v and
 * --log-format, which are applied to the log, and -h/--help and --version, which print
 * and exit with 0.
 *
 * Options end at the first argument that is none, so that APP.so's arguments are not
 * parsed; returns the index of that argument in argv.
 *
 * In a program with commands that argument must be one of them. Options may also stand
 * between and after the arguments there, up to "--"; argv is reordered as by
 * getopt(3), with all arguments last. */
int options_parse(const struct options *options, int argc, char **argv,
                  struct crew_broker *broker);

/* The command with this name, or null. */
const struct option_command *options_command(const struct options *options,
                                             const char *name);

/* Print "PROGRAM: MESSAGE" on stderr and exit with status 2. */
_Noreturn void options_fail(const struct options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
