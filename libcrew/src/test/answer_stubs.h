/* Answers that the test has set for the calls that handlers make, by task. */
#ifndef CREW_TEST_ANSWER_STUBS_H
#define CREW_TEST_ANSWER_STUBS_H

#include <crew/test.h>

struct answer_stub;

/* Zeroed memory is an empty set. */
struct answer_stubs {
    struct answer_stub *first;
};

/* FN answers the calls of TASK. Null: remove the stub of TASK. */
void answer_stubs_set(struct answer_stubs *stubs, const char *task, crew_test_call_fn *fn,
                      void *arg);

/* A copy of ANSWER answers the calls of TASK. */
void answer_stubs_set_fixed(struct answer_stubs *stubs, const char *task,
                            const struct crew_answer *answer);

/* Answer CALL. False: there is no stub for its task, and ANSWER is untouched. */
bool answer_stubs_answer(const struct answer_stubs *stubs, const struct crew_call *call,
                         struct crew_answer *answer);

void answer_stubs_fini(struct answer_stubs *stubs);

#endif
