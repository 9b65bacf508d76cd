/* One line for each option, the explanations in a column. */
#include "daemon/option_help.h"

#include <stdio.h>
#include <string.h>

#define LEFT_COLUMN 32
#define RIGHT_MARGIN 90

void option_help_head(const struct options *options,
                      const struct option_command *command) {
    if (command == NULL) {
        printf("Usage: %s %s\n\n%s\n", options->program, options->synopsis,
               options->summary);
    } else {
        printf("Usage: %s %s %s\n\n%s\n", options->program, command->name,
               command->synopsis, command->summary);
    }
}

/* Print TEXT in the right column, wrapped between words. */
static void print_explanation(const char *text, int column) {
    while (*text != '\0') {
        int bytes = (int)strcspn(text, " ");
        if (column > LEFT_COLUMN && column + 1 + bytes > RIGHT_MARGIN) {
            printf("\n%*s", LEFT_COLUMN, "");
            column = LEFT_COLUMN;
        } else if (column > LEFT_COLUMN) {
            putchar(' ');
            column++;
        }
        printf("%.*s", bytes, text);
        column += bytes;
        text += bytes;
        text += strspn(text, " ");
    }
    putchar('\n');
}

static void print_in_columns(const char *left, const char *explanation) {
    printf("%-*s", LEFT_COLUMN, left);
    if (strlen(left) >= LEFT_COLUMN - 1)
        printf("\n%*s", LEFT_COLUMN, "");
    print_explanation(explanation, LEFT_COLUMN);
}

static void print_row(const struct option_row *row) {
    char left[160];
    char letter[8] = "    ";
    if (row->letter != '\0')
        snprintf(letter, sizeof letter, "-%c, ", row->letter);
    snprintf(left, sizeof left, "  %s--%s%s%s%s%s", letter, row->name,
             row->alias != NULL ? ", --" : "", row->alias != NULL ? row->alias : "",
             row->argument != NULL ? " " : "",
             row->argument != NULL ? row->argument : "");
    print_in_columns(left, row->help);
}

void option_help_commands(const struct option_command *commands) {
    printf("\nCommands:\n");
    for (; commands->name != NULL; commands++) {
        char left[160];
        snprintf(left, sizeof left, "  %s %s", commands->name, commands->synopsis);
        print_in_columns(left, commands->summary);
    }
}

void option_help_rows(const char *heading, const struct option_row *rows) {
    if (heading != NULL)
        printf("\n%s\n", heading);
    for (; rows->name != NULL || rows->kind == OPTION_HEADING; rows++)
        if (rows->kind == OPTION_HEADING)
            printf("\n%s\n", rows->help);
        else
            print_row(rows);
}
