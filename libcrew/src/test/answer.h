/* Answers that the test client makes or keeps. */
#ifndef CREW_TEST_ANSWER_H
#define CREW_TEST_ANSWER_H

#include <crew/message.h>

/* As crew_answer_copy; the program is aborted when memory is exhausted. */
struct crew_answer *answer_copy(const struct crew_answer *answer);

/* An empty answer with ERROR and its status. */
struct crew_answer answer_error(int error);

#endif
