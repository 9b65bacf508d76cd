/* A request as a handler sees it: views over the task's name/value block and its body.
 *
 * Everything that a handler can read lies in one arena, filled in one pass when the
 * request begins: the array of pairs, their strings with a terminating zero each, and the
 * body. One size is reckoned before, so nothing moves and nothing is freed piece by
 * piece. What is made of them when a handler asks for it (query, cookies, form, JSON) is
 * kept beside it, and forgotten when the request ends.
 */
#ifndef CREW_APP_REQUEST_H
#define CREW_APP_REQUEST_H

#include "app/carried.h"
#include "app/pairs.h"
#include "app/path_values.h"
#include "app/pool.h"
#include "app/span.h"
#include "base/buffer.h"
#include <crew/host.h>
#include <crew/request.h>

struct json_t;

/* What a host gives to all of its requests. */
struct request_context {
    const char *uuid;
    const char *node_uuid;
    void *state;
    struct crew_host_port port;
};

/* Something that is made of the body when first asked for. Who asks again is told the
 * same. */
struct reading {
    bool done;
    int error;
    const char *complaint; /* of CREW_EBADREQUEST */
};

struct crew_request {
    const struct request_context *context;
    enum crew_form kind;
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

    struct crew_request_limits limits;
    struct pool pool; /* the texts of what follows */
    bool query_is_read;
    struct pairs query_pairs;
    bool cookies_are_read;
    struct pairs cookies;
    struct reading form;
    struct pairs form_pairs;
    struct buffer uploads; /* of struct crew_upload */
    struct buffer files;   /* of int: descriptors that are closed at the end */
    struct reading json;
    struct json_t *json_value;

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

/* request_media_type - the Content-Type without its parameters. request_complain_of_type -
 * that it is not that of WANTED. */
struct span request_media_type(const struct crew_request *request);
int request_complain_of_type(struct crew_request *request, const char *wanted);

/* reading_end - keep what came of READING: ERROR, with the complaint that there is.
 * Returns it. reading_again - return it once more. */
int reading_end(struct crew_request *request, struct reading *reading, int error);
int reading_again(struct crew_request *request, const struct reading *reading);

/* The header fields NAME (in any case), one after the other: the first when AFTER is
 * null, null when there is none left. */
const struct crew_pair *request_header_next(const struct crew_request *request,
                                            const char *name,
                                            const struct crew_pair *after);

/* What request_end does about what was made of the request. */
void request_forget_query(struct crew_request *request);
void request_forget_form(struct crew_request *request);
void request_forget_json(struct crew_request *request);
void request_close_files(struct crew_request *request);

#endif
