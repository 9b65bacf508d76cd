#include "app/form.h"

#include "app/multipart.h"
#include "app/query.h"
#include <string.h>

enum { UPLOADS_KEPT_BYTES = 4096 };

static int too_many_fields(const struct form_source *source) {
    return complaint_set(source->complaint, "the form has more than %zu fields",
                         source->max_fields);
}

/* ---- multipart/form-data ---- */

/* The decoded value of a parameter; null: out of memory. */
static const char *parameter_string(struct arena *arena, struct span value) {
    char *text = arena_text(arena, value.data, value.bytes);
    if (text != NULL)
        text[parameter_text(text, value)] = '\0';
    return text;
}

/* The file name that a client sends may be a path, of its own system or chosen to
 * overwrite a file here. The result contains no '/', '\\' or control character and is not
 * "." or "..". */
static const char *base_name(struct arena *arena, const char *client_name) {
    const char *base = client_name;
    for (const char *at = client_name; *at != '\0'; at++)
        if (*at == '/' || *at == '\\')
            base = at + 1;
    char *name = arena_text(arena, base, strlen(base)), *to = name;
    if (name == NULL)
        return NULL;
    for (const char *at = base; *at != '\0'; at++)
        if ((unsigned char)*at >= ' ' && *at != 0x7f)
            *to++ = *at;
    *to = '\0';
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 ? name : "";
}

static int add_field(struct form *form, const struct form_source *source,
                     const char *name, struct span content) {
    const struct crew_pair pair = {name, strlen(name),
                                   arena_text(source->arena, content.data, content.bytes),
                                   content.bytes};
    return pair.value != NULL && pairs_add(&form->fields, pair) ? CREW_OK : CREW_ENOMEM;
}

static int add_upload(struct form *form, const struct form_source *source,
                      const char *field, const struct multipart_part *part,
                      struct span file_name) {
    struct arena *arena = source->arena;
    struct span type = part->content_type;
    struct crew_upload upload = {.field = field,
                                 .client_name = parameter_string(arena, file_name),
                                 .content_type = arena_text(arena, type.data, type.bytes),
                                 .data = part->content.data,
                                 .bytes = part->content.bytes};
    if (upload.client_name == NULL || upload.content_type == NULL)
        return CREW_ENOMEM;
    if (upload.client_name[0] == '\0' && upload.bytes == 0)
        return CREW_OK; /* the user has chosen no file */
    upload.name = base_name(arena, upload.client_name);
    if (upload.name == NULL)
        return CREW_ENOMEM;
    buffer_append(&form->uploads, &upload, sizeof upload);
    return form->uploads.failed ? CREW_ENOMEM : CREW_OK;
}

/* A part with a file name is an upload. Forms do not use filename* (RFC 7578 §4.2). */
static int add_part(struct form *form, const struct form_source *source,
                    const struct multipart_part *part, size_t number) {
    struct span name, file_name;
    enum parameter_search file =
        parameter_find(part->disposition, "filename", &file_name);
    if (!span_is(parameter_owner(part->disposition), "form-data") ||
        parameter_find(part->disposition, "name", &name) != PARAMETER_FOUND ||
        file == PARAMETER_BROKEN)
        return complaint_set(source->complaint,
                             "part %zu of the form: its Content-Disposition is not "
                             "that of a field with a name",
                             number);
    const char *field = parameter_string(source->arena, name);
    if (field == NULL)
        return CREW_ENOMEM;
    return file == PARAMETER_FOUND ? add_upload(form, source, field, part, file_name)
                                   : add_field(form, source, field, part->content);
}

static int read_multipart(struct form *form, const struct form_source *source) {
    struct multipart multipart;
    struct multipart_part part;
    if (!multipart_begin(&multipart, source->content_type, source->body))
        return complaint_set(source->complaint, "%s", multipart.why);
    for (;;) {
        enum multipart_step step = multipart_next(&multipart, &part);
        if (step == MULTIPART_END)
            return CREW_OK;
        if (step == MULTIPART_BROKEN)
            return complaint_set(source->complaint, "part %zu of the form: %s",
                                 multipart.number, multipart.why);
        if (multipart.number > source->max_fields)
            return too_many_fields(source);
        int error = add_part(form, source, &part, multipart.number);
        if (error != CREW_OK)
            return error;
    }
}

/* ---- reading ---- */

static int read_urlencoded(struct form *form, const struct form_source *source) {
    int error = query_read(&form->fields, source->arena, source->body.data,
                           source->body.bytes, source->max_fields);
    return error == CREW_ETOOLARGE ? too_many_fields(source) : error;
}

static int read_body(struct form *form, const struct form_source *source) {
    struct span type = parameter_owner(source->content_type);
    if (source->body.bytes == 0)
        return CREW_OK;
    if (span_is(type, "application/x-www-form-urlencoded"))
        return read_urlencoded(form, source);
    if (span_is(type, "multipart/form-data"))
        return read_multipart(form, source);
    return complaint_of_type(source->complaint, "a form", source->content_type.data);
}

int form_read(struct form *form, const struct form_source *source) {
    int error = read_body(form, source);
    if (error != CREW_OK)
        form_reset(form);
    return error;
}

const struct crew_upload *form_uploads(const struct form *form, size_t *count) {
    *count = form->uploads.len / sizeof(struct crew_upload);
    return (const struct crew_upload *)(const void *)form->uploads.data;
}

void form_reset(struct form *form) {
    pairs_reset(&form->fields);
    buffer_reset(&form->uploads, UPLOADS_KEPT_BYTES);
}

void form_fini(struct form *form) {
    pairs_fini(&form->fields);
    buffer_fini(&form->uploads);
}
