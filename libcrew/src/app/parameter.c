#include "app/parameter.h"

struct span parameter_owner(struct span field) {
    struct span owner, parameters;
    span_split(field, ';', &owner, &parameters);
    return span_trim(owner);
}

static bool is_escape(const char *at, const char *end) {
    return at[0] == '\\' && end - at > 1 && (at[1] == '"' || at[1] == '\\');
}

/* Read the value at the beginning of REST and advance REST. False: there is none. */
static bool take_value(struct span *rest, struct span *value) {
    const char *end = span_end(*rest), *at = rest->data;
    bool quoted = at < end && *at == '"';
    const char *from = quoted ? ++at : at;
    if (quoted)
        while (at < end && *at != '"')
            at += is_escape(at, end) ? 2 : 1;
    else
        while (at < end && strchr(" \t;\"", *at) == NULL)
            at++;
    *value = span_between(from, at);
    if (quoted ? at == end : at == from)
        return false;
    *rest = span_between(at + quoted, end);
    return true;
}

/* Read the first parameter of REST, which begins after its ';'. */
static bool take_parameter(struct span *rest, struct span *name, struct span *value) {
    struct span behind;
    if (!span_split(*rest, '=', name, &behind) || !take_value(&behind, value))
        return false;
    *rest = span_trim(behind);
    return rest->bytes == 0 || rest->data[0] == ';';
}

enum parameter_search parameter_find(struct span field, const char *name,
                                     struct span *found) {
    enum parameter_search search = PARAMETER_ABSENT;
    struct span owner, rest, one, value;
    for (span_split(field, ';', &owner, &rest); rest.bytes > 0;) {
        if (rest.data[0] == ';' || rest.data[0] == ' ' || rest.data[0] == '\t') {
            rest = span_of(rest.data + 1, rest.bytes - 1);
            continue;
        }
        if (!take_parameter(&rest, &one, &value))
            return PARAMETER_BROKEN;
        if (!span_is(one, name))
            continue;
        if (search == PARAMETER_FOUND)
            return PARAMETER_BROKEN;
        search = PARAMETER_FOUND;
        *found = value;
    }
    return search;
}

/* The character that is escaped at AT in a quoted value; 0: none. */
static char escaped(const char *at, const char *end, size_t *bytes) {
    static const struct {
        const char *text;
        char meant;
    } escapes[] = {
        {"\\\"", '"'}, {"\\\\", '\\'}, {"%22", '"'}, {"%0D", '\r'}, {"%0A", '\n'}};
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
        *bytes = strlen(escapes[i].text);
        if ((size_t)(end - at) >= *bytes && memcmp(at, escapes[i].text, *bytes) == 0)
            return escapes[i].meant;
    }
    *bytes = 1;
    return '\0';
}

size_t parameter_text(char *to, struct span value) {
    const char *end = span_end(value);
    size_t made = 0, bytes;
    for (const char *at = value.data; at < end; at += bytes) {
        char meant = escaped(at, end, &bytes);
        to[made++] = meant != '\0' ? meant : *at;
    }
    return made;
}
