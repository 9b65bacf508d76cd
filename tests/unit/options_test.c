/* daemon/options.h: what the tables make of a command line. Each case runs in a process
 * of its own, as a program has one command line. */
#include "child.h"
#include "daemon/options.h"
#include "unit.h"

#include <unistd.h>

static bool flag, other_flag;
static const char *word = "left out";
static unsigned number = 7, mode = 0660;
static size_t bytes = 100;
static uint32_t wait_ms = 1500;

static const struct option_row rows[] = {
    {.kind = OPTION_FLAG,
     .letter = 'f',
     .name = "flag",
     .value = &flag,
     .help = "a flag"},
    {.kind = OPTION_FLAG,
     .letter = 'g',
     .name = "other-flag",
     .value = &other_flag,
     .help = "another flag"},
    {.kind = OPTION_HEADING, .help = "More:"},
    {.kind = OPTION_TEXT,
     .letter = 'w',
     .name = "word",
     .alias = "term",
     .value = &word,
     .argument = "WORD",
     .help = "a word"},
    {.kind = OPTION_UNSIGNED,
     .name = "number",
     .value = &number,
     .min = 1,
     .max = 10,
     .argument = "N",
     .help =
         "a number with an explanation that is far too long for what is left of a line "
         "in a terminal"},
    {.kind = OPTION_BYTES,
     .name = "bytes",
     .value = &bytes,
     .min = 1,
     .max = 1ul << 40,
     .argument = "BYTES",
     .help = "a size"},
    {.kind = OPTION_SECONDS,
     .name = "wait",
     .value = &wait_ms,
     .min = 1,
     .max = 1500000,
     .argument = "SECONDS",
     .help = "a time"},
    {.kind = OPTION_OCTAL,
     .name = "mode",
     .value = &mode,
     .min = 0,
     .max = 0777,
     .argument = "MODE",
     .help = "a file mode"},
    {.name = NULL},
};

static struct option_list things;

static const struct option_row make_rows[] = {
    {.kind = OPTION_LIST,
     .letter = 't',
     .name = "thing",
     .value = &things,
     .argument = "THING",
     .help = "one of several things"},
    {.name = NULL},
};

static const struct option_command commands[] = {
    {"make", "WHAT [options]", "Makes something.", make_rows, NULL},
    {"list", "[WHAT ...]", "Lists what there is.", NULL, NULL},
    {.name = NULL},
};

static const struct options program_with_commands = {
    .program = "tool",
    .synopsis = "[options] COMMAND ...",
    .summary = "Does several things.",
    .rows = rows,
    .commands = commands,
    .footer = "The end.\n",
    .log_level = "error",
};

static const struct options program = {
    .program = "program",
    .synopsis = "[options] FILE",
    .summary = "Does something.",
    .rows = rows,
};

static char password_file[] = "/tmp/crew-options-XXXXXX";

/* The program's name and the arguments in LINE, which are separated by '|'. */
static int split(char *line, char *argv[20]) {
    int argc = 1;
    argv[0] = (char *)"program";
    for (char *one = strtok(line, "|"); one != NULL; one = strtok(NULL, "|"))
        argv[argc++] = one;
    return argc;
}

/* Print the parsed values. */
static void parse(void *arg) {
    char *argv[20];
    char *line = strdup(arg);
    assert_non_null(line);
    int argc = split(line, argv);
    struct crew_broker broker;
    int behind = options_parse(&program, argc, argv, &broker);
    printf("behind %d flags %d%d word %s number %u bytes %zu wait %u mode %o\n", behind,
           flag, other_flag, word, number, bytes, wait_ms, mode);
    for (size_t i = 0; i < broker.url_count; i++) {
        const struct crew_broker_url *url = &broker.urls[i];
        printf("%s %s %d %s %s %s\n", url->tls ? "tls" : "plain", url->host, url->port,
               url->username, url->password, url->vhost);
    }
    printf("heartbeat %d ca %s\n", broker.heartbeat_s,
           broker.ca_file != NULL ? broker.ca_file : "system");
    crew_broker_fini(&broker);
    free(line);
}

/* The same for a program with commands: its arguments and values. */
static void parse_command(void *arg) {
    char *argv[20];
    char *line = strdup(arg);
    assert_non_null(line);
    int argc = split(line, argv);
    struct crew_broker broker;
    for (int at = options_parse(&program_with_commands, argc, argv, &broker); at < argc;
         at++)
        printf("%s ", argv[at]);
    printf("flags %d%d vhost %s things", flag, other_flag, broker.urls[0].vhost);
    for (size_t i = 0; i < things.count; i++)
        printf(" %s", things.texts[i]);
    putchar('\n');
    crew_broker_fini(&broker);
    free(things.texts);
    free(line);
}

