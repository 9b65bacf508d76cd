#include "draft.h"

#include <crew/json.h>
#include <stddef.h>
#include <string.h>

bool is_text(const char *text) {
    json_t *value = json_string(text);
    json_decref(value);
    return value != NULL;
}

static size_t characters(const char *text) {
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80; /* first byte of a character */
    return count;
}

bool draft_check(struct draft *draft) {
    if (draft->title[strspn(draft->title, " \t\r\n")] == '\0')
        draft->title_problem = "A note needs a title.";
    else if (!is_text(draft->title))
        draft->title_problem = "This is not UTF-8.";
    else if (characters(draft->title) > TITLE_CHARACTERS)
        draft->title_problem = "At most 200 characters, please.";

    if (!is_text(draft->text))
        draft->text_problem = "This is not UTF-8.";
    else if (characters(draft->text) > TEXT_CHARACTERS)
        draft->text_problem = "At most 100,000 characters, please.";
    return draft->title_problem == NULL && draft->text_problem == NULL;
}
