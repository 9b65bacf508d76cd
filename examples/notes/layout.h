/* The parts that all pages have in common. */
#ifndef NOTES_LAYOUT_H
#define NOTES_LAYOUT_H

#include <crew/app.h>
#include <time.h>

/* Increase it when the appearance of pages changes: it is part of their ETags. */
#define LAYOUT_VERSION 1

void layout_begin(crew_request *request, crew_response *response, const char *title);
int layout_end(crew_response *response);

/* Write a time for people and for programs. */
void layout_time(crew_response *response, time_t when);

/* Redirect to a page of the app, after a form was posted. */
int layout_redirect(crew_request *request, crew_response *response, const char *format,
                    ...) __attribute__((format(printf, 3, 4)));

/* The page for all errors, as HTML or JSON. */
crew_error_page layout_error;

#endif
