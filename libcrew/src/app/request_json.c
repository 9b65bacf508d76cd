/* The body as JSON. */
#include "app/request.h"

#include "wire/limits.h"
#include <crew/json.h>

/* ---- its type ---- */

/* application/json, or anything that says "+json" (RFC 6839 §3.1). */
static bool type_is_json(struct span type) {
    static const char suffix[] = "+json";
    const size_t suffix_bytes = sizeof suffix - 1;
    if (span_is(type, "application/json"))
        return true;
    return type.bytes > suffix_bytes &&
           span_is(span_of(span_end(type) - suffix_bytes, suffix_bytes), suffix);
}

/* The type is more than a formality: a page elsewhere can make a browser send anything
 * with the user's cookies, but nothing that is called JSON without being asked about it
 * first (the CORS preflight). A plain call comes from no browser, and need not name its
 * type. */
static int check_type(struct crew_request *request) {
    struct span type = request_media_type(request);
    if (type_is_json(type) || (type.bytes == 0 && request->kind == CREW_PLAIN))
        return CREW_OK;
    return request_complain_of_type(request, "application/json");
}

/* ---- its size and depth ---- */

static int check_size(struct crew_request *request) {
    size_t most = request->limits.json_bytes;
    if (most == 0)
        most = LIMIT_JSON_BYTES;
    if (request->body_bytes > most)
        return request_complain(request, "the body has more than %zu bytes of JSON",
                                most);
    if (request->body_bytes == 0)
        return request_complain(request, "the body is empty, and no JSON");
    return CREW_OK;
}

/* jansson calls itself for each level, so how deep it goes is seen before. In a text that
 * is no JSON the brackets may mean something else, but only behind the place where
 * jansson ends. */
static int check_depth(struct crew_request *request) {
    unsigned most = request->limits.json_depth, depth = 0;
    if (most == 0)
        most = LIMIT_JSON_DEPTH;
    size_t line = 1, column = 0;
    bool in_string = false;
    for (size_t i = 0; i < request->body_bytes; i++) {
        char c = request->body[i];
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
        } else if ((c == '[' || c == '{') && ++depth > most) {
            return request_complain(request,
                                    "line %zu, column %zu: nested more than %u deep",
                                    line, column, most);
        }
    }
    return CREW_OK;
}

/* ---- reading ---- */

static int complain_of(struct crew_request *request, const json_error_t *why) {
    if (why->text[0] == '\0' || json_error_code(why) == json_error_out_of_memory)
        return CREW_ENOMEM;
    bool zero = json_error_code(why) == json_error_null_character;
    return request_complain(request, "line %d, column %d: %s", why->line, why->column,
                            zero ? "a string holds a zero byte" : why->text);
}

/* A name that is there twice would mean one thing here and another to the next program
 * (RFC 8259 §4). */
static int load(struct crew_request *request) {
    const size_t flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES;
    json_error_t why = {0};
    request->json_value = json_loadb(request->body, request->body_bytes, flags, &why);
    return request->json_value != NULL ? CREW_OK : complain_of(request, &why);
}

static int read_json(struct crew_request *request) {
    int error = check_type(request);
    if (error == CREW_OK)
        error = check_size(request);
    if (error == CREW_OK)
        error = check_depth(request);
    return error == CREW_OK ? load(request) : error;
}

int crew_request_json(crew_request *request, json_t **json) {
    int error = request->json.done
                    ? reading_again(request, &request->json)
                    : reading_end(request, &request->json, read_json(request));
    if (error == CREW_OK)
        *json = request->json_value;
    return error;
}

int crew_request_json_unpack(crew_request *request, const char *format, ...) {
    json_t *json;
    int error = crew_request_json(request, &json);
    if (error != CREW_OK)
        return error;
    json_error_t why;
    va_list args;
    va_start(args, format);
    int unpacked = json_vunpack_ex(json, &why, 0, format, args);
    va_end(args);
    if (unpacked == 0)
        return CREW_OK;
    switch (json_error_code(&why)) {
    case json_error_wrong_type:
    case json_error_item_not_found:
    case json_error_index_out_of_range:
    case json_error_end_of_input_expected:
        return request_complain(request, "%s", why.text);
    default:
        return CREW_EINVAL;
    }
}

void request_forget_json(struct crew_request *request) {
    json_decref(request->json_value);
    request->json_value = NULL;
    request->json = (struct reading){0};
}
