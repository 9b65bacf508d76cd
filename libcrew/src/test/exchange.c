#include "test/exchange.h"

#include "base/xalloc.h"
#include "test/answer.h"
#include "wire/http_fields.h"
#include <stdlib.h>

/* ---- the request ---- */

/* A list of names and values that ends with null. */
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

void exchange_set_request(struct exchange *exchange,
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

/* ---- the response ---- */

const char *response_header(const struct crew_test_response *response, const char *name) {
    for (size_t i = 0; i < response->header_count; i++) {
        const struct crew_pair *field = &response->headers[i];
        if (http_name_equal(field->name, field->name_bytes, name))
            return field->value;
    }
    return NULL;
}

/* In a plain answer the content type is a field of its own, in HTTP a header field. */
static const char *content_type_of(const struct crew_test_response *response,
                                   const struct crew_answer *answer) {
    const char *type = answer->content_type;
    if (type == NULL)
        type = response_header(response, "Content-Type");
    return type != NULL ? type : "";
}

void exchange_set_answer(struct exchange *exchange, const struct crew_answer *answer) {
    struct crew_answer *copy = exchange->answer = answer_copy(answer);
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

const struct exchange *exchange_of(const struct crew_test_response *response) {
    return (const struct exchange *)response;
}

/* ---- the list ---- */

struct exchange *exchanges_add(struct exchanges *exchanges) {
    struct exchange *exchange = xcalloc(1, sizeof *exchange);
    exchange->response = (struct crew_test_response){
        .error = CREW_EINVAL, .outcome = "", .content_type = "", .body = ""};
    exchange->next = exchanges->newest;
    exchanges->newest = exchange;
    return exchange;
}

void exchanges_fini(struct exchanges *exchanges) {
    while (exchanges->newest != NULL) {
        struct exchange *exchange = exchanges->newest;
        exchanges->newest = exchange->next;
        request_free(&exchange->request);
        params_fini(&exchange->params);
        crew_answer_free(exchange->answer);
        free(exchange);
    }
}
