/* Where the body of a call or publication comes from. */
#ifndef CREWCTL_BODY_H
#define CREWCTL_BODY_H

#include "base/buffer.h"
#include "daemon/options.h"
#include <crew/message.h>
#include <stdbool.h>

/* At most one of them. */
struct body_source {
    const char *json;
    const char *text;
    const char *file;
    bool standard_input;
    const char *content_type; /* another than that of its kind, or null */
};

/* The rows of a command's options that say where its body, SOURCE, comes from. */
/* clang-format off */
#define BODY_OPTIONS(source)                                                              \
    {.kind = OPTION_HEADING, .help = "Body (none if left out; - reads standard input):"}, \
    {OPTION_TEXT, 0, "json", NULL, &(source).json, 0, 0, "TEXT",                          \
     "JSON; checked before it is sent"},                                                  \
    {OPTION_TEXT, 'd', "data", NULL, &(source).text, 0, 0, "TEXT", "a text, in UTF-8"},   \
    {OPTION_TEXT, 0, "file", NULL, &(source).file, 0, 0, "FILE", "what is in FILE"},      \
    {OPTION_TEXT, 0, "content-type", NULL, &(source).content_type, 0, 0, "TYPE",          \
     "another than application/json, text/plain or (file and standard input) "            \
     "application/octet-stream"}
/* clang-format on */

/* The word "-" behind the first of COUNT words is standard input; another one, or more,
 * ends the program as below. */
void body_take_word(struct body_source *source, char *const *words, size_t count);

/* Make it the body of CALL, with its content type. What was read is in MEMORY, which the
 * caller frees when the call has been made. A source that cannot be read, is too large or
 * is not what it shall be ends the program: one line that names it, exit status 2. */
void body_take(const struct body_source *source, struct crew_call *call,
               struct buffer *memory);

#endif
