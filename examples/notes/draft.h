/* A new text of a note, and what is wrong with it. */
#ifndef NOTES_DRAFT_H
#define NOTES_DRAFT_H

#include <stdbool.h>

enum { TITLE_CHARACTERS = 200, TEXT_CHARACTERS = 100000 };

struct draft {
    const char *title;
    const char *text;
    const char *title_problem; /* null: none */
    const char *text_problem;
};

/* Look for problems. True: there are none. */
bool draft_check(struct draft *draft);

/* True when TEXT is UTF-8. Other texts are rejected, as JSON cannot contain them. */
bool is_text(const char *text);

#endif
