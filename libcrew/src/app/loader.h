/* Loads the .so of an app, finds its entry point and checks its ABI. */
#ifndef CREW_APP_LOADER_H
#define CREW_APP_LOADER_H

#include <crew/app.h>

struct loader {
    void *library; /* of dlopen, or null */
    int (*init)(crew_app *app);
};

/* CREW_EINVAL: the file does not exist, is incomplete, is not a shared object or crew
 * app, or has another ABI. WHY gets the reason in one line. */
int loader_open(struct loader *loader, const char *path, char *why, size_t why_bytes);

/* Does nothing if nothing was loaded. */
void loader_close(struct loader *loader);

#endif