static struct child_result result;

static void assert_parsed_by(void (*parser)(void *arg), const char *line,
                             const char *expected) {
    child_run(parser, (void *)line, &result);
    if (result.status != 0 || strstr(result.out, expected) == NULL)
        fail_msg("%s: status %d\n%s%s", line, result.status, result.out, result.err);
}

static void assert_parsed(const char *line, const char *expected) {
    assert_parsed_by(parse, line, expected);
}

/* Exit status 2 and exactly one line, which starts with EXPECTED. */
static void assert_refused_by(void (*parser)(void *arg), const char *line,
                              const char *expected) {
    child_run(parser, (void *)line, &result);
    const char *end = strchr(result.err, '\n');
    if (result.status != 2 || strncmp(result.err, expected, strlen(expected)) != 0 ||
        end == NULL || end[1] != '\0')
        fail_msg("%s: status %d\n%s%s", line, result.status, result.out, result.err);
}

static void assert_refused(const char *line, const char *expected) {
    assert_refused_by(parse, line, expected);
}

static void test_options_defaults(void **state) {
    (void)state;
    assert_parsed("",
                  "behind 1 flags 00 word left out number 7 bytes 100 wait 1500 mode "
                  "660\nplain localhost 5672 guest guest /\nheartbeat 10 ca system\n");
}

static void test_options_all_notations(void **state) {
    (void)state;
    assert_parsed("--word|a|--number=3", "behind 4 flags 00 word a number 3 ");
    assert_parsed("--term=b", "word b ");
    assert_parsed("-wc", "word c ");
    assert_parsed("-w|d", "word d ");
    assert_parsed("-fgwe", "flags 11 word e ");
    assert_parsed("--flag|-g", "flags 11 ");
    assert_parsed("--word=a|--word=b", "word b ");
    assert_parsed("--word=", "word  number");
    assert_parsed("--word|--flag", "flags 00 word --flag ");
    assert_parsed("--word=a=b", "word a=b ");
}

static void test_options_end_at_the_first_argument(void **state) {
    (void)state;
    assert_parsed("-f|app.so|-g|--bogus", "behind 2 flags 10 ");
    assert_parsed("-f|--|-g", "behind 3 flags 10 ");
    assert_parsed("-|-f", "behind 1 flags 00 ");
}

static void test_options_values(void **state) {
    (void)state;
    assert_parsed("--bytes=2k", "bytes 2048 ");
    assert_parsed("--bytes=3M", "bytes 3145728 ");
    assert_parsed("--bytes=1G", "bytes 1073741824 ");
    assert_parsed("--wait=0.25", "wait 250 ");
    assert_parsed("--wait=1500", "wait 1500000 ");
    assert_parsed("--wait=1.23456", "wait 1234 ");
    assert_parsed("--mode=0644", "mode 644");
    assert_parsed("--mode=600", "mode 600");
}

static void test_options_bad_values_are_named(void **state) {
    (void)state;
    assert_refused("--number=0", "program: --number: \"0\" is not a number from 1 to 10");
    assert_refused("--number=11", "program: --number: \"11\"");
    assert_refused("--number=-1", "program: --number: \"-1\"");
    assert_refused("--number=4294967297", "program: --number:");
    assert_refused("--number=3x", "program: --number:");
    assert_refused("--number= 3", "program: --number:");
    assert_refused("--number=", "program: --number: \"\"");
    assert_refused("--bytes=1T", "program: --bytes:");
    assert_refused("--bytes=1 ", "program: --bytes:");
    assert_refused("--bytes=1KK", "program: --bytes:");
    assert_refused("--bytes=17179869184G", "program: --bytes:");
    assert_refused("--wait=0", "program: --wait: \"0\" is not a number of seconds from "
                               "0.001 to 1500");
    assert_refused("--wait=1500.001", "program: --wait:");
    assert_refused("--wait=1,5", "program: --wait:");
    assert_refused("--wait=nan", "program: --wait:");
    assert_refused("--mode=8", "program: --mode:");
    assert_refused("--mode=1777", "program: --mode:");
    assert_refused("-P|70000", "program: --port: \"70000\"");
    assert_refused("--logging=loud", "program: --logging: \"loud\"");
    assert_refused("--log-format=xml", "program: --log-format: \"xml\"");
}

