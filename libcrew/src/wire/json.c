#include "wire/json.h"

#include <jansson.h>
#include <stdio.h>

bool json_valid(const char *text, size_t bytes, char *why, size_t why_bytes) {
    json_error_t error;
    /* Only its grammar counts: integers of any size and \u0000 are part of it. */
    size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL;
    json_t *value = json_loadb(text, bytes, flags, &error);
    if (value == NULL && why != NULL)
        snprintf(why, why_bytes, "line %d, column %d: %s", error.line, error.column,
                 error.text);
    json_decref(value);
    return value != NULL;
}
