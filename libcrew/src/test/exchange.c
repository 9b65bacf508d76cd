/* Responses, kept with their requests until the test forgets them. */
#include "test/test_room.h"

#include "base/xalloc.h"
#include "wire/http_fields.h"
#include <stdlib.h>
#include <string.h>

/* ---- copies ---- */

struct crew_answer *test_answer_copy(const struct crew_answer *answer) {
    struct crew_answer *copy = crew_answer_copy(answer);
    if (copy == NULL)
        abort();
    return copy;
}

/* Of a list of names and values, null at its end. */
static const char *const *list_copy(const char *const *list) {
    size_t count = 0;
    while (list != NULL && list[count] != NULL)
        count++;
    const char **copy = xreallocarray(NULL, count + 1, sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = xstrdup(list[i]);
    copy[count] = NULL;
    return copy;
}

static void list_free(const char *const *list) {
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        free((char *)list[i]);
    free((void *)list);
}

void exchange_keep_request(struct exchange *exchange,
                           const struct crew_test_request *request) {
    struct crew_test_request *copy = &exchange->request;
    *copy = *request;
    copy->method = xstrdup(request->method);
    copy->path = xstrdup(request->path);
    copy->task = xstrdup(request->task);
    copy->headers = list_copy(request->headers);
    copy->params = list_copy(request->params);
    copy->content_type = xstrdup(request->content_type);
    if (request->body != NULL)
        copy->body = xmemdupz(request->body, request->body_bytes);
}

static void request_free(struct crew_test_request *request) {
    free((char *)request->method);
    free((char *)request->path);
    free((char *)request->task);
    list_free(request->headers);
    list_free(request->params);
    free((char *)request->content_type);
    free((void *)request->body);
}

/* ---- exchanges ---- */

struct exchange *exchange_new(struct crew_test *test) {
    struct exchange *exchange = xcalloc(1, sizeof *exchange);
    exchange->response = (struct crew_test_response){
        .error = CREW_EINVAL, .outcome = "", .content_type = "", .body = ""};
    exchange->next = test->exchanges;
    test->exchanges = exchange;
    return exchange;
}

/* Of a plain answer it is a field of its own. */
static const char *content_type_of(const struct crew_test_response *response,
                                   const struct crew_answer *answer) {
    const char *type = answer->content_type;
    if (type == NULL)
        type = crew_test_header(response, "Content-Type");
    return type != NULL ? type : "";
}

void exchange_end(struct exchange *exchange, const struct crew_answer *answer) {
    struct crew_answer *copy = exchange->answer = test_answer_copy(answer);
    const char *word = crew_error_word(copy->error);
    struct crew_test_response *response = &exchange->response;
    *response = (struct crew_test_response){.error = copy->error,
                                            .outcome = word != NULL ? word : "",
                                            .status = copy->status,
                                            .headers = copy->pairs,
                                            .header_count = copy->pair_count,
                                            .body = copy->body,
                                            .body_bytes = copy->body_bytes};
    response->content_type = content_type_of(response, copy);
}

void test_forget_exchanges(struct crew_test *test) {
    while (test->exchanges != NULL) {
        struct exchange *exchange = test->exchanges;
        test->exchanges = exchange->next;
        request_free(&exchange->request);
        params_fini(&exchange->params);
        crew_answer_free(exchange->answer);
        free(exchange);
    }
}

const char *crew_test_header(const struct crew_test_response *response,
                             const char *name) {
    for (size_t i = 0; i < response->header_count; i++) {
        const struct crew_pair *field = &response->headers[i];
        if (http_name_equal(field->name, field->name_bytes, name))
            return field->value;
    }
    return NULL;
}
