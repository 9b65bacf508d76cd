/* Sessions. There is no log-in: the first request that writes something gets a cookie
 * with a secret, and notes belong to the session of that cookie. */
#ifndef NOTES_SESSION_H
#define NOTES_SESSION_H

#include <crew/app.h>

enum { SECRET_CHARACTERS = 32 }; /* 128 random bits in hexadecimal digits */

struct session {
    long id;
    long expires;                      /* Unix time */
    char token[SECRET_CHARACTERS + 1]; /* in the cookie */
    char csrf[SECRET_CHARACTERS + 1];  /* in each form, see csrf.h */
};

/* The request's session. session_find: null if there is none. session_need: make one if
 * there is none; null: database error. Both belong to the request. */
const struct session *session_find(crew_request *request, crew_response *response);
const struct session *session_need(crew_request *request, crew_response *response);

/* The session's id for the store; 0, which has no notes, without a session. */
long session_number(crew_request *request, crew_response *response);

#endif
