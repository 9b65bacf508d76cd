#include "app/multipart.h"

#include "wire/http_fields.h"

static const char CRLF[] = "\r\n";
enum { CRLF_BYTES = 2 };

/* ---- boundaries ---- */

/* bchars of RFC 2046 §5.1.1. */
static bool boundary_is_valid(struct span boundary) {
    static const char others[] = "'()+_,-./:=? ";
    for (size_t i = 0; i < boundary.bytes; i++) {
        char c = boundary.data[i];
        bool alphanumeric =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alphanumeric && (c == '\0' || strchr(others, c) == NULL))
            return false;
    }
    return boundary.bytes > 0 && boundary.bytes <= MULTIPART_BOUNDARY_BYTES &&
           boundary.data[boundary.bytes - 1] != ' ';
}

/* The next delimiter: a line that begins with the boundary, with the CRLF before it. */
static const char *find_delimiter(const struct multipart *multipart, struct span in) {
    return memmem(in.data, in.bytes, multipart->delimiter, multipart->delimiter_bytes);
}

/* Continue at AT, after a delimiter. */
static void continue_at(struct multipart *multipart, const char *at) {
    multipart->rest = span_between(at, span_end(multipart->rest));
}

/* The text before the first boundary is ignored. */
static bool skip_preamble(struct multipart *multipart) {
    struct span body = multipart->rest;
    size_t bytes = multipart->delimiter_bytes - CRLF_BYTES;
    if (body.bytes >= bytes &&
        memcmp(body.data, multipart->delimiter + CRLF_BYTES, bytes) == 0) {
        continue_at(multipart, body.data + bytes);
        return true;
    }
    const char *found = find_delimiter(multipart, body);
    if (found != NULL)
        continue_at(multipart, found + multipart->delimiter_bytes);
    return found != NULL;
}

bool multipart_begin(struct multipart *multipart, struct span content_type,
                     struct span body) {
    struct span boundary;
    *multipart = (struct multipart){.rest = body, .delimiter = "\r\n--"};
    if (parameter_find(content_type, "boundary", &boundary) != PARAMETER_FOUND ||
        !boundary_is_valid(boundary)) {
        multipart->why = "Content-Type has no boundary, or not a sound one";
        return false;
    }
    memcpy(multipart->delimiter + 4, boundary.data, boundary.bytes);
    multipart->delimiter_bytes = 4 + boundary.bytes;
    if (!skip_preamble(multipart)) {
        multipart->why = "the boundary that Content-Type names is not in the body";
        return false;
    }
    return true;
}

static enum multipart_step broken(struct multipart *multipart, const char *why) {
    multipart->why = why;
    return MULTIPART_BROKEN;
}

/* Read the rest of a boundary line: two hyphens for the last boundary, spaces, CRLF. */
static enum multipart_step end_boundary_line(struct multipart *multipart) {
    struct span rest = multipart->rest;
    bool last = rest.bytes >= 2 && memcmp(rest.data, "--", 2) == 0;
    if (last)
        rest = span_of(rest.data + 2, rest.bytes - 2);
    while (rest.bytes > 0 && (rest.data[0] == ' ' || rest.data[0] == '\t'))
        rest = span_of(rest.data + 1, rest.bytes - 1);
    bool ends = rest.bytes >= CRLF_BYTES && memcmp(rest.data, CRLF, CRLF_BYTES) == 0;
    if (last)
        return ends || rest.bytes == 0
                   ? MULTIPART_END
                   : broken(multipart, "the last boundary has more behind it");
    if (!ends)
        return broken(multipart, "a boundary has more behind it");
    multipart->rest = rest;
    return MULTIPART_PART;
}

/* ---- a part ---- */

/* Encodings that do not change the content. RFC 7578 §4.7 deprecates the others. */
static bool encoding_is_none(struct span value) {
    return span_is(value, "7bit") || span_is(value, "8bit") || span_is(value, "binary");
}

/* Read a header field of a part; unknown ones are ignored. Returns what is wrong; null:
 * nothing. */
static const char *read_field(struct multipart_part *part, struct span name,
                              struct span value) {
    if (span_is(name, "Content-Transfer-Encoding") && !encoding_is_none(value))
        return "it has a Content-Transfer-Encoding";
    struct span *field = span_is(name, "Content-Disposition") ? &part->disposition
                         : span_is(name, "Content-Type")      ? &part->content_type
                                                              : NULL;
    if (field == NULL)
        return NULL;
    if (field->data != NULL)
        return "it has a header field twice";
    *field = value;
    return NULL;
}

static const char *read_line(struct multipart_part *part, struct span line) {
    struct span name, value;
    if (!span_split(line, ':', &name, &value) ||
        !http_field_name_valid(name.data, name.bytes) ||
        !http_field_value_valid(value.data, value.bytes))
        return "it has a line in its header that is no field";
    return read_field(part, name, span_trim(value));
}

/* Read the header of PART; the rest is its content. The empty line after the header may
 * be missing when there is no content (RFC 2046 §5.1.1, body-part). */
static const char *read_part(struct multipart_part *part, struct span text) {
    const char *begin = text.data, *end = span_end(text), *at = begin;
    while (at < end) {
        const char *line_end = memmem(at, (size_t)(end - at), CRLF, CRLF_BYTES);
        if (line_end == NULL)
            return "its header has no end";
        struct span line = span_between(at, line_end);
        at = line_end + CRLF_BYTES;
        if (at - begin > LIMIT_PART_HEAD_BYTES)
            return "its header is too large";
        if (line.bytes == 0)
            break;
        const char *why = read_line(part, line);
        if (why != NULL)
            return why;
    }
    part->content = span_between(at, end);
    if (part->content_type.data == NULL)
        part->content_type = span_of("", 0);
    return part->disposition.data == NULL ? "it has no Content-Disposition" : NULL;
}

enum multipart_step multipart_next(struct multipart *multipart,
                                   struct multipart_part *part) {
    multipart->number++;
    enum multipart_step step = end_boundary_line(multipart);
    if (step != MULTIPART_PART)
        return step;
    /* The end of the boundary line may be the beginning of the next delimiter. */
    struct span rest = multipart->rest;
    const char *end = find_delimiter(multipart, rest);
    if (end == NULL)
        return broken(multipart, "it is not ended by a boundary");
    if (end == rest.data)
        return broken(multipart, "it is empty");
    *part = (struct multipart_part){0};
    const char *why = read_part(part, span_between(rest.data + CRLF_BYTES, end));
    if (why != NULL)
        return broken(multipart, why);
    continue_at(multipart, end + multipart->delimiter_bytes);
    return MULTIPART_PART;
}
