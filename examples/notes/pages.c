/* Pages to show, create, edit and delete a note. */
#include "app.h"
#include "csrf.h"
#include "draft.h"
#include "layout.h"
#include "session.h"
#include "store.h"

#include <limits.h>
#include <stdio.h>

static enum result find_note(crew_request *request, crew_response *response,
                             struct note *note) {
    return store_find(app_database(request), session_number(request, response),
                      crew_request_path_number(request, "note", 1, LONG_MAX, 0), note);
}

/* ---- reading ---- */

struct place {
    crew_request *request;
    crew_response *response;
    long note;
};

static void write_file(void *arg, const struct file *file) {
    const struct place *at = arg;
    const char *prefix = crew_request_prefix(at->request);
    crew_response_html(at->response,
                       "<li><a href=\"%s/%ld/files/%ld\">%s</a> %ld bytes\n"
                       "<form method=\"post\" action=\"%s/%ld/files/%ld/delete\">\n",
                       prefix, at->note, file->id, file->name, file->bytes, prefix,
                       at->note, file->id);
    csrf_field(at->request, at->response);
    crew_response_text(at->response,
                       "<button class=\"quiet\">Remove</button>\n</form></li>\n");
}

static enum result write_files(crew_request *request, crew_response *response,
                               long note) {
    struct place here = {request, response, note};
    crew_response_text(response, "<h2>Files</h2>\n<ul class=\"files\">\n");
    enum result result =
        store_files(app_database(request), session_number(request, response), note,
                    write_file, &here);
    crew_response_html(response,
                       "</ul>\n"
                       "<form method=\"post\" action=\"%s/%ld/files\""
                       " enctype=\"multipart/form-data\">\n",
                       crew_request_prefix(request), note);
    csrf_field(request, response);
    crew_response_text(response, "<input type=\"file\" name=\"file\" required"
                                 " aria-label=\"File\">\n"
                                 "<button>Attach</button>\n</form>\n");
    return result;
}

/* Confirmation without a script: first unfold, then press the button. */
static void write_delete(crew_request *request, crew_response *response, long note) {
    crew_response_html(response,
                       "<details>\n<summary>Delete</summary>\n"
                       "<form method=\"post\" action=\"%s/%ld/delete\">\n",
                       crew_request_prefix(request), note);
    csrf_field(request, response);
    crew_response_text(response, "<button class=\"danger\">Delete the note and its files"
                                 "</button>\n</form>\n</details>\n");
}

static int write_note(crew_request *request, crew_response *response,
                      const struct note *note) {
    char etag[64];
    snprintf(etag, sizeof etag, "%ld.%d", note->revision, LAYOUT_VERSION);
    if (crew_response_conditional(request, response, etag, 0))
        return 0;
    layout_begin(request, response, note->title);
    crew_response_html(response, "<h1>%s</h1>\n<p class=\"hint\">", note->title);
    layout_time(response, note->changed);
    crew_response_html(response,
                       "</p>\n<div class=\"text\">%s</div>\n"
                       "<p><a class=\"button\" href=\"%s/%ld/edit\">Edit</a></p>\n",
                       note->text, crew_request_prefix(request), note->id);
    enum result result = write_files(request, response, note->id);
    if (result != RESULT_OK)
        return answer_result(response, result);
    write_delete(request, response, note->id);
    return layout_end(response);
}

int page_show(crew_request *request, crew_response *response) {
    struct note note;
    enum result result = find_note(request, response, &note);
    if (result != RESULT_OK)
        return answer_result(response, result);
    int error = write_note(request, response, &note);
    note_fini(&note);
    return error;
}

/* ---- the form ---- */

static struct draft read_draft(crew_request *request) {
    const char *title = crew_request_form_value(request, "title");
    const char *text = crew_request_form_value(request, "text");
    return (struct draft){.title = title != NULL ? title : "",
                          .text = text != NULL ? text : ""};
}

static void write_problem(crew_response *response, const char *problem) {
    if (problem != NULL)
        crew_response_html(response, "<span class=\"problem\">%s</span>\n", problem);
}

/* NOTE 0: a new note. Browsers ignore a line end after <textarea>, so one is written
 * there: otherwise they would ignore the first line end of the text. */
