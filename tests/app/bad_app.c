/* Apps that cannot be loaded, one for each BAD_ macro. */
#include <crew/app.h>

#if defined BAD_NOT_AN_APP

int no_crew_app(void);

CREW_API int no_crew_app(void) {
    return 0;
}

#else

#if defined BAD_ABI
#undef CREW_APP_ABI
#define CREW_APP_ABI 999
#endif

static int handler(crew_request *request, crew_response *response) {
    (void)request;
    return crew_response_text(response, "");
}

static int setup(crew_app *app, void **state) {
    (void)app;
    (void)state;
    return 3;
}

static void teardown(void *state) {
    (void)state;
    __builtin_trap(); /* tear-down must not run without set-up */
}

static void after(crew_request *request, crew_response *response) {
    (void)request;
    (void)response;
}

CREW_APP(app) {
    (void)app;
    (void)after;
#if !defined BAD_EMPTY
    crew_app_task(app, "one", handler);
#endif
#if defined BAD_DUPLICATE
    crew_app_task(app, "one", handler);
#endif
#if defined BAD_CONFLICT
    crew_app_task(app, "http", handler);
    crew_app_route(app, "GET", "/", handler);
#endif
#if defined BAD_PATTERN
    crew_app_route(app, "GET, POST", "/a/:x/:x", handler);
#endif
#if defined BAD_AMBIGUOUS
    crew_app_route(app, "GET", "/users/:id", handler);
    crew_app_route(app, "GET", "/users/:name", handler);
#endif
#if defined BAD_BEFORE
    crew_app_before(app, "/admin/", handler);
#endif
#if defined BAD_AFTER
    crew_app_after(app, "/:a", after);
#endif
#if defined BAD_SETUP
    crew_app_state(app, setup, teardown);
#else
    (void)setup;
    (void)teardown;
    (void)handler;
#endif
#if defined BAD_FAILING
    return 5;
#endif
    return 0;
}

#endif
