#include "request_fixture.h"

#include <assert.h>
#include <stdlib.h>

static void begin(struct request_fixture *fixture) {
    int error = request_begin(&fixture->request, NULL, &fixture->maker.view, 1000);
    assert(error == CREW_OK);
}

static struct request_fixture *make(enum crew_form form, const char *const *params) {
    struct request_fixture *fixture = calloc(1, sizeof *fixture);
    assert(fixture != NULL);
    task_maker_init(&fixture->maker, form, "http", params);
    return fixture;
}

struct request_fixture *request_fixture_new(enum crew_form form, const char *content_type,
                                            const char *const *params) {
    struct request_fixture *fixture = make(form, params);
    fixture->maker.view.content_type = content_type;
    begin(fixture);
    return fixture;
}

struct request_fixture *request_fixture_with_body(const char *content_type,
                                                  const void *body, size_t bytes) {
    const char *const params[] = {"REQUEST_METHOD", "POST", "CONTENT_TYPE", content_type,
                                  NULL};
    struct request_fixture *fixture = make(CREW_HTTP, params);
    task_maker_body(&fixture->maker, body, bytes);
    begin(fixture);
    return fixture;
}

void request_fixture_free(struct request_fixture *fixture) {
    request_end(&fixture->request);
    request_fini(&fixture->request);
    task_maker_fini(&fixture->maker);
    free(fixture);
}