static void write_form(crew_request *request, crew_response *response, long note,
                       long version, const struct draft *draft) {
    const char *prefix = crew_request_prefix(request);
    if (note == 0)
        crew_response_html(response, "<form method=\"post\" action=\"%s/new\">\n",
                           prefix);
    else
        crew_response_html(response, "<form method=\"post\" action=\"%s/%ld/edit\">\n",
                           prefix, note);
    csrf_field(request, response);
    crew_response_html(response,
                       "<input type=\"hidden\" name=\"version\" value=\"%ld\">\n"
                       "<label>Title <input name=\"title\" value=\"%s\"></label>\n",
                       version, draft->title);
    write_problem(response, draft->title_problem);
    crew_response_html(response,
                       "<label>Text <textarea name=\"text\" rows=\"12\">\n%s</textarea>"
                       "</label>\n",
                       draft->text);
    write_problem(response, draft->text_problem);
    crew_response_text(response, "<button>Save</button>\n</form>\n");
}

static int form_page(crew_request *request, crew_response *response, long note,
                     long version, const struct draft *draft) {
    const char *title = note == 0 ? "New note" : "Edit note";
    layout_begin(request, response, title);
    crew_response_html(response, "<h1>%s</h1>\n", title);
    write_form(request, response, note, version, draft);
    return layout_end(response);
}

/* ---- writing ---- */

int page_new(crew_request *request, crew_response *response) {
    if (session_need(request, response) == NULL)
        return answer_result(response, RESULT_FAILED);
    return form_page(request, response, 0, 0, &(struct draft){.title = "", .text = ""});
}

int page_create(crew_request *request, crew_response *response) {
    int error = crew_request_read_form(request);
    if (error != 0)
        return error;
    struct draft draft = read_draft(request);
    if (!draft_check(&draft)) {
        crew_response_status(response, 422);
        return form_page(request, response, 0, 0, &draft);
    }
    long id;
    enum result result =
        store_create(app_database(request), session_number(request, response),
                     draft.title, draft.text, &id);
    if (result != RESULT_OK)
        return answer_result(response, result);
    return layout_redirect(request, response, "/%ld", id);
}

int page_edit(crew_request *request, crew_response *response) {
    struct note note;
    enum result result = find_note(request, response, &note);
    if (result != RESULT_OK)
        return answer_result(response, result);
    struct draft draft = {.title = note.title, .text = note.text};
    int error = form_page(request, response, note.id, note.version, &draft);
    note_fini(&note);
    return error;
}

/* The note was changed elsewhere. The user gets both texts, and saves again. */
static int conflict_page(crew_request *request, crew_response *response,
                         const struct draft *draft) {
    struct note note;
    enum result result = find_note(request, response, &note);
    if (result != RESULT_OK)
        return answer_result(response, result);
    crew_response_status(response, 409);
    layout_begin(request, response, "Changed meanwhile");
    crew_response_html(
        response,
        "<h1>Changed meanwhile</h1>\n"
        "<p class=\"problem\">This note was saved elsewhere since you have "
        "opened it. This is stored now:</p>\n"
        "<h2>%s</h2>\n<div class=\"text\">%s</div>\n"
        "<h2>What you have written</h2>\n",
        note.title, note.text);
    write_form(request, response, note.id, note.version, draft);
    note_fini(&note);
    return layout_end(response);
}

int page_update(crew_request *request, crew_response *response) {
    int error = crew_request_read_form(request);
    if (error != 0)
        return error;
    struct draft draft = read_draft(request);
    const struct note note = {
        .id = crew_request_path_number(request, "note", 1, LONG_MAX, 0),
        .version = crew_request_form_number(request, "version", 1, LONG_MAX, 0),
        .title = draft.title,
        .text = draft.text,
    };
    if (!draft_check(&draft)) {
        crew_response_status(response, 422);
        return form_page(request, response, note.id, note.version, &draft);
    }
    enum result result =
        store_change(app_database(request), session_number(request, response), &note);
    if (result == RESULT_CONFLICT)
        return conflict_page(request, response, &draft);
    if (result != RESULT_OK)
        return answer_result(response, result);
    return layout_redirect(request, response, "/%ld", note.id);
}

int page_delete(crew_request *request, crew_response *response) {
    enum result result =
        store_delete(app_database(request), session_number(request, response),
                     crew_request_path_number(request, "note", 1, LONG_MAX, 0));
    if (result != RESULT_OK)
        return answer_result(response, result);
    return layout_redirect(request, response, "/");
}
