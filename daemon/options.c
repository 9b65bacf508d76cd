/* Parses the command line with the tables of options of the program, its command, the
 * broker and the log.
 *
 * Diagnostics: one line on stderr and exit status 2 for an option that is unknown, has no
 * value or a bad one. Of an unknown option only the name is shown, as its value could be
 * a secret.
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
} values;

static char level_help[60]; /* contains the program's default */

static const struct option_row log_rows[] = {
    {.kind = OPTION_TEXT,
     .name = "logging",
     .value = &values.level,
     .argument = "LEVEL",
     .help = level_help},
    {.kind = OPTION_FLAG,
     .letter = 'v',
     .name = "verbose",
     .value = &values.verbose,
     .help = "the same as --logging debug"},
    {.kind = OPTION_TEXT,
     .name = "log-format",
     .value = &values.format,
     .argument = "FORMAT",
     .help = "text or json (text)"},
    {.name = NULL},
};

static const struct option_row help_rows[] = {
    {.kind = OPTION_FLAG,
     .letter = 'h',
     .name = "help",
     .value = &values.help,
     .help = "show this and exit"},
    {.kind = OPTION_FLAG,
     .name = "version",
     .value = &values.version,
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

struct option_name {
    char letter; /* 0: the name is a long one */
    const char *text;
    size_t bytes;
};

static bool matches(const struct option_name *name, const char *text) {
    return text != NULL && strlen(text) == name->bytes &&
           memcmp(text, name->text, name->bytes) == 0;
}

static bool is_named(const struct option_row *row, const struct option_name *name) {
    if (row->kind == OPTION_HEADING)
        return false;
    if (name->letter != '\0')
        return row->letter == name->letter;
    return matches(name, row->name) || matches(name, row->alias);
}

static const struct option_row no_rows[] = {{.name = NULL}};

static const struct option_row *command_rows(const struct option_command *command) {
    return command != NULL && command->rows != NULL ? command->rows : no_rows;
}

static const struct option_row *find_row(const struct options *options,
                                         const struct option_command *command,
                                         const struct option_name *name) {
    const struct option_row *const tables[] = {options->rows, command_rows(command),
                                               broker_option_rows, log_rows, help_rows};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        const struct option_row *row = tables[i];
        for (; row->name != NULL || row->kind == OPTION_HEADING; row++)
            if (is_named(row, name))
                return row;
    }
    return NULL;
}

/* ---- parsing ---- */

struct parser {
    const struct options *options;
    const struct option_command *command; /* null: none, or not reached yet */
    int argc;
    char **argv;
    int next;           /* index of the argument to parse next */
    int argument_count; /* arguments that are no options; they are moved to argv[1] and
                           behind it, where everything is parsed */
};

static void set_value(struct parser *p, const struct option_row *row, const char *text) {
    char expected[120];
    if (!option_value_set(row, text)) {
        option_value_describe(row, expected, sizeof expected);
        options_fail(p->options, "--%s: \"%s\" is not %s", row->name, text, expected);
    }
}

/* The value is ATTACHED to the option, or the next argument if that is null. */
static void parse_value(struct parser *p, const struct option_row *row,
                        const char *attached) {
    if (attached == NULL) {
        if (p->next == p->argc)
            options_fail(p->options, "--%s needs a value: %s", row->name, row->argument);
        attached = p->argv[p->next++];
    }
    set_value(p, row, attached);
}

static void parse_long(struct parser *p, const char *argument) {
    const char *equals = strchr(argument, '=');
    struct option_name name = {.text = argument,
                               .bytes = equals != NULL ? (size_t)(equals - argument)
                                                       : strlen(argument)};
    const struct option_row *row = find_row(p->options, p->command, &name);
    if (row == NULL)
        options_fail(p->options, "unknown option --%.*s", (int)name.bytes, argument);
    if (row->kind != OPTION_FLAG)
        parse_value(p, row, equals != NULL ? equals + 1 : NULL);
    else if (equals != NULL)
        options_fail(p->options, "--%s takes no value", row->name);
    else
        option_value_set(row, NULL);
}

static void parse_letters(struct parser *p, const char *letters) {
    for (; *letters != '\0'; letters++) {
        struct option_name name = {.letter = *letters};
        const struct option_row *row = find_row(p->options, p->command, &name);
        if (row == NULL)
            options_fail(p->options, "unknown option -%c", *letters);
        if (row->kind != OPTION_FLAG) {
            parse_value(p, row, letters[1] != '\0' ? letters + 1 : NULL);
            return;
        }
        option_value_set(row, NULL);
    }
}

static void show_rows(const struct option_row *rows) {
    bool has_headings = rows[0].kind == OPTION_HEADING;
    if (has_headings || rows[0].name != NULL)
        option_help_rows(has_headings ? NULL : "Options:", rows);
}

static void show_help(const struct options *options,
                      const struct option_command *command) {
    option_help_head(options, command);
    if (options->commands != NULL && command == NULL)
        option_help_commands(options->commands);
    show_rows(options->rows);
    show_rows(command_rows(command));
    option_help_rows("Broker:", broker_option_rows);
    option_help_rows("Log:", log_rows);
    option_help_rows("Help:", help_rows);
    if (options->footer != NULL)
        printf("\n%s", options->footer);
}

/* --help and --version take effect before later options are checked. */
static void show_help_or_version(const struct options *options,
                                 const struct option_command *command) {
    if (values.version && !values.help)
        printf("%s %s\n", options->program, CREW_VERSION);
    else if (values.help)
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

static void parse_option(struct parser *p, const char *argument) {
    if (argument[1] == '-')
        parse_long(p, argument + 2);
    else
        parse_letters(p, argument + 1);
    show_help_or_version(p->options, p->command);
}

static void set_command(struct parser *p, const char *name) {
    p->command = options_command(p->options, name);
    if (p->command == NULL)
        options_fail(p->options, "unknown command \"%s\" (--help lists them)", name);
}

static void keep_argument(struct parser *p, char *argument) {
    if (p->command == NULL)
        set_command(p, argument);
    p->argv[1 + p->argument_count++] = argument;
}

/* Returns the index of the first argument that was kept, at the end of argv now. */
static int move_arguments_last(struct parser *p) {
    if (p->command == NULL)
        options_fail(p->options, "a command is missing (--help lists them)");
    char **last = p->argv + p->argc - p->argument_count;
    memmove(last, p->argv + 1, (size_t)p->argument_count * sizeof *last);
    return p->argc - p->argument_count;
}

static int parse_arguments(const struct options *options, int argc, char **argv) {
    struct parser p = {.options = options, .argc = argc, .argv = argv, .next = 1};
    bool has_commands = options->commands != NULL, options_ended = false;
    while (p.next < argc) {
        char *argument = argv[p.next];
        bool is_option = !options_ended && argument[0] == '-' && argument[1] != '\0';
        if (!is_option && !has_commands)
            break;
        p.next++;
        if (!is_option)
            keep_argument(&p, argument);
        else if (strcmp(argument, "--") != 0)
            parse_option(&p, argument);
        else if (has_commands)
            options_ended = true;
        else
            break;
    }
    return has_commands ? move_arguments_last(&p) : p.next;
}

static void prepare_log_options(const struct options *options) {
    const char *level = options->log_level != NULL ? options->log_level : "info";
    log_set_level(level);
    snprintf(level_help, sizeof level_help, "debug, info, warning or error (%s)", level);
}

static void apply_log_options(const struct options *options) {
    if (values.level != NULL && !log_set_level(values.level)) {
        options_fail(options, "--logging: \"%s\" is not debug, info, warning or error",
                     values.level);
    }
    if (values.format != NULL && !log_set_format(values.format))
        options_fail(options, "--log-format: \"%s\" is not text or json", values.format);
    if (values.verbose)
        log_set_level("debug");
}

int options_parse(const struct options *options, int argc, char **argv,
                  struct crew_broker *broker) {
    prepare_log_options(options);
    char error[1200];
    int first = parse_arguments(options, argc, argv);
    apply_log_options(options);
    if (!broker_options_apply(broker, error, sizeof error))
        options_fail(options, "%s", error);
    return first;
}
