/* An app with many tasks, all alike: many.so PREFIX COUNT serves PREFIX0, PREFIX1, ... */
#include <crew/app.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_BYTES 64

static int reply(crew_request *request, crew_response *response) {
    return crew_response_text(response, crew_request_task(request));
}

CREW_APP(app) {
    char name[NAME_BYTES];
    if (crew_app_argc(app) != 3)
        return 1;
    unsigned long count = strtoul(crew_app_argv(app)[2], NULL, 10);
    for (unsigned long i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s%lu", crew_app_argv(app)[1], i);
        crew_app_task(app, name, reply);
    }
    return 0;
}
