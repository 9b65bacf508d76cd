/* A request as a handler sees it. This module has the public functions and the state of a
 * request; the parts of it (form, JSON body, uploads, path values, request-scoped values)
 * are modules of their own that do not know the request.
 *
 * The task's pairs, strings and body are copied into one buffer when the request begins,
 * each string with a terminating zero. Its size is computed before, so nothing moves.
 * What is parsed when a handler first asks for it (query, cookies, form, JSON) is kept
 * until the request ends.
 */
#ifndef CREW_APP_REQUEST_H
#define CREW_APP_REQUEST_H

#include "app/arena.h"
#include "app/complaint.h"
#include "app/form.h"
#include "app/json_body.h"
#include "app/pairs.h"
#include "app/path_values.h"
#include "app/request_values.h"
#include "app/upload.h"
#include "base/buffer.h"
#include <crew/host.h>
#include <crew/request.h>

/* What all requests of a host have in common. */
struct host_context {
    const char *uuid;
    const char *node_uuid;
    void *state;
    struct crew_host_port port;
};

/* Zeroed memory is a request that has not begun. All fields are request.c's. */
struct crew_request {
    const struct host_context *context;
    enum crew_form kind;
    const char *task;
    const char *id;

    const struct crew_pair *pairs;
    size_t pair_count;
    const char *method;
    const char *path;
    size_t path_bytes; /* the path may hold a zero byte; then it matches no route */
    const char *query;
    const char *content_type;
    const char *body;
    size_t body_bytes;

    uint64_t ends_at_ms; /* clock_ms() */

    struct buffer input; /* all of the above */
    struct arena arena;  /* texts of what follows */
    struct crew_request_limits limits;
    bool query_is_parsed;
    struct pairs query_pairs;
    bool cookies_are_parsed;
    struct pairs cookies;
    struct parse_result form_result;
    struct form form;
    struct upload_files files;
    struct parse_result json_result;
    struct json_body json;
    struct path_values path_values;
    struct request_values values;
    struct complaint complaint; /* of the last function that returned CREW_EBADREQUEST */
};

/* Begin with a copy of TASK. CREW_EBADENVELOPE: the pairs are not a valid block.
 * CREW_ENOMEM. CONTEXT must outlive the request. */
int request_begin(struct crew_request *request, const struct host_context *context,
                  const struct crew_task_view *task, uint32_t left_ms);

/* Free what belongs to the request. Some memory is kept for the next one. */
void request_end(struct crew_request *request);

void request_fini(struct crew_request *request);

/* Set the values of the route's parameters. CREW_ENOMEM. */
int request_set_path_values(struct crew_request *request,
                            const struct router_match *match);

const struct host_context *request_context(const struct crew_request *request);
struct arena *request_arena(struct crew_request *request);

/* The length of crew_request_path, which may hold a zero byte. */
size_t request_path_bytes(const struct crew_request *request);

/* The header fields called NAME (in any case), one after another: the first when AFTER is
 * null; null when there is no further one. */
const struct crew_pair *request_header_next(const struct crew_request *request,
                                            const char *name,
                                            const struct crew_pair *after);

#endif
