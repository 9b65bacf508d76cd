#include "test/answer.h"

#include <crew/error.h>
#include <stdlib.h>

struct crew_answer *answer_copy(const struct crew_answer *answer) {
    struct crew_answer *copy = crew_answer_copy(answer);
    if (copy == NULL)
        abort();
    return copy;
}

struct crew_answer answer_error(int error) {
    return (struct crew_answer){.error = error, .status = crew_error_status(error)};
}
