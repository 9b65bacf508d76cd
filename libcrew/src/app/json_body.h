/* The body of a request as JSON. */
#ifndef CREW_APP_JSON_BODY_H
#define CREW_APP_JSON_BODY_H

#include "app/complaint.h"
#include "app/span.h"
#include <crew/request.h>
#include <stdarg.h>

struct json_t;

/* Zeroed memory: not read. */
struct json_body {
    struct json_t *value;
};

struct json_source {
    struct span content_type; /* zero-terminated */
    bool type_optional;       /* a body without Content-Type is read as JSON, too */
    struct span body;
    const struct crew_request_limits *limits;
    struct complaint *complaint;
};

/* CREW_EBADREQUEST, with a complaint: the Content-Type is another one, or the body is not
 * valid JSON within the limits. CREW_ENOMEM. */
int json_body_read(struct json_body *json, const struct json_source *source);

/* As crew_request_json_unpack, with what json_body_read has read. */
int json_body_unpack(struct json_body *json, struct complaint *complaint,
                     const char *format, va_list args);

/* Free the JSON value. */
void json_body_fini(struct json_body *json);

#endif
