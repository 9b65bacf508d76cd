/* The API for programs, in JSON. A program has a session, too: GET /api/session returns
 * the cookie, and the secret that requests which change something send in X-CSRF-Token
 * (csrf.h). A form of another site can send neither that field nor a body of type
 * application/json, which crew requires for JSON. */
#include "app.h"
#include "draft.h"
#include "session.h"
#include "store.h"

#include <crew/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { NOTES_A_PAGE = 50 };

int api_session(crew_request *request, crew_response *response) {
    const struct session *session = session_need(request, response);
    if (session == NULL)
        return answer_result(response, RESULT_FAILED);
    return crew_response_json_new(response, json_pack("{s:s}", "csrf", session->csrf));
}

static json_t *json_of(const struct note *note) {
    return json_pack("{s:I, s:s, s:s, s:I, s:I}", "id", (json_int_t)note->id, "title",
                     note->title, "text", note->text, "version",
                     (json_int_t)note->version, "changed", (json_int_t)note->changed);
}

static void add_to_list(void *arg, const struct note *note) {
    json_array_append_new(arg, json_of(note));
}

int api_list(crew_request *request, crew_response *response) {
    const char *words = crew_request_query_value(request, "q");
    long page = crew_request_query_number(request, "page", 1, NOTES_MOST, 1);
    json_t *notes = json_array();
    enum result result =
        store_list(app_database(request), session_number(request, response),
                   words != NULL ? words : "", (page - 1) * NOTES_A_PAGE, NOTES_A_PAGE,
                   add_to_list, notes);
    if (result == RESULT_OK)
        return crew_response_json_new(response, json_pack("{s:o}", "notes", notes));
    json_decref(notes);
    return answer_result(response, result);
}

static enum result find_note(crew_request *request, crew_response *response,
                             struct note *note) {
    return store_find(app_database(request), session_number(request, response),
                      crew_request_path_number(request, "note", 1, LONG_MAX, 0), note);
}

/* Answer with the note as it is in the database now. */
static int answer_note(crew_request *request, crew_response *response, int status,
                       long id) {
    struct note note;
    enum result result =
        store_find(app_database(request), session_number(request, response), id, &note);
    if (result != RESULT_OK)
        return answer_result(response, result);
    crew_response_status(response, status);
    int error = crew_response_json_new(response, json_of(&note));
    note_fini(&note);
    return error;
}

/* Answer with the problem of each member. */
static int answer_problems(crew_response *response, const struct draft *draft) {
    crew_response_status(response, 422);
    return crew_response_json_new(
        response, json_pack("{s:i, s:s, s:{s:s*, s:s*}}", "status", 422, "error",
                            "The note is not acceptable.", "problems", "title",
                            draft->title_problem, "text", draft->text_problem));
}

int api_create(crew_request *request, crew_response *response) {
    struct draft draft = {0};
    int error = crew_request_json_unpack(request, "{s:s, s:s}", "title", &draft.title,
                                         "text", &draft.text);
    if (error != 0)
        return error;
    if (!draft_check(&draft))
        return answer_problems(response, &draft);
    long id;
    enum result result =
        store_create(app_database(request), session_number(request, response),
                     draft.title, draft.text, &id);
    if (result != RESULT_OK)
        return answer_result(response, result);
    char *location = NULL;
    if (asprintf(&location, "%s/api/notes/%ld", crew_request_prefix(request), id) < 0)
        return CREW_ENOMEM;
    crew_response_header(response, "Location", location);
    free(location);
    return answer_note(request, response, 201, id);
}

/* The ETag is the version, so that an update can send If-Match. True: the response is
 * complete. */
static bool is_answered(crew_request *request, crew_response *response,
                        const struct note *note) {
    char etag[32];
    snprintf(etag, sizeof etag, "%ld", note->version);
    return crew_response_conditional(request, response, etag, 0);
}

int api_show(crew_request *request, crew_response *response) {
    struct note note;
    enum result result = find_note(request, response, &note);
    if (result != RESULT_OK)
        return answer_result(response, result);
    int error = 0;
    if (!is_answered(request, response, &note))
        error = crew_response_json_new(response, json_of(&note));
    note_fini(&note);
    return error;
}

/* Store the body as the next version of the note after VERSION. */
static int change_note(crew_request *request, crew_response *response, long id,
                       long version) {
    struct draft draft = {0};
    json_int_t told = version;
    int error =
        crew_request_json_unpack(request, "{s:s, s:s, s?:I}", "title", &draft.title,
                                 "text", &draft.text, "version", &told);
    if (error != 0)
        return error;
    if (!draft_check(&draft))
        return answer_problems(response, &draft);
    const struct note note = {
        .id = id, .title = draft.title, .text = draft.text, .version = (long)told};
    enum result result =
        store_change(app_database(request), session_number(request, response), &note);
    if (result != RESULT_OK && result != RESULT_CONFLICT)
        return answer_result(response, result);
    return answer_note(request, response, result == RESULT_OK ? 200 : 409, id);
}

/* PUT. A client that sends the version on which its change is based, as If-Match or as
 * a member, does not overwrite a newer version: it gets 412, or 409 with the present
 * note. */
int api_update(crew_request *request, crew_response *response) {
    struct note note;
    enum result result = find_note(request, response, &note);
    if (result != RESULT_OK)
        return answer_result(response, result);
    int error = 0;
    if (!is_answered(request, response, &note))
        error = change_note(request, response, note.id, note.version);
    note_fini(&note);
    return error;
}

int api_delete(crew_request *request, crew_response *response) {
    enum result result =
        store_delete(app_database(request), session_number(request, response),
                     crew_request_path_number(request, "note", 1, LONG_MAX, 0));
    if (result != RESULT_OK)
        return answer_result(response, result);
    return crew_response_status(response, 204);
}
