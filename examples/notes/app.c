/* notes.so - a complete application: notes with search, attached files and an API.
 *
 *     app-worker --task notes build/examples/notes.so DATABASE
 *
 * It works without scripts in the browser, at any path where the web server mounts it,
 * and with any number of handler processes and workers on one host: DATABASE is an SQLite
 * file. This file registers everything. database.c, store.c and session.c are the data,
 * list.c, pages.c and files.c the pages, api.c the API; csrf.c and the header fields
 * below protect against other sites.
 */
#include "app.h"

#include "csrf.h"
#include "layout.h"
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- state ---- */

struct state {
    sqlite3 *database;
    char *style;
};

static void tear_down(void *data) {
    struct state *state = data;
    sqlite3_close(state->database);
    free(state->style);
    free(state);
}

static char *beside(const char *path, const char *name) {
    char *copy = strdup(path), *both = NULL;
    if (copy != NULL && asprintf(&both, "%s/%s", dirname(copy), name) < 0)
        both = NULL;
    free(copy);
    return both;
}

/* Once per handler process: an SQLite connection must not be used after fork. */
static int set_up(crew_app *app, void **data) {
    if (crew_app_argc(app) != 2) {
        fputs("usage: app-worker [options] notes.so DATABASE\n", stderr);
        return 1;
    }
    struct state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return 1;
    state->database = database_open(crew_app_argv(app)[1]);
    state->style = beside(crew_app_argv(app)[0], "notes.css");
    if (state->database == NULL || state->style == NULL) {
        tear_down(state);
        return 1;
    }
    *data = state;
    return 0;
}

sqlite3 *app_database(const crew_request *request) {
    const struct state *state = crew_request_state(request);
    return state->database;
}

const char *app_style(const crew_request *request) {
    const struct state *state = crew_request_state(request);
    return state->style;
}

/* ---- what all answers have in common ---- */

/* Escaping keeps scripts out of the pages. If an escape were missing, the
 * Content-Security-Policy would still prevent the browser from running a script. Private
 * pages are not cached without revalidation, which is cheap with an ETag. */
static void add_fields(crew_request *request, crew_response *response) {
    (void)request;
    crew_response_header(response, "Content-Security-Policy",
                         "default-src 'none'; style-src 'self'; form-action 'self'; "
                         "base-uri 'none'; frame-ancestors 'none'");
    crew_response_header(response, "X-Content-Type-Options", "nosniff");
    crew_response_header(response, "Referrer-Policy", "same-origin");
    crew_response_header(response, "Cache-Control", "private, no-cache");
}

static int style(crew_request *request, crew_response *response) {
    return crew_response_file(request, response, app_style(request));
}

int answer_result(crew_response *response, enum result result) {
    switch (result) {
    case RESULT_OK:
        return 0;
    case RESULT_NONE:
        return crew_response_error(response, 404, "There is no such note.");
    case RESULT_CONFLICT:
        return crew_response_error(response, 409, "The note has been changed meanwhile.");
    case RESULT_FULL:
        return crew_response_error(response, 409,
                                   "That is as much as there may be. Delete "
                                   "something first.");
    case RESULT_FAILED:
        break;
    }
    return -1; /* 500 */
}

/* ---- the app ---- */

/* HTML forms support GET and POST only, so update and delete have paths of their own. */
CREW_APP(app) {
    crew_app_state(app, set_up, tear_down);
    crew_app_before(app, "", csrf_check);
    crew_app_after(app, "", add_fields);
    crew_app_error_page(app, layout_error);

    crew_app_route(app, "GET", "/", page_list);
    crew_app_route(app, "GET", "/new", page_new);
    crew_app_route(app, "POST", "/new", page_create);
    crew_app_route(app, "GET", "/:note", page_show);
    crew_app_route(app, "GET", "/:note/edit", page_edit);
    crew_app_route(app, "POST", "/:note/edit", page_update);
    crew_app_route(app, "POST", "/:note/delete", page_delete);
    crew_app_route(app, "POST", "/:note/files", file_attach);
    crew_app_route(app, "GET", "/:note/files/:file", file_download);
    crew_app_route(app, "POST", "/:note/files/:file/delete", file_remove);
    crew_app_route(app, "GET", "/style.css", style);

    crew_app_route(app, "GET", "/api/session", api_session);
    crew_app_route(app, "GET", "/api/notes", api_list);
    crew_app_route(app, "POST", "/api/notes", api_create);
    crew_app_route(app, "GET", "/api/notes/:note", api_show);
    crew_app_route(app, "PUT", "/api/notes/:note", api_update);
    crew_app_route(app, "DELETE", "/api/notes/:note", api_delete);
    return 0;
}
