/* What all pages have in common. */
#ifndef NOTES_LAYOUT_H
#define NOTES_LAYOUT_H

#include <crew/app.h>
#include <time.h>

/* One more whenever the pages come to look different: a part of their ETags. */
#define LAYOUT_VERSION 1

void layout_begin(crew_request *request, crew_response *response, const char *title);
int layout_end(crew_response *response);

/* layout_time - as people read it, and as programs do. */
void layout_time(crew_response *response, time_t when);

/* layout_redirect - to a page of the app, after a form was posted. */
int layout_redirect(crew_request *request, crew_response *response, const char *format,
                    ...) __attribute__((format(printf, 3, 4)));

/* layout_error - all errors of the app, for people or as JSON. */
crew_error_page layout_error;

#endif
