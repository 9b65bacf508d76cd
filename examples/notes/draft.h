/* What somebody wants to write into a note, and what is wrong with it. */
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

/* draft_check - look for problems; true: there are none. */
bool draft_check(struct draft *draft);

/* is_text - whether TEXT is UTF-8. Nothing else is let in, since JSON could not say it.
 */
bool is_text(const char *text);

#endif
