#include "exchange_fixture.h"

#include "wire/http_fields.h"
#include <assert.h>
#include <string.h>

void exchange_begin(struct exchange *x, enum crew_form form, const char *const *params) {
    *x = (struct exchange){0};
    x->context.port = host_port_options(&x->port, "", NULL).port;
    task_maker_init(&x->maker, form, "http", params);
    int error = request_begin(&x->request, &x->context, &x->maker.view, 1000);
    assert(error == CREW_OK);
    response_begin(&x->response, EXCHANGE_MAX_BODY_BYTES);
}

void exchange_finish(struct exchange *x) {
    bool head = strcmp(crew_request_method(&x->request), "HEAD") == 0;
    response_answer(&x->response, crew_request_form(&x->request), head, &x->answer);
    x->copy = crew_answer_copy(&x->answer);
    assert(x->copy != NULL);
}

const char *exchange_field(const struct exchange *x, const char *name) {
    for (size_t i = 0; i < x->copy->pair_count; i++) {
        const struct crew_pair *pair = &x->copy->pairs[i];
        if (http_name_equal(pair->name, pair->name_bytes, name))
            return pair->value;
    }
    return NULL;
}

const char *exchange_body(const struct exchange *x) {
    return x->copy->body;
}

void exchange_end(struct exchange *x) {
    crew_answer_free(x->copy);
    response_fini(&x->response);
    request_fini(&x->request);
    task_maker_fini(&x->maker);
    host_port_fini(&x->port);
}
