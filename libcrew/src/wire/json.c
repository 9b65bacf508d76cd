#include "wire/json.h"

#include <jansson.h>
#include <stdio.h>

bool json_valid(const char *text, size_t bytes, char *reason, size_t reason_bytes) {
    json_error_t error;
    /* Only the grammar is checked: it allows integers of any size and \u0000. */
    size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL;
    json_t *value = json_loadb(text, bytes, flags, &error);
    if (value == NULL && reason != NULL)
        snprintf(reason, reason_bytes, "line %d, column %d: %s", error.line, error.column,
                 error.text);
    json_decref(value);
    return value != NULL;
}
