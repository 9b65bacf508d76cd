#include "wire/json.h"

#include <jansson.h>
#include <stdio.h>

bool json_sound(const char *text, size_t bytes, char *why, size_t why_bytes) {
    json_error_t error;
    json_t *value = json_loadb(text, bytes, JSON_DECODE_ANY, &error);
    if (value == NULL && why != NULL)
        snprintf(why, why_bytes, "line %d, column %d: %s", error.line, error.column,
                 error.text);
    json_decref(value);
    return value != NULL;
}