static void test_options_unknown_or_without_value(void **state) {
    (void)state;
    assert_refused("--bogus", "program: unknown option --bogus\n");
    assert_refused("--passwrd=hidden", "program: unknown option --passwrd\n");
    assert_refused("-fx", "program: unknown option -x\n");
    assert_refused("--wor=x", "program: unknown option --wor\n");
    assert_refused("--word", "program: --word needs a value: WORD\n");
    assert_refused("-f|-w", "program: --word needs a value: WORD\n");
    assert_refused("--flag=1", "program: --flag takes no value\n");
}

/* ---- the broker ---- */

static void test_options_broker_by_parts(void **state) {
    (void)state;
    assert_parsed("-Hh|-P|1|--username=u|--vhost=v|--heartbeat=0|--ca-file=/dev/null",
                  "plain h 1 u guest v\nheartbeat 0 ca /dev/null\n");
}

static void test_options_broker_url_with_overrides(void **state) {
    (void)state;
    assert_parsed("--url=amqp://u:p@a:1/x,amqps://b|--username=w|-P9",
                  "plain a 9 w p x\ntls b 9 w guest /\n");
}

static void test_options_broker_environment(void **state) {
    (void)state;
    setenv("CREW_AMQP_URL", "amqp://u:p@env:1/x", 1);
    assert_parsed("", "plain env 1 u p x\n");
    assert_parsed("--url=amqp://arg", "plain arg 5672 guest guest /\n");
    assert_parsed("--vhost=y", "plain env 1 u p y\n");
    setenv("CREW_PASSWORD", "q", 1);
    assert_parsed("", "plain env 1 u q x\n");
    setenv("CREW_AMQP_URL", "amqp://u:hidden@h:x", 1);
    assert_refused("", "program: CREW_AMQP_URL: broker address 1 has a port");
    assert_null(strstr(result.err, "hidden"));
    unsetenv("CREW_AMQP_URL");
    assert_parsed("", "plain localhost 5672 guest q /\n");
    unsetenv("CREW_PASSWORD");
}

static void test_options_password_warns(void **state) {
    (void)state;
    assert_parsed("--password=hidden", " guest hidden /\n");
    assert_non_null(strstr(result.err, "warning: --password shows in the process list"));
    assert_null(strstr(result.err, "hidden"));
    assert_parsed("", " guest guest /\n");
    assert_string_equal(result.err, "");
}

