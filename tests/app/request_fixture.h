/* Fixture: a request that has begun, for tests of what a handler reads. */
#ifndef CREW_TEST_REQUEST_FIXTURE_H
#define CREW_TEST_REQUEST_FIXTURE_H

#include "app/request.h"
#include "task_maker.h"

struct request_fixture {
    struct task_maker maker;
    struct crew_request request;
};

/* PARAMS as for task_maker_init; CONTENT_TYPE is that of a plain call. */
struct request_fixture *request_fixture_new(enum crew_form form, const char *content_type,
                                            const char *const *params);

#define NEW_REQUEST(...) \
    request_fixture_new(CREW_HTTP, NULL, (const char *const[]){__VA_ARGS__, NULL})

/* An HTTP request with a body. */
struct request_fixture *request_fixture_with_body(const char *content_type,
                                                  const void *body, size_t bytes);

void request_fixture_free(struct request_fixture *fixture);

#endif
