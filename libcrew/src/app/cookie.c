#include "app/cookie.h"

#include "app/span.h"

static bool add_cookie(struct pairs *to, struct arena *arena, struct span name,
                       struct span value) {
    if (value.bytes >= 2 && value.data[0] == '"' && value.data[value.bytes - 1] == '"')
        value = span_of(value.data + 1, value.bytes - 2);
    const struct crew_pair pair = {arena_text(arena, name.data, name.bytes), name.bytes,
                                   arena_text(arena, value.data, value.bytes),
                                   value.bytes};
    return pair.name != NULL && pair.value != NULL && pairs_add(to, pair);
}

int cookie_read(struct pairs *to, struct arena *arena, const char *field, size_t bytes) {
    struct span rest = span_of(field, bytes), cookie, name, value;
    while (rest.bytes > 0) {
        span_split(rest, ';', &cookie, &rest);
        bool has_value = span_split(cookie, '=', &name, &value);
        name = span_trim(name);
        if (has_value && name.bytes > 0 && !add_cookie(to, arena, name, span_trim(value)))
            return CREW_ENOMEM;
    }
    return CREW_OK;
}
