/* Walking the command line with the tables of options: the program's own, the broker's
 * and the log's.
 *
 * Diagnostics: one line on stderr and exit status 2 for an option that is unknown, lacks
 * its value or has a bad one. Of an unknown option only the name is shown, as its value
 * could be a secret.
 */
#include "daemon/options.h"

#include "daemon/broker_options.h"
#include "daemon/log.h"
#include "daemon/option_help.h"
#include "daemon/option_value.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    bool verbose;
    const char *level;
    const char *format;
    bool help;
    bool version;
} given;

static const struct option_row log_rows[] = {
    {.kind = OPTION_TEXT,
     .name = "logging",
     .value = &given.level,
     .argument = "LEVEL",
     .help = "debug, info, warning or error (info)"},
    {.kind = OPTION_FLAG,
     .letter = 'v',
     .name = "verbose",
     .value = &given.verbose,
     .help = "the same as --logging debug"},
    {.kind = OPTION_TEXT,
     .name = "log-format",
     .value = &given.format,
     .argument = "FORMAT",
     .help = "text or json (text)"},
    {.name = NULL},
};

static const struct option_row help_rows[] = {
    {.kind = OPTION_FLAG,
     .letter = 'h',
     .name = "help",
     .value = &given.help,
     .help = "show this and exit"},
    {.kind = OPTION_FLAG,
     .name = "version",
     .value = &given.version,
     .help = "show the version and exit"},
    {.name = NULL},
};

void options_fail(const struct options *options, const char *format, ...) {
    va_list args;
    fprintf(stderr, "%s: ", options->program);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(2);
}

/* ---- finding a row ---- */

struct wanted {
    char letter; /* or, when 0, a long name */
    const char *name;
    size_t name_bytes;
};

static bool is_name(const struct wanted *wanted, const char *name) {
    return name != NULL && strlen(name) == wanted->name_bytes &&
           memcmp(name, wanted->name, wanted->name_bytes) == 0;
}

static bool is_wanted(const struct wanted *wanted, const struct option_row *row) {
    if (row->kind == OPTION_HEADING) {
        return false;
    }
    if (wanted->letter != '\0') {
        return row->letter == wanted->letter;
    }
    return is_name(wanted, row->name) || is_name(wanted, row->alias);
}

static const struct option_row *find_row(const struct options *options,
                                         const struct wanted *wanted) {
    const struct option_row *const tables[] = {options->rows, broker_option_rows,
                                               log_rows, help_rows};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        const struct option_row *row = tables[i];
        for (; row->name != NULL || row->kind == OPTION_HEADING; row++) {
            if (is_wanted(wanted, row)) {
                return row;
            }
        }
    }
    return NULL;
}

/* ---- walking ---- */

struct walk {
    const struct options *options;
    int argc;
    char **argv;
    int at; /* the word behind the present one */
};

static void set_value(struct walk *walk, const struct option_row *row, const char *text) {
    char expected[120];
    if (!option_value_set(row, text)) {
        option_value_describe(row, expected, sizeof expected);
        options_fail(walk->options, "--%s: \"%s\" is not %s", row->name, text, expected);
    }
}

/* The value is the rest of the word if there is one (ATTACHED), else the next word. */
static void take_value(struct walk *walk, const struct option_row *row,
                       const char *attached) {
    if (attached == NULL) {
        if (walk->at == walk->argc) {
            options_fail(walk->options, "--%s needs a value: %s", row->name,
                         row->argument);
        }
        attached = walk->argv[walk->at++];
    }
    set_value(walk, row, attached);
}

static void take_long(struct walk *walk, const char *word) {
    const char *equals = strchr(word, '=');
    struct wanted wanted = {.name = word,
                            .name_bytes =
                                equals != NULL ? (size_t)(equals - word) : strlen(word)};
    const struct option_row *row = find_row(walk->options, &wanted);
    if (row == NULL) {
        options_fail(walk->options, "unknown option --%.*s", (int)wanted.name_bytes,
                     word);
    }
    if (row->kind != OPTION_FLAG) {
        take_value(walk, row, equals != NULL ? equals + 1 : NULL);
    } else if (equals != NULL) {
        options_fail(walk->options, "--%s takes no value", row->name);
    } else {
        option_value_set(row, NULL);
    }
}

static void take_letters(struct walk *walk, const char *letters) {
    for (; *letters != '\0'; letters++) {
        struct wanted wanted = {.letter = *letters};
        const struct option_row *row = find_row(walk->options, &wanted);
        if (row == NULL) {
            options_fail(walk->options, "unknown option -%c", *letters);
        }
        if (row->kind != OPTION_FLAG) {
            take_value(walk, row, letters[1] != '\0' ? letters + 1 : NULL);
            return;
        }
        option_value_set(row, NULL);
    }
}

static void show_help(const struct options *options) {
    bool has_headings = options->rows[0].kind == OPTION_HEADING;
    option_help_head(options);
    option_help_rows(has_headings ? NULL : "Options:", options->rows);
    option_help_rows("Broker:", broker_option_rows);
    option_help_rows("Log:", log_rows);
    option_help_rows("Help:", help_rows);
}

/* --help and --version win over whatever comes behind them. */
static void show_what_was_asked(const struct options *options) {
    if (given.version && !given.help) {
        printf("%s %s\n", options->program, CREW_VERSION);
    } else if (given.help) {
        show_help(options);
    } else {
        return;
    }
    exit(fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static int walk_words(const struct options *options, int argc, char **argv) {
    struct walk walk = {.options = options, .argc = argc, .argv = argv, .at = 1};
    while (walk.at < argc) {
        const char *word = argv[walk.at];
        if (word[0] != '-' || word[1] == '\0') {
            break;
        }
        walk.at++;
        if (strcmp(word, "--") == 0) {
            break;
        }
        if (word[1] == '-') {
            take_long(&walk, word + 2);
        } else {
            take_letters(&walk, word + 1);
        }
        show_what_was_asked(options);
    }
    return walk.at;
}

static void apply_log_options(const struct options *options) {
    if (given.level != NULL && !log_set_level(given.level)) {
        options_fail(options, "--logging: \"%s\" is not debug, info, warning or error",
                     given.level);
    }
    if (given.format != NULL && !log_set_format(given.format)) {
        options_fail(options, "--log-format: \"%s\" is not text or json", given.format);
    }
    if (given.verbose) {
        log_set_level("debug");
    }
}

int options_parse(const struct options *options, int argc, char **argv,
                  struct crew_broker *broker) {
    int behind = walk_words(options, argc, argv);
    apply_log_options(options);
    broker_options_apply(options, broker);
    return behind;
}
