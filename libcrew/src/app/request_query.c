/* The query and the cookies. When there is no memory for them there are none, as if they
 * had not been sent: no handler would look for an error of such a thing. */
#include "app/request.h"

#include "app/cookie.h"
#include "app/query.h"
#include <stdlib.h>
#include <string.h>

static const struct pairs *query_pairs(crew_request *request) {
    struct pairs *pairs = &request->query_pairs;
    const char *query = request->query;
    if (!request->query_is_read &&
        query_read(pairs, &request->pool, query, strlen(query), SIZE_MAX) != CREW_OK)
        pairs_reset(pairs);
    request->query_is_read = true;
    return pairs;
}

const char *crew_request_query_value(crew_request *request, const char *key) {
    return pairs_value(query_pairs(request), key);
}

long crew_request_query_number(crew_request *request, const char *key, long min, long max,
                               long fallback) {
    return pairs_number(query_pairs(request), key, min, max, fallback);
}

const char *const *crew_request_query_values(crew_request *request, const char *key,
                                             size_t *count) {
    return pairs_values(query_pairs(request), key, &request->pool, count);
}

const struct crew_pair *crew_request_query_pairs(crew_request *request, size_t *count) {
    return pairs_all(query_pairs(request), count);
}

/* HTTP/2 may bring cookies in several fields (RFC 9113 §8.2.3). */
static const struct pairs *cookies(crew_request *request) {
    struct pairs *pairs = &request->cookies;
    const struct crew_pair *field = NULL;
    while (!request->cookies_are_read &&
           (field = request_header_next(request, "Cookie", field)) != NULL)
        if (cookie_read(pairs, &request->pool, field->value, field->value_bytes) !=
            CREW_OK) {
            pairs_reset(pairs);
            break;
        }
    request->cookies_are_read = true;
    return pairs;
}

const char *crew_request_cookie(crew_request *request, const char *name) {
    return pairs_value(cookies(request), name);
}

const struct crew_pair *crew_request_cookies(crew_request *request, size_t *count) {
    return pairs_all(cookies(request), count);
}

char *crew_unescape_url(const char *text) {
    size_t bytes = strlen(text);
    char *decoded = malloc(bytes + 1);
    if (decoded == NULL)
        return NULL;
    size_t made = query_decode(decoded, text, bytes, false);
    decoded[made] = '\0';
    if (strlen(decoded) == made)
        return decoded;
    free(decoded);
    return NULL;
}

void request_forget_query(struct crew_request *request) {
    pairs_reset(&request->query_pairs);
    pairs_reset(&request->cookies);
    request->query_is_read = request->cookies_are_read = false;
}
