/* The body as a form. */
#include "app/request.h"

#include "app/multipart.h"
#include "app/query.h"
#include <string.h>

enum { UPLOADS_KEPT_BYTES = 4096 };

static size_t most_fields(const struct crew_request *request) {
    size_t wanted = request->limits.form_fields;
    return wanted != 0 ? wanted : LIMIT_FORM_FIELDS;
}

static int too_many_fields(struct crew_request *request) {
    return request_complain(request, "the form has more than %zu fields",
                            most_fields(request));
}

/* ---- multipart/form-data ---- */

/* What a parameter stands for, as a string; null when memory is out. */
static const char *name_text(struct pool *pool, struct span value) {
    char *text = pool_text(pool, value.data, value.bytes);
    if (text != NULL)
        text[parameter_text(text, value)] = '\0';
    return text;
}

/* A client's name for a file may be a path, of its own system or made up to write over
 * something of ours: what is left can be no more than the name of a file. */
static const char *base_name(struct pool *pool, const char *client_name) {
    const char *base = client_name;
    for (const char *at = client_name; *at != '\0'; at++)
        if (*at == '/' || *at == '\\')
            base = at + 1;
    char *name = pool_text(pool, base, strlen(base)), *to = name;
    if (name == NULL)
        return NULL;
    for (const char *at = base; *at != '\0'; at++)
        if ((unsigned char)*at >= ' ' && *at != 0x7f)
            *to++ = *at;
    *to = '\0';
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 ? name : "";
}

static int add_field(struct crew_request *request, const char *name,
                     struct span content) {
    const struct crew_pair pair = {name, strlen(name),
                                   pool_text(&request->pool, content.data, content.bytes),
                                   content.bytes};
    return pair.value != NULL && pairs_add(&request->form_pairs, pair) ? CREW_OK
                                                                       : CREW_ENOMEM;
}

static int add_upload(struct crew_request *request, const char *field,
                      const struct multipart_part *part, struct span file_name) {
    struct pool *pool = &request->pool;
    struct span type = part->content_type;
    struct crew_upload upload = {.field = field,
                                 .client_name = name_text(pool, file_name),
                                 .content_type = pool_text(pool, type.data, type.bytes),
                                 .data = part->content.data,
                                 .bytes = part->content.bytes};
    if (upload.client_name == NULL || upload.content_type == NULL)
        return CREW_ENOMEM;
    if (upload.client_name[0] == '\0' && upload.bytes == 0)
        return CREW_OK; /* no file was chosen */
    upload.name = base_name(pool, upload.client_name);
    if (upload.name == NULL)
        return CREW_ENOMEM;
    buffer_append(&request->uploads, &upload, sizeof upload);
    return request->uploads.failed ? CREW_ENOMEM : CREW_OK;
}

/* A part with the name of a file is one. filename* is not for forms (RFC 7578 §4.2). */
static int take_part(struct crew_request *request, const struct multipart_part *part,
                     size_t number) {
    struct span name, file_name;
    enum parameter_search file =
        parameter_find(part->disposition, "filename", &file_name);
    if (!span_is(parameter_owner(part->disposition), "form-data") ||
        parameter_find(part->disposition, "name", &name) != PARAMETER_FOUND ||
        file == PARAMETER_BROKEN)
        return request_complain(request,
                                "part %zu of the form: its Content-Disposition is not "
                                "that of a field with a name",
                                number);
    const char *field = name_text(&request->pool, name);
    if (field == NULL)
        return CREW_ENOMEM;
    return file == PARAMETER_FOUND ? add_upload(request, field, part, file_name)
                                   : add_field(request, field, part->content);
}

static int read_multipart(struct crew_request *request) {
    struct multipart multipart;
    struct multipart_part part;
    struct span type = span_of(request->content_type, strlen(request->content_type));
    struct span body = span_of(request->body, request->body_bytes);
    if (!multipart_begin(&multipart, type, body))
        return request_complain(request, "%s", multipart.why);
    for (;;) {
        enum multipart_step step = multipart_next(&multipart, &part);
        if (step == MULTIPART_END)
            return CREW_OK;
        if (step == MULTIPART_BROKEN)
            return request_complain(request, "part %zu of the form: %s", multipart.number,
                                    multipart.why);
        if (multipart.number > most_fields(request))
            return too_many_fields(request);
        int error = take_part(request, &part, multipart.number);
        if (error != CREW_OK)
            return error;
    }
}

/* ---- reading ---- */

static int read_urlencoded(struct crew_request *request) {
    int error = query_read(&request->form_pairs, &request->pool, request->body,
                           request->body_bytes, most_fields(request));
    return error == CREW_ETOOLARGE ? too_many_fields(request) : error;
}

static int read_body(struct crew_request *request) {
    struct span type = request_media_type(request);
    if (request->body_bytes == 0)
        return CREW_OK;
    if (span_is(type, "application/x-www-form-urlencoded"))
        return read_urlencoded(request);
    if (span_is(type, "multipart/form-data"))
        return read_multipart(request);
    return request_complain_of_type(request, "a form");
}

static void forget_fields(struct crew_request *request) {
    pairs_reset(&request->form_pairs);
    buffer_reset(&request->uploads, UPLOADS_KEPT_BYTES);
}

int crew_request_read_form(crew_request *request) {
    if (request->form.done)
        return reading_again(request, &request->form);
    int error = read_body(request);
    if (error != CREW_OK)
        forget_fields(request);
    return reading_end(request, &request->form, error);
}

void request_forget_form(struct crew_request *request) {
    forget_fields(request);
    request->form = (struct reading){0};
    request_close_files(request);
}

/* ---- what handlers ask for ---- */

static const struct pairs *form_pairs(crew_request *request) {
    crew_request_read_form(request);
    return &request->form_pairs;
}

const char *crew_request_form_value(crew_request *request, const char *key) {
    return pairs_value(form_pairs(request), key);
}

long crew_request_form_number(crew_request *request, const char *key, long min, long max,
                              long fallback) {
    return pairs_number(form_pairs(request), key, min, max, fallback);
}

const char *const *crew_request_form_values(crew_request *request, const char *key,
                                            size_t *count) {
    return pairs_values(form_pairs(request), key, &request->pool, count);
}

const struct crew_pair *crew_request_form_pairs(crew_request *request, size_t *count) {
    return pairs_all(form_pairs(request), count);
}

const struct crew_upload *crew_request_uploads(crew_request *request, size_t *count) {
    crew_request_read_form(request);
    *count = request->uploads.len / sizeof(struct crew_upload);
    return (const struct crew_upload *)(const void *)request->uploads.data;
}

const struct crew_upload *crew_request_upload(crew_request *request, const char *field) {
    size_t count;
    const struct crew_upload *uploads = crew_request_uploads(request, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(uploads[i].field, field) == 0)
            return &uploads[i];
    return NULL;
}

void crew_request_set_limits(crew_request *request,
                             const struct crew_request_limits *limits) {
    request->limits = *limits;
}
