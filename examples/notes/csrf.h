/* Against cross-site request forgery: another site can make a visitor's browser post to
 * us, with the visitor's cookie, but it cannot read our pages. So each form carries a
 * secret of the session, and what changes something is refused without it. */
#ifndef NOTES_CSRF_H
#define NOTES_CSRF_H

#include <crew/app.h>

/* csrf_check - a hook for the whole app. The secret comes in the form's field csrf, or,
 * from programs, in X-CSRF-Token: another site's page cannot send that field without
 * asking first (a CORS preflight), which nobody here allows. */
crew_handler csrf_check;

/* csrf_field - the hidden field of a form. */
void csrf_field(crew_request *request, crew_response *response);

#endif
