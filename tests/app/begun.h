/* A request that has begun, for tests of what a handler reads. */
#ifndef CREW_TEST_BEGUN_H
#define CREW_TEST_BEGUN_H

#include "app/request.h"
#include "task_maker.h"

struct begun {
    struct task_maker maker;
    struct crew_request request;
};

/* PARAMS as for task_maker_init; CONTENT_TYPE is that of a plain call. */
struct begun *begun_new(enum crew_form form, const char *content_type,
                        const char *const *params);

#define BEGIN(...) begun_new(CREW_HTTP, NULL, (const char *const[]){__VA_ARGS__, NULL})

/* An HTTP request with a body. */
struct begun *begun_with_body(const char *content_type, const void *body, size_t bytes);

void begun_free(struct begun *begun);

#endif
