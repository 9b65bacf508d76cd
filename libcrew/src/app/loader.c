/* The .so of an app. */
#include "app/loader.h"

#include "base/memory.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A name without a slash is a file in this folder; dlopen(3) would search the system's.
 */
static void *open_library(const char *path) {
    if (strchr(path, '/') != NULL)
        return dlopen(path, RTLD_NOW | RTLD_LOCAL);
    size_t bytes = strlen(path) + sizeof "./";
    char *here = memory_zeroed(bytes);
    snprintf(here, bytes, "./%s", path);
    void *library = dlopen(here, RTLD_NOW | RTLD_LOCAL);
    free(here);
    return library;
}

static int find_entry(struct loader *loader, const char *path, char *why,
                      size_t why_bytes) {
    const unsigned *abi = dlsym(loader->library, "crew_app_abi");
    /* ISO C has no cast from an object to a function; POSIX asks for this one (dlsym). */
    *(void **)&loader->init = dlsym(loader->library, "crew_app_init");
    if (abi == NULL || loader->init == NULL) {
        snprintf(why, why_bytes, "%s is not a crew app: it has no CREW_APP", path);
        return CREW_EINVAL;
    }
    if (*abi != CREW_APP_ABI) {
        snprintf(why, why_bytes, "%s is built for app ABI %u, this is ABI %u", path, *abi,
                 CREW_APP_ABI);
        return CREW_EINVAL;
    }
    return CREW_OK;
}

int loader_open(struct loader *loader, const char *path, char *why, size_t why_bytes) {
    *loader = (struct loader){.library = open_library(path)};
    if (loader->library == NULL) {
        snprintf(why, why_bytes, "cannot load %s: %s", path, dlerror());
        why[strcspn(why, "\n")] = '\0';
        return CREW_EINVAL;
    }
    int error = find_entry(loader, path, why, why_bytes);
    if (error != CREW_OK)
        loader_close(loader);
    return error;
}

void loader_close(struct loader *loader) {
    if (loader->library != NULL)
        dlclose(loader->library);
    *loader = (struct loader){0};
}