static void write_password_file(const char *text) {
    FILE *file = fopen(password_file, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_options_password_file(void **state) {
    (void)state;
    char line[100];
    close(mkstemp(password_file));
    snprintf(line, sizeof line, "--password-file=%s", password_file);
    write_password_file("from file\r\nsecond line\n");
    assert_parsed(line, " guest from file /\n");
    write_password_file("no line end");
    assert_parsed(line, " guest no line end /\n");
    assert_string_equal(result.err, "");
    write_password_file("");
    assert_refused(line, "program: --password-file: the first line of ");
    unlink(password_file);
    assert_refused(line, "program: --password-file: cannot read ");
    assert_refused("--password-file=/", "program: --password-file: cannot read ");
}

static void test_options_bad_broker(void **state) {
    (void)state;
    assert_refused("--url=amqp://u:hidden@h:x",
                   "program: --url: broker address 1 has a port");
    assert_refused("--vhost=", "program: --vhost: ");
    assert_refused("--ca-file=/nowhere", "program: --ca-file: cannot read \"/nowhere\"");
    assert_refused("--cert-file=/dev/null", "program: --cert-file and --key-file belong");
}

/* ---- programs with commands ---- */

static void test_options_after_arguments_of_a_command(void **state) {
    (void)state;
    static const char *const lines[] = {
        "-f|--vhost=v|make|it|-t|a|--thing=b", "make|it|-f|-ta|--vhost|v|-tb",
        "-f|make|-t|a|it|-t|b|--vhost=v", "make|-fta|--vhost=v|--thing|b|--|it"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_parsed_by(parse_command, lines[i],
                         "make it flags 10 vhost v things a b\n");
    }
    assert_parsed_by(parse_command, "list|b|a|-|c", "list b a - c flags 00 ");
    assert_parsed_by(parse_command, "list|--|-f|--|--bogus",
                     "list -f -- --bogus flags 00 ");
    assert_parsed_by(parse_command, "--|list|-f", "list -f flags 00 ");
}

static void test_options_command_errors(void **state) {
    (void)state;
    assert_refused_by(parse_command, "", "tool: a command is missing");
    assert_refused_by(parse_command, "-f|--", "tool: a command is missing");
    assert_refused_by(parse_command, "bogus|-f", "tool: unknown command \"bogus\"");
    assert_refused_by(parse_command, "list|-t|a", "tool: unknown option -t");
    assert_refused_by(parse_command, "-t|a|make", "tool: unknown option -t");
    assert_refused_by(parse_command, "make|it|--thing", "tool: --thing needs a value");
}

static void test_options_command_help(void **state) {
    (void)state;
    child_run(parse_command, (void *)"--help|bogus", &result);
    assert_int_equal(result.status, 0);
    assert_non_null(strstr(result.out, "Usage: tool [options] COMMAND ...\n"));
    assert_non_null(strstr(result.out, "\nCommands:\n  make WHAT [options] "));
    assert_non_null(strstr(result.out, "  list [WHAT ...] "));
    assert_null(strstr(result.out, "--thing"));
    assert_non_null(strstr(result.out, "info, warning or error (error)\n"));
    assert_non_null(strstr(result.out, "\n\nThe end.\n"));
    child_run(parse_command, (void *)"make|it|-h", &result);
    assert_int_equal(result.status, 0);
    assert_non_null(strstr(result.out, "Usage: tool make WHAT [options]\n\nMakes"));
    assert_non_null(strstr(result.out, "  -t, --thing THING "));
    assert_null(strstr(result.out, "Commands:"));
}

/* ---- --help and --version ---- */

static void test_options_help_lists_every_option(void **state) {
    (void)state;
    static const char *const expected[] = {"Usage: program [options] FILE\n",
                                           "Does something.\n",
                                           "  -f, --flag    ",
                                           "      --number N",
                                           "  -w, --word, --term WORD",
                                           "\nMore:\n",
                                           "\nBroker:\n",
                                           "  -H, --host HOST",
                                           "--url URL[,URL ...]",
                                           "--heartbeat SECONDS",
                                           "\nLog:\n",
                                           "  -v, --verbose",
                                           "--log-format FORMAT",
                                           "  -h, --help",
                                           "--version"};
    child_run(parse, (void *)"--flag|--help|--bogus", &result);
    assert_int_equal(result.status, 0);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        if (strstr(result.out, expected[i]) == NULL)
            fail_msg("\"%s\" is not in\n%s", expected[i], result.out);
}

static void test_options_help_fits_and_is_aligned(void **state) {
    (void)state;
    child_run(parse, (void *)"-h", &result);
    for (const char *line = result.out; *line != '\0'; line = strchr(line, '\n') + 1) {
        size_t line_bytes = strcspn(line, "\n");
        assert_true(line_bytes <= 90);
        assert_true(line_bytes == 0 || line[line_bytes - 1] != ' ');
        if (strncmp(line, "  ", 2) == 0 && line_bytes > 32) {
            assert_int_equal(line[31], ' ');
            assert_int_not_equal(line[32], ' ');
        }
    }
}

static void test_options_version(void **state) {
    (void)state;
    child_run(parse, (void *)"--version", &result);
    assert_int_equal(result.status, 0);
    assert_string_equal(result.out, "program " CREW_VERSION "\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_defaults),
        cmocka_unit_test(test_options_all_notations),
        cmocka_unit_test(test_options_end_at_the_first_argument),
        cmocka_unit_test(test_options_values),
        cmocka_unit_test(test_options_bad_values_are_named),
        cmocka_unit_test(test_options_unknown_or_without_value),
        cmocka_unit_test(test_options_broker_by_parts),
        cmocka_unit_test(test_options_broker_url_with_overrides),
        cmocka_unit_test(test_options_broker_environment),
        cmocka_unit_test(test_options_password_warns),
        cmocka_unit_test(test_options_password_file),
        cmocka_unit_test(test_options_bad_broker),
        cmocka_unit_test(test_options_after_arguments_of_a_command),
        cmocka_unit_test(test_options_command_errors),
        cmocka_unit_test(test_options_command_help),
        cmocka_unit_test(test_options_help_lists_every_option),
        cmocka_unit_test(test_options_help_fits_and_is_aligned),
        cmocka_unit_test(test_options_version),
    };
    unsetenv("CREW_AMQP_URL");
    unsetenv("CREW_PASSWORD");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
