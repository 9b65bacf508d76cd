/* The .so of an app: finding its entry point and checking its ABI. */
#ifndef CREW_APP_LOADER_H
#define CREW_APP_LOADER_H

#include <crew/app.h>

struct loader {
    void *library; /* of dlopen, or null */
    int (*init)(crew_app *app);
};

/* loader_open - CREW_EINVAL: not there, cut short, not a shared object, not a crew app,
 * or of another ABI; WHY says which, in one line. */
int loader_open(struct loader *loader, const char *path, char *why, size_t why_bytes);

/* loader_close - fine for one that was never opened. */
void loader_close(struct loader *loader);

#endif
