/* Whose notes they are. There is no log-in: who comes for the first time and wants to
 * write gets a cookie with a secret, and the notes belong to whoever shows it. */
#ifndef NOTES_SESSION_H
#define NOTES_SESSION_H

#include <crew/app.h>

enum { SECRET_CHARACTERS = 32 }; /* 128 random bits in hexadecimal digits */

struct broker_session {
    long id;
    long expires;                      /* Unix time */
    char token[SECRET_CHARACTERS + 1]; /* in the cookie */
    char csrf[SECRET_CHARACTERS + 1];  /* in each form, see csrf.h */
};

/* session_find - the request's session, null when it has none. session_need - begin one
 * then; null: the database failed. Both belong to the request. */
const struct broker_session *session_find(crew_request *request, crew_response *response);
const struct broker_session *session_need(crew_request *request, crew_response *response);

/* session_number - the session's id for the store; 0, which has no notes, without one. */
long session_number(crew_request *request, crew_response *response);

#endif
