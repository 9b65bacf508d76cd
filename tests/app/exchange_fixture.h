/* Fixture: a request and its response, for tests of handlers that use both. */
#ifndef CREW_TEST_EXCHANGE_FIXTURE_H
#define CREW_TEST_EXCHANGE_FIXTURE_H

#include "app/request.h"
#include "app/response.h"
#include "host_port.h"
#include "task_maker.h"

enum { EXCHANGE_MAX_BODY_BYTES = 10000 };

struct exchange {
    struct host_port port;
    struct host_context context;
    struct task_maker maker;
    struct crew_request request;
    struct crew_response response;
    struct crew_answer answer; /* of exchange_finish */
    struct crew_answer *copy;
};

/* PARAMS as for task_maker_init. */
void exchange_begin(struct exchange *exchange, enum crew_form form,
                    const char *const *params);

/* Make the answer, as the host does. */
void exchange_finish(struct exchange *exchange);

/* The first field NAME of the answer; null when there is none. */
const char *exchange_field(const struct exchange *exchange, const char *name);

/* The answer's body as a string. */
const char *exchange_body(const struct exchange *exchange);

void exchange_end(struct exchange *exchange);

#endif
