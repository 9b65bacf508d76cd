/* The public view of the table of outcomes. */
#include <crew/error.h>

#include "wire/outcome.h"
#include <string.h>

const char *crew_strerror(int error) {
    const struct outcome *outcome = outcome_find(error);
    return outcome != NULL ? outcome->description : "unknown error";
}

const char *crew_error_word(int error) {
    const struct outcome *outcome = outcome_find(error);
    return outcome != NULL ? outcome->word : NULL;
}

int crew_error_status(int error) {
    return crew_error_word(error) != NULL ? outcome_find(error)->status : 500;
}

int crew_error_from_word(const char *word, size_t word_bytes) {
    for (int error = 0; error < CREW_ERROR_COUNT; error++) {
        const char *known = crew_error_word(error);
        if (known != NULL && strlen(known) == word_bytes &&
            memcmp(known, word, word_bytes) == 0)
            return error;
    }
    return CREW_OK;
}
