/* The list of all notes, or of those that contain the words of ?q=, in pages. */
#include "app.h"
#include "layout.h"
#include "session.h"
#include "store.h"

#include <limits.h>
#include <string.h>

enum { NOTES_A_PAGE = 10, EXCERPT_BYTES = 160 };

struct list {
    crew_request *request;
    crew_response *response;
    long count;
};

/* At most EXCERPT_BYTES, without an incomplete character at the end (RFC 3629 §3). */
static int excerpt_bytes(const char *text) {
    size_t bytes = strnlen(text, EXCERPT_BYTES);
    while (bytes > 0 && text[bytes] != '\0' &&
           ((unsigned char)text[bytes] & 0xc0) == 0x80)
        bytes--;
    return (int)bytes;
}

/* One more note than a page has is requested, to know whether there is another page. */
static void write_item(void *arg, const struct note *note) {
    struct list *list = arg;
    crew_response *response = list->response;
    if (list->count++ == NOTES_A_PAGE)
        return;
    crew_response_html(response, "<li><a href=\"%s/%ld\">%s</a> ",
                       crew_request_prefix(list->request), note->id, note->title);
    layout_time(response, note->changed);
    crew_response_html(response, "<p>%.*s</p></li>\n", excerpt_bytes(note->text),
                       note->text);
}

static void write_link(const struct list *list, const char *words, long page,
                       const char *text) {
    crew_response_html(list->response, "<a class=\"button\" href=\"%s/?page=%ld&amp;q=",
                       crew_request_prefix(list->request), page);
    crew_response_url(list->response, words);
    crew_response_html(list->response, "\">%s</a>\n", text);
}

int page_list(crew_request *request, crew_response *response) {
    const char *words = crew_request_query_value(request, "q");
    long page = crew_request_query_number(request, "page", 1, NOTES_MOST, 1);
    struct list list = {request, response, 0};
    if (words == NULL)
        words = "";

    layout_begin(request, response, "Notes");
    crew_response_text(response, "<ul class=\"notes\">\n");
    enum result result =
        store_list(app_database(request), session_number(request, response), words,
                   (page - 1) * NOTES_A_PAGE, NOTES_A_PAGE + 1, write_item, &list);
    if (result != RESULT_OK)
        return answer_result(response, result);
    crew_response_text(response, "</ul>\n");
    if (list.count == 0)
        crew_response_html(response, "<p>%s</p>\n",
                           *words != '\0' ? "Nothing found." : "No notes yet.");

    crew_response_text(response, "<nav>\n");
    if (page > 1)
        write_link(&list, words, page - 1, "Newer");
    if (list.count > NOTES_A_PAGE)
        write_link(&list, words, page + 1, "Older");
    crew_response_text(response, "</nav>\n");
    return layout_end(response);
}
