/* Tests of the handlers of notes.so with the test client.
 *
 *     build/examples/notes_test build/examples/notes.so
 */
#include <assert.h>
#include <crew/test.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The secret of the session, as programs get it. */
static const char *secret(crew_test *test) {
    static char text[33];
    const char *body = crew_test_get(test, "/api/session")->body;
    assert(sscanf(body, "{\"csrf\":\"%32[0-9a-f]\"}", text) == 1);
    return text;
}

static const struct crew_test_response *write_note(crew_test *test, const char *title,
                                                   const char *text) {
    return crew_test_post_form(test, "/new", "csrf", secret(test), "title", title, "text",
                               text, NULL);
}

static bool shows(const struct crew_test_response *response, const char *text) {
    return strstr(response->body, text) != NULL;
}

static void test_note_is_shown_as_text(crew_test *test) {
    const struct crew_test_response *response = write_note(test, "<b>", "milk & eggs");
    assert(response->status == 303);
    assert(strcmp(crew_test_header(response, "Location"), "/1") == 0);
    response = crew_test_follow(test, response);
    assert(response->status == 200);
    assert(shows(response, "<h1>&lt;b&gt;</h1>"));
    assert(shows(response, "milk &amp; eggs"));
}

static void test_note_needs_a_title(crew_test *test) {
    const struct crew_test_response *response = write_note(test, " ", "typed");
    assert(response->status == 422);
    assert(shows(response, "A note needs a title."));
    assert(shows(response, "typed</textarea>"));
}

/* As from two tabs that have both loaded the first version of the note. */
static int change_first_version(crew_test *test) {
    return crew_test_post_form(test, "/1/edit", "csrf", secret(test), "version", "1",
                               "title", "Changed", "text", "", NULL)
        ->status;
}

static void test_later_change_is_told(crew_test *test) {
    assert(change_first_version(test) == 303);
    assert(change_first_version(test) == 409);
}

static void test_secret_is_asked_for(crew_test *test) {
    assert(crew_test_post_form(test, "/1/delete", NULL)->status == 403);
    assert(crew_test_post_form(test, "/1/delete", "csrf", "guessed", NULL)->status ==
           403);
    assert(crew_test_task(test, "http", NULL)->status == 403);
    assert(crew_test_get(test, "/1")->status == 200);
}

static void test_another_visitor_sees_nothing(crew_test *test) {
    crew_test_clear_cookies(test);
    assert(crew_test_get(test, "/1")->status == 404);
    assert(shows(crew_test_get(test, "/"), "No notes yet."));
    assert(write_note(test, "Mine", "")->status == 303);
    assert(!shows(crew_test_get(test, "/"), "Changed"));
}

static void test_links_begin_with_the_prefix(crew_test *test) {
    crew_test_clear_cookies(test);
    crew_test_set_param(test, "SCRIPT_NAME", "/shared/notes");
    const struct crew_test_response *response = crew_test_get(test, "/new");
    assert(shows(response, "action=\"/shared/notes/new\""));
    assert(strstr(crew_test_header(response, "Set-Cookie"), "Path=/shared/notes;") !=
           NULL);
}

static crew_test *open_app(const char *path, const char *database) {
    const char *const args[] = {database, NULL};
    const struct crew_test_options options = {.args = args};
    crew_test *test = NULL;
    char why[256] = "";
    if (crew_test_new(path, &options, &test, why, sizeof why) != 0)
        fprintf(stderr, "%s\n", why);
    return test;
}

int main(int argc, char **argv) {
    char folder[] = "/tmp/notes-test.XXXXXX";
    if (argc != 2 || mkdtemp(folder) == NULL)
        return 2;
    char database[64];
    snprintf(database, sizeof database, "%s/notes.db", folder);
    crew_test *test = open_app(argv[1], database);
    if (test == NULL)
        return 1;
    test_note_is_shown_as_text(test);
    test_note_needs_a_title(test);
    test_later_change_is_told(test);
    test_secret_is_asked_for(test);
    test_another_visitor_sees_nothing(test);
    test_links_begin_with_the_prefix(test);
    crew_test_free(test);
    unlink(database); /* WAL files are removed when the last connection is closed */
    return rmdir(folder);
}
