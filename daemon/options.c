/* Walking the command line with the tables of options: the program's own, its command's,
 * the broker's and the log's.
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
#include <errno.h>
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

static char level_help[60]; /* names the program's default */

static const struct option_row log_rows[] = {
    {.kind = OPTION_TEXT,
     .name = "logging",
     .value = &given.level,
     .argument = "LEVEL",
     .help = level_help},
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

const struct option_command *options_command(const struct options *options,
                                             const char *name) {
    const struct option_command *command = options->commands;
    while (command->name != NULL && strcmp(command->name, name) != 0)
        command++;
    return command->name != NULL ? command : NULL;
}

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
    if (row->kind == OPTION_HEADING)
        return false;
    if (wanted->letter != '\0')
        return row->letter == wanted->letter;
    return is_name(wanted, row->name) || is_name(wanted, row->alias);
}

static const struct option_row no_rows[] = {{.name = NULL}};

static const struct option_row *command_rows(const struct option_command *command) {
    return command != NULL && command->rows != NULL ? command->rows : no_rows;
}

static const struct option_row *find_row(const struct options *options,
                                         const struct option_command *command,
                                         const struct wanted *wanted) {
    const struct option_row *const tables[] = {options->rows, command_rows(command),
                                               broker_option_rows, log_rows, help_rows};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        const struct option_row *row = tables[i];
        for (; row->name != NULL || row->kind == OPTION_HEADING; row++)
            if (is_wanted(wanted, row))
                return row;
    }
    return NULL;
}

/* ---- walking ---- */

struct walk {
    const struct options *options;
    const struct option_command *command; /* null: none, or its word is still to come */
    int argc;
    char **argv;
    int at;    /* the word behind the present one */
    int words; /* those that are no options, kept from argv[1] on: what stood there has
                  been read */
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
    const struct option_row *row = find_row(walk->options, walk->command, &wanted);
    if (row == NULL) {
        options_fail(walk->options, "unknown option --%.*s", (int)wanted.name_bytes,
                     word);
    }
    if (row->kind != OPTION_FLAG)
        take_value(walk, row, equals != NULL ? equals + 1 : NULL);
    else if (equals != NULL)
        options_fail(walk->options, "--%s takes no value", row->name);
    else
        option_value_set(row, NULL);
}

static void take_letters(struct walk *walk, const char *letters) {
    for (; *letters != '\0'; letters++) {
        struct wanted wanted = {.letter = *letters};
        const struct option_row *row = find_row(walk->options, walk->command, &wanted);
        if (row == NULL)
            options_fail(walk->options, "unknown option -%c", *letters);
        if (row->kind != OPTION_FLAG) {
            take_value(walk, row, letters[1] != '\0' ? letters + 1 : NULL);
            return;
        }
        option_value_set(row, NULL);
    }
}

static void show_own_rows(const struct option_row *rows) {
    bool has_headings = rows[0].kind == OPTION_HEADING;
    if (has_headings || rows[0].name != NULL)
        option_help_rows(has_headings ? NULL : "Options:", rows);
}

static void show_help(const struct options *options,
                      const struct option_command *command) {
    option_help_head(options, command);
    if (options->commands != NULL && command == NULL)
        option_help_commands(options->commands);
    show_own_rows(options->rows);
    show_own_rows(command_rows(command));
    option_help_rows("Broker:", broker_option_rows);
    option_help_rows("Log:", log_rows);
    option_help_rows("Help:", help_rows);
    if (options->footer != NULL)
        printf("\n%s", options->footer);
}

/* --help and --version win over whatever comes behind them. */
static void show_what_was_asked(const struct options *options,
                                const struct option_command *command) {
    if (given.version && !given.help)
        printf("%s %s\n", options->program, CREW_VERSION);
    else if (given.help)
        show_help(options, command);
    else
        return;
    if (fflush(stdout) != 0) {
        fprintf(stderr, "%s: cannot write to standard output: %s\n", options->program,
                strerror(errno));
        exit(EXIT_FAILURE);
    }
    exit(EXIT_SUCCESS);
}

static void take_option(struct walk *walk, const char *word) {
    if (word[1] == '-')
        take_long(walk, word + 2);
    else
        take_letters(walk, word + 1);
    show_what_was_asked(walk->options, walk->command);
}

static void choose_command(struct walk *walk, const char *name) {
    walk->command = options_command(walk->options, name);
    if (walk->command == NULL)
        options_fail(walk->options, "unknown command \"%s\" (--help lists them)", name);
}

static void keep_word(struct walk *walk, char *word) {
    if (walk->command == NULL)
        choose_command(walk, word);
    walk->argv[1 + walk->words++] = word;
}

/* Returns the index of the first of the words that were kept, at the end of argv now. */
static int put_words_last(struct walk *walk) {
    if (walk->command == NULL)
        options_fail(walk->options, "a command is missing (--help lists them)");
    char **last = walk->argv + walk->argc - walk->words;
    memmove(last, walk->argv + 1, (size_t)walk->words * sizeof *last);
    return walk->argc - walk->words;
}

static int walk_words(const struct options *options, int argc, char **argv) {
    struct walk walk = {.options = options, .argc = argc, .argv = argv, .at = 1};
    bool has_commands = options->commands != NULL, only_words = false;
    while (walk.at < argc) {
        char *word = argv[walk.at];
        bool is_option = !only_words && word[0] == '-' && word[1] != '\0';
        if (!is_option && !has_commands)
            break;
        walk.at++;
        if (!is_option)
            keep_word(&walk, word);
        else if (strcmp(word, "--") != 0)
            take_option(&walk, word);
        else if (has_commands)
            only_words = true;
        else
            break;
    }
    return has_commands ? put_words_last(&walk) : walk.at;
}

static void prepare_log_options(const struct options *options) {
    const char *level = options->log_level != NULL ? options->log_level : "info";
    log_set_level(level);
    snprintf(level_help, sizeof level_help, "debug, info, warning or error (%s)", level);
}

static void apply_log_options(const struct options *options) {
    if (given.level != NULL && !log_set_level(given.level)) {
        options_fail(options, "--logging: \"%s\" is not debug, info, warning or error",
                     given.level);
    }
    if (given.format != NULL && !log_set_format(given.format))
        options_fail(options, "--log-format: \"%s\" is not text or json", given.format);
    if (given.verbose)
        log_set_level("debug");
}

int options_parse(const struct options *options, int argc, char **argv,
                  struct crew_broker *broker) {
    prepare_log_options(options);
    int behind = walk_words(options, argc, argv);
    apply_log_options(options);
    broker_options_apply(options, broker);
    return behind;
}
