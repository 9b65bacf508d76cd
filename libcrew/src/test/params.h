/* CGI parameters: an ordered list of names and values. */
#ifndef CREW_TEST_PARAMS_H
#define CREW_TEST_PARAMS_H

#include <crew/message.h>
#include <stdbool.h>

/* Zeroed memory is an empty list. A null value means that the parameter is not sent. */
struct params {
    struct param {
        char *name, *value;
    } * items;
    size_t count;
};

/* Replace all parameters of this name. */
void params_set(struct params *params, const char *name, const char *value);

/* Append one, whether or not there are others of this name. */
void params_add(struct params *params, const char *name, const char *value);
void params_remove(struct params *params, const char *name);

/* params_set for each parameter of FROM. */
void params_set_all(struct params *params, const struct params *from);

/* The same as add and remove, for the parameter that carries a header field. */
void params_add_header(struct params *params, const char *name, const char *value);
void params_remove_header(struct params *params, const char *name);

/* True when there is a parameter of this name, even with a null value. */
bool params_has(const struct params *params, const char *name);

/* The first value; "" when there is none. */
const char *params_or_empty(const struct params *params, const char *name);

/* The list as the pairs of a call. The caller frees the array; texts are those of
 * PARAMS. */
struct crew_pair *params_list(const struct params *params, size_t *count);

void params_fini(struct params *params);

#endif
