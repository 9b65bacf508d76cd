/* The CGI parameters of a request in the making. */
#ifndef CREW_TEST_PARAMS_H
#define CREW_TEST_PARAMS_H

#include "base/buffer.h"
#include <crew/message.h>

/* Zeroed memory is an empty list. A value may be null: that parameter shall not be there.
 */
struct params {
    struct param {
        char *name, *value;
    } * items;
    size_t count;
};

/* params_set - in the place of all that have this name; params_add - beside them. */
void params_set(struct params *params, const char *name, const char *value);
void params_add(struct params *params, const char *name, const char *value);
void params_remove(struct params *params, const char *name);

/* params_say - whether there is something of this name, be it null. */
bool params_say(const struct params *params, const char *name);

/* params_get - the first value; null, or "", when there is none. */
const char *params_get(const struct params *params, const char *name);
const char *params_or_empty(const struct params *params, const char *name);

/* params_list - as the pairs of a call, for the caller to free; they point into PARAMS.
 */
struct crew_pair *params_list(const struct params *params, size_t *count);

void params_fini(struct params *params);

/* The name of the parameter that carries header field NAME (RFC 3875 §4.1.18), for the
 * caller to free. */
char *params_header_name(const char *name);

#endif
