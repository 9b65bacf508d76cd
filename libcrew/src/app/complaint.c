#include "app/complaint.h"

#include <crew/error.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int complaint_set(struct complaint *complaint, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(complaint->text, sizeof complaint->text, format, args);
    va_end(args);
    for (char *at = complaint->text; *at != '\0'; at++)
        if ((unsigned char)*at < ' ')
            *at = '?';
    return CREW_EBADREQUEST;
}

int complaint_of_type(struct complaint *complaint, const char *wanted, const char *type) {
    return complaint_set(complaint, "the body is not %s but %.100s", wanted,
                         type[0] != '\0' ? type : "of no type");
}

int parse_result_set(struct parse_result *result, int error,
                     const struct complaint *complaint, struct arena *arena) {
    *result = (struct parse_result){.done = true, .error = error};
    if (error == CREW_EBADREQUEST)
        result->complaint = arena_text(arena, complaint->text, strlen(complaint->text));
    return error;
}

int parse_result_repeat(const struct parse_result *result, struct complaint *complaint) {
    if (result->complaint != NULL)
        complaint_set(complaint, "%s", result->complaint);
    return result->error;
}
