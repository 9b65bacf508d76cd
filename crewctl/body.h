/* Where the body of a call or publication comes from. */
#ifndef CREWCTL_BODY_H
#define CREWCTL_BODY_H

#include "base/buffer.h"
#include "daemon/options.h"
#include <crew/message.h>
#include <stdbool.h>

/* At most one of json, text, file and standard_input is set. */
struct body_source {
    const char *json;
    const char *text;
    const char *file;
    bool standard_input;
    const char *content_type; /* null: the default of the source */
};

/* The option rows for the body of a command; SOURCE is its struct body_source. */
/* clang-format off */
#define BODY_OPTIONS(source)                                                              \
    {.kind = OPTION_HEADING, .help = "Body (none if left out; - reads standard input):"}, \
    {.kind = OPTION_TEXT, .name = "json", .value = &(source).json, .argument = "TEXT",    \
     .help = "JSON; checked before it is sent"},                                          \
    {.kind = OPTION_TEXT, .letter = 'd', .name = "data", .value = &(source).text,         \
     .argument = "TEXT", .help = "a text in UTF-8"},                                      \
    {.kind = OPTION_TEXT, .name = "file", .value = &(source).file, .argument = "FILE",    \
     .help = "the content of FILE"},                                                      \
    {.kind = OPTION_TEXT, .name = "content-type", .value = &(source).content_type,        \
     .argument = "TYPE",                                                                  \
     .help = "instead of application/json, text/plain or (file and standard input) "      \
             "application/octet-stream"}
/* clang-format on */

/* The second of COUNT arguments may be "-" for standard input. Wrong usage (command.h) if
 * it is another one, or if there are more. */
void body_parse_argument(struct body_source *source, char *const *arguments,
                         size_t count);

/* Set the body of CALL and its content type. Data that is read is stored in MEMORY, which
 * the caller frees after the call is made. Wrong usage if the source cannot be read, is
 * too large or is not valid. */
void body_read(const struct body_source *source, struct crew_call *call,
               struct buffer *memory);

#endif
