/* The calls that handlers have made, with their answers. */
#ifndef CREW_TEST_RECORDED_CALLS_H
#define CREW_TEST_RECORDED_CALLS_H

#include <crew/message.h>

/* Memory behind a crew_call and its answer. */
struct recorded_call {
    struct crew_answer *content; /* copies of the call's pairs, content type and body */
    struct crew_answer *answer;  /* null: not answered yet */
};

/* Zeroed memory is an empty list. */
struct recorded_calls {
    struct crew_call *calls;
    struct recorded_call *records; /* parallel array */
    size_t count;
};

/* Append a copy of CALL. */
void recorded_calls_add(struct recorded_calls *recorded, const struct crew_call *call);

/* Keep a copy of ANSWER as the answer of the call at INDEX, and return it. It stays valid
 * until recorded_calls_fini. */
const struct crew_answer *recorded_calls_answer(struct recorded_calls *recorded,
                                                size_t index,
                                                const struct crew_answer *answer);

/* Remove all calls and free their memory. */
void recorded_calls_fini(struct recorded_calls *recorded);

#endif
