/* A request as a handler sees it: views over the task's name/value block and its body.
 *
 * Everything that a handler can read lies in one arena, filled in one pass when the
 * request begins: the array of pairs, their strings with a terminating zero each, and the
 * body. One size is reckoned before, so nothing moves and nothing is freed piece by
 * piece.
 */
#ifndef CREW_APP_REQUEST_H
#define CREW_APP_REQUEST_H

#include "app/carried.h"
#include "app/path_values.h"
#include "base/buffer.h"
#include <crew/host.h>

/* What a host gives to all of its requests. */
struct request_context {
    const char *uuid;
    const char *node_uuid;
    void *state;
    struct crew_host_port port;
};

struct crew_request {
    const struct request_context *context;
    enum crew_form form;
    const char *task;
    const char *id;

    const struct crew_pair *pairs;
    size_t pair_count;
    const char *method;
    const char *path;
    size_t path_bytes; /* the path may hold a zero byte, and matches no route then */
    const char *query;
    const char *content_type;
    const char *body;
    size_t body_bytes;

    uint64_t ends_at_ms; /* clock_ms() */

    struct buffer arena;
    struct buffer query_split; /* made when first asked for */
    bool query_is_split;

    struct path_values path_values;
    struct carried carried;
    char complaint[256]; /* why the request is not acceptable; empty: no complaint */
};

/* Zeroed memory is a request that has not begun. */

/* request_begin - CREW_EBADENVELOPE: the pairs are no sound block. CREW_ENOMEM. */
int request_begin(struct crew_request *request, const struct request_context *context,
                  const struct crew_task_view *task, uint32_t left_ms);

/* request_end - forget it all; a little memory is kept for the next one. */
void request_end(struct crew_request *request);

void request_fini(struct crew_request *request);

/* request_complain - note why the request is not acceptable, in words for the client, who
 * made it so. Returns CREW_EBADREQUEST. */
int request_complain(struct crew_request *request, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
