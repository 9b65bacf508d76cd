/* The description of one command-line option. */
#ifndef CREW_DAEMON_OPTION_ROW_H
#define CREW_DAEMON_OPTION_ROW_H

#include <stddef.h>

enum option_kind {
    OPTION_FLAG,     /* bool: true if present */
    OPTION_TEXT,     /* const char * into argv; the last one wins */
    OPTION_LIST,     /* struct option_list: may be repeated */
    OPTION_UNSIGNED, /* unsigned, between min and max */
    OPTION_BYTES, /* size_t, with an optional suffix K, M or G (1024), within min, max */
    OPTION_SECONDS, /* uint32_t milliseconds, decimals allowed, within min and max ms */
    OPTION_OCTAL,   /* unsigned: a file mode */
    OPTION_HEADING  /* not an option: a heading in --help */
};

struct option_list {
    const char **texts; /* into argv; the array belongs to the program */
    size_t count;
};

/* A table of rows ends with a row without name that is no heading. */
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

#endif
