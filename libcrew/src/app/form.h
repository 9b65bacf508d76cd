/* The body of a request as a form: application/x-www-form-urlencoded or
 * multipart/form-data. */
#ifndef CREW_APP_FORM_H
#define CREW_APP_FORM_H

#include "app/arena.h"
#include "app/complaint.h"
#include "app/pairs.h"
#include "app/span.h"
#include "base/buffer.h"
#include <crew/request.h>

/* Zeroed memory is an empty form. */
struct form {
    struct pairs fields;
    struct buffer uploads; /* of struct crew_upload */
};

struct form_source {
    struct span content_type; /* zero-terminated */
    struct span body;         /* uploads are views of it */
    size_t max_fields;        /* uploads count as fields */
    struct arena *arena;
    struct complaint *complaint;
};

/* Read the form. On an error it is empty. CREW_EBADREQUEST, with a complaint: the body is
 * not a valid form. CREW_ENOMEM. An empty body is an empty form. */
int form_read(struct form *form, const struct form_source *source);

const struct crew_upload *form_uploads(const struct form *form, size_t *count);

/* Remove all fields and uploads. Some memory is kept for the next request. */
void form_reset(struct form *form);
void form_fini(struct form *form);

#endif
