/* A request that has begun. */
#include "begun.h"

#include <assert.h>
#include <stdlib.h>

static void begin(struct begun *begun) {
    int error = request_begin(&begun->request, NULL, &begun->maker.view, 1000);
    assert(error == CREW_OK);
}

static struct begun *make(enum crew_form form, const char *const *params) {
    struct begun *begun = calloc(1, sizeof *begun);
    assert(begun != NULL);
    task_maker_init(&begun->maker, form, "http", params);
    return begun;
}

struct begun *begun_new(enum crew_form form, const char *content_type,
                        const char *const *params) {
    struct begun *begun = make(form, params);
    begun->maker.view.content_type = content_type;
    begin(begun);
    return begun;
}

struct begun *begun_with_body(const char *content_type, const void *body, size_t bytes) {
    const char *const params[] = {"REQUEST_METHOD", "POST", "CONTENT_TYPE", content_type,
                                  NULL};
    struct begun *begun = make(CREW_HTTP, params);
    task_maker_body(&begun->maker, body, bytes);
    begin(begun);
    return begun;
}

void begun_free(struct begun *begun) {
    request_end(&begun->request);
    request_fini(&begun->request);
    task_maker_fini(&begun->maker);
    free(begun);
}
