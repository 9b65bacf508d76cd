/* Protection against cross-site request forgery. Another site can make a user's browser
 * post to this app with the user's cookie, but it cannot read our pages. So each form
 * contains a secret of the session, and requests that change something are rejected
 * without it. */
#ifndef NOTES_CSRF_H
#define NOTES_CSRF_H

#include <crew/app.h>

/* A hook for the whole app. The secret is in the form field csrf or, from programs, in
 * X-CSRF-Token, which a page of another site cannot send without a CORS preflight. */
crew_handler csrf_check;

/* Write the hidden field of a form. */
void csrf_field(crew_request *request, crew_response *response);

#endif
