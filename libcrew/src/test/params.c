#include "test/params.h"

#include "base/xalloc.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void param_fini(struct param *param) {
    free(param->name);
    free(param->value);
}

void params_remove(struct params *params, const char *name) {
    size_t kept = 0;
    for (size_t i = 0; i < params->count; i++)
        if (strcmp(params->items[i].name, name) == 0)
            param_fini(&params->items[i]);
        else
            params->items[kept++] = params->items[i];
    params->count = kept;
}

void params_add(struct params *params, const char *name, const char *value) {
    params->items = xreallocarray(params->items, params->count + 1, sizeof(struct param));
    params->items[params->count++] = (struct param){xstrdup(name), xstrdup(value)};
}

void params_set(struct params *params, const char *name, const char *value) {
    params_remove(params, name);
    params_add(params, name, value);
}

void params_set_all(struct params *params, const struct params *from) {
    for (size_t i = 0; i < from->count; i++)
        params_set(params, from->items[i].name, from->items[i].value);
}

static const struct param *find(const struct params *params, const char *name) {
    for (size_t i = 0; i < params->count; i++)
        if (strcmp(params->items[i].name, name) == 0)
            return &params->items[i];
    return NULL;
}

bool params_has(const struct params *params, const char *name) {
    return find(params, name) != NULL;
}

const char *params_or_empty(const struct params *params, const char *name) {
    const struct param *param = find(params, name);
    return param != NULL && param->value != NULL ? param->value : "";
}

struct crew_pair *params_list(const struct params *params, size_t *count) {
    struct crew_pair *pairs = xreallocarray(NULL, params->count, sizeof *pairs);
    *count = 0;
    for (size_t i = 0; i < params->count; i++) {
        const struct param *param = &params->items[i];
        if (param->value != NULL)
            pairs[(*count)++] = (struct crew_pair){param->name, strlen(param->name),
                                                   param->value, strlen(param->value)};
    }
    return pairs;
}

void params_fini(struct params *params) {
    for (size_t i = 0; i < params->count; i++)
        param_fini(&params->items[i]);
    free(params->items);
    *params = (struct params){0};
}

/* The name of the parameter that carries header field NAME (RFC 3875 §4.1.18). */
static char *header_param(const char *name) {
    static const char prefix[] = "HTTP_";
    char *param = xcalloc(1, sizeof prefix + strlen(name));
    char *at = stpcpy(param, prefix);
    for (; *name != '\0'; name++)
        *at++ = (char)(*name == '-' ? '_' : toupper((unsigned char)*name));
    return param;
}

void params_remove_header(struct params *params, const char *name) {
    char *param = header_param(name);
    params_remove(params, param);
    free(param);
}

void params_add_header(struct params *params, const char *name, const char *value) {
    char *param = header_param(name);
    params_add(params, param, value);
    free(param);
}
