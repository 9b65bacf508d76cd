#include "app/json_body.h"

#include "app/parameter.h"
#include "wire/limits.h"
#include <crew/json.h>

/* ---- type ---- */

/* application/json, or a type with the suffix +json (RFC 6839 §3.1). */
static bool type_is_json(struct span type) {
    static const char suffix[] = "+json";
    const size_t suffix_bytes = sizeof suffix - 1;
    if (span_is(type, "application/json"))
        return true;
    return type.bytes > suffix_bytes &&
           span_is(span_of(span_end(type) - suffix_bytes, suffix_bytes), suffix);
}

/* The type is a protection against cross-site requests: a page of another site can make a
 * browser send a body with the user's cookies, but not as JSON without a CORS preflight.
 * A plain call does not come from a browser and need not name its type. */
static int check_type(const struct json_source *source) {
    struct span type = parameter_owner(source->content_type);
    if (type_is_json(type) || (type.bytes == 0 && source->type_optional))
        return CREW_OK;
    return complaint_of_type(source->complaint, "application/json",
                             source->content_type.data);
}

/* ---- size and depth ---- */

static int check_size(const struct json_source *source) {
    size_t max_bytes = source->limits->json_bytes;
    if (max_bytes == 0)
        max_bytes = LIMIT_JSON_BYTES;
    if (source->body.bytes > max_bytes)
        return complaint_set(source->complaint,
                             "the body has more than %zu bytes of JSON", max_bytes);
    if (source->body.bytes == 0)
        return complaint_set(source->complaint, "the body is empty, and no JSON");
    return CREW_OK;
}

/* jansson recurses once per level, so the depth is checked first. In a text that is not
 * valid JSON brackets may mean something else, but only after the place where jansson
 * stops. */
static int check_depth(const struct json_source *source) {
    unsigned max_depth = source->limits->json_depth, depth = 0;
    if (max_depth == 0)
        max_depth = LIMIT_JSON_DEPTH;
    size_t line = 1, column = 0;
    bool in_string = false;
    for (size_t i = 0; i < source->body.bytes; i++) {
        char c = source->body.data[i];
        column += ((unsigned char)c & 0xc0) != 0x80; /* characters of UTF-8 */
        if (c == '\n') {
            line++;
            column = 0;
        } else if (c == '"') {
            in_string = !in_string;
        } else if (in_string) {
            i += c == '\\';
            column += c == '\\';
        } else if (c == ']' || c == '}') {
            depth -= depth > 0;
        } else if ((c == '[' || c == '{') && ++depth > max_depth) {
            return complaint_set(source->complaint,
                                 "line %zu, column %zu: nested more than %u deep", line,
                                 column, max_depth);
        }
    }
    return CREW_OK;
}

/* ---- reading ---- */

static int load_failed(const struct json_source *source, const json_error_t *why) {
    if (why->text[0] == '\0' || json_error_code(why) == json_error_out_of_memory)
        return CREW_ENOMEM;
    bool zero = json_error_code(why) == json_error_null_character;
    return complaint_set(source->complaint, "line %d, column %d: %s", why->line,
                         why->column, zero ? "a string holds a zero byte" : why->text);
}

/* Programs do not agree on the meaning of a repeated name (RFC 8259 §4). */
static int load(struct json_body *json, const struct json_source *source) {
    const size_t flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES;
    json_error_t why = {0};
    json->value = json_loadb(source->body.data, source->body.bytes, flags, &why);
    return json->value != NULL ? CREW_OK : load_failed(source, &why);
}

int json_body_read(struct json_body *json, const struct json_source *source) {
    int error = check_type(source);
    if (error == CREW_OK)
        error = check_size(source);
    if (error == CREW_OK)
        error = check_depth(source);
    return error == CREW_OK ? load(json, source) : error;
}

int json_body_unpack(struct json_body *json, struct complaint *complaint,
                     const char *format, va_list args) {
    json_error_t why;
    if (json_vunpack_ex(json->value, &why, 0, format, args) == 0)
        return CREW_OK;
    switch (json_error_code(&why)) {
    case json_error_wrong_type:
    case json_error_item_not_found:
    case json_error_index_out_of_range:
    case json_error_end_of_input_expected:
        return complaint_set(complaint, "%s", why.text);
    default:
        return CREW_EINVAL;
    }
}

void json_body_fini(struct json_body *json) {
    json_decref(json->value);
    json->value = NULL;
}
