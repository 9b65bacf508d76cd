/* Preconditions and their lists of entity tags. */
#include "app/conditional.h"

#include "wire/http_date.h"
#include <stddef.h>
#include <string.h>

/* ---- entity tags (RFC 9110 §8.8.3) ---- */

struct entity_tag {
    bool weak;
    const char *opaque; /* with its quotes */
    size_t bytes;
};

static bool take_tag(const char **text, struct entity_tag *tag) {
    const char *at = *text;
    tag->weak = strncmp(at, "W/", 2) == 0;
    tag->opaque = at += tag->weak ? 2 : 0;
    if (*at != '"')
        return false;
    do
        at++;
    while (*at == 0x21 || ((unsigned char)*at >= 0x23 && *at != 0x7f));
    if (*at != '"')
        return false;
    tag->bytes = (size_t)(++at - tag->opaque);
    *text = at;
    return true;
}

/* Strong comparison: equal, and the tag is not weak. Weak comparison: equal (§8.8.3.2).
 * The current tag is never weak. */
static bool is_current(const struct entity_tag *tag, const char *etag, bool strong) {
    return etag != NULL && !(strong && tag->weak) && strlen(etag) == tag->bytes &&
           memcmp(etag, tag->opaque, tag->bytes) == 0;
}

/* True when the list contains the current representation, or is "*" and there is one. An
 * invalid list contains nothing. */
static bool list_names(const char *list, const struct validators *current, bool strong) {
    list += strspn(list, " \t");
    if (list[0] == '*' && list[1 + strspn(list + 1, " \t")] == '\0')
        return current->etag != NULL || current->modified_s != 0;
    bool found = false;
    for (;;) {
        struct entity_tag tag;
        list += strspn(list, " \t,"); /* elements may be empty (§5.6.1.2) */
        if (*list == '\0')
            return found;
        if (!take_tag(&list, &tag))
            return false;
        found = found || is_current(&tag, current->etag, strong);
        list += strspn(list, " \t");
        if (*list != ',' && *list != '\0')
            return false;
    }
}

/* ---- the order of §13.2.2 ---- */

/* An invalid date is ignored (§13.1.3, §13.1.4), as is any date if the time of the last
 * change is unknown. */
static bool has_date(const char *field, const struct validators *current,
                     int64_t *date_s) {
    return field != NULL && current->modified_s != 0 &&
           http_date_read(field, current->now_s, date_s);
}

static bool lost_update(const struct preconditions *p, const struct validators *current) {
    int64_t since_s;
    if (p->if_match != NULL)
        return !list_names(p->if_match, current, true);
    return has_date(p->if_unmodified_since, current, &since_s) &&
           current->modified_s > since_s;
}

static bool is_known(const struct preconditions *p, const struct validators *current) {
    int64_t since_s;
    if (p->if_none_match != NULL)
        return list_names(p->if_none_match, current, false);
    return p->reads && has_date(p->if_modified_since, current, &since_s) &&
           current->modified_s <= since_s;
}

int conditional_status(const struct preconditions *preconditions,
                       const struct validators *current) {
    if (lost_update(preconditions, current))
        return 412;
    if (is_known(preconditions, current))
        return preconditions->reads ? 304 : 412;
    return 0;
}

/* A date must be equal to Last-Modified. It does not distinguish two versions of the same
 * second; an entity tag does. */
bool conditional_range_holds(const char *if_range, const struct validators *current) {
    struct entity_tag tag;
    int64_t date_s;
    if (if_range == NULL)
        return true;
    if (take_tag(&if_range, &tag))
        return *if_range == '\0' && is_current(&tag, current->etag, true);
    return has_date(if_range, current, &date_s) && date_s == current->modified_s;
}
