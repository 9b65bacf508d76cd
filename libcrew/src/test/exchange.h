/* The responses that a test has got, with the requests that led to them. */
#ifndef CREW_TEST_EXCHANGE_H
#define CREW_TEST_EXCHANGE_H

#include "test/params.h"
#include <crew/test.h>

struct exchange {
    struct crew_test_response response; /* first: exchange_of casts it back */
    struct crew_answer *answer;         /* RESPONSE points into it */
    struct crew_test_request request;   /* HTTP: a copy of what the test asked for */
    struct params params;               /* HTTP: the CGI parameters made of it */
    struct exchange *next;
};

/* Zeroed memory is an empty list. */
struct exchanges {
    struct exchange *newest;
};

/* Add an exchange. Until exchange_set_answer its response is the error CREW_EINVAL. */
struct exchange *exchanges_add(struct exchanges *exchanges);

/* Remove all exchanges and free their memory. */
void exchanges_fini(struct exchanges *exchanges);

/* Keep a copy of REQUEST. */
void exchange_set_request(struct exchange *exchange,
                          const struct crew_test_request *request);

/* Make the response from a copy of ANSWER. */
void exchange_set_answer(struct exchange *exchange, const struct crew_answer *answer);

/* The exchange of a response that exchanges_add made. */
const struct exchange *exchange_of(const struct crew_test_response *response);

/* The first value of a header field, its name in any case; null when there is none. */
const char *response_header(const struct crew_test_response *response, const char *name);

#endif
