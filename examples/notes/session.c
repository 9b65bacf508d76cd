#include "session.h"

#include "app.h"
#include "database.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define COOKIE "notes_session"
enum { DAY_S = 24 * 60 * 60, LIFETIME_S = 90 * DAY_S };

static bool make_secret(char secret[SECRET_CHARACTERS + 1]) {
    unsigned char bits[SECRET_CHARACTERS / 2];
    if (getrandom(bits, sizeof bits, 0) != sizeof bits)
        return false;
    for (size_t i = 0; i < sizeof bits; i++)
        snprintf(secret + 2 * i, 3, "%02x", bits[i]);
    return true;
}

/* Lax: the cookie is not sent with forms that other sites post. Secure if the request
 * came over TLS; the example must work without. */
static void send_cookie(crew_request *request, crew_response *response,
                        const char *token) {
    const char *prefix = crew_request_prefix(request);
    const char *scheme = crew_request_scheme(request);
    const struct crew_cookie cookie = {
        .name = COOKIE,
        .value = token,
        .path = *prefix != '\0' ? prefix : "/",
        .max_age_s = LIFETIME_S,
        .secure = scheme != NULL && strcmp(scheme, "https") == 0,
        .http_only = true,
        .same_site = CREW_SAME_SITE_LAX,
    };
    crew_response_cookie(response, &cookie);
}

/* Attach SESSION to the request, so that it is looked up once. */
static const struct session *carry(crew_request *request, const struct session *session) {
    struct session *carried = malloc(sizeof *carried);
    if (carried != NULL)
        *carried = *session;
    crew_request_set(request, "session", carried, free);
    return carried;
}

static enum result look_up(sqlite3 *database, const char *token,
                           struct session *session) {
    static const char sql[] = "SELECT id, csrf, expires FROM sessions"
                              " WHERE token = ?1 AND expires > unixepoch()";
    enum result result = RESULT_NONE;
    sqlite3_stmt *rows = database_prepare(database, sql, "s", token);
    if (database_next(rows, &result)) {
        session->id = (long)sqlite3_column_int64(rows, 0);
        session->expires = (long)sqlite3_column_int64(rows, 2);
        snprintf(session->csrf, sizeof session->csrf, "%s", sqlite3_column_text(rows, 1));
        snprintf(session->token, sizeof session->token, "%s", token);
        result = RESULT_OK;
    }
    sqlite3_finalize(rows);
    return result;
}

/* Prolong a session that is used, at most once a day. */
static void prolong(crew_request *request, crew_response *response,
                    const struct session *session) {
    long expires = (long)time(NULL) + LIFETIME_S;
    if (session->expires > expires - DAY_S)
        return;
    database_run(app_database(request), "UPDATE sessions SET expires = ?2 WHERE id = ?1",
                 "ii", session->id, expires);
    send_cookie(request, response, session->token);
}

/* RESULT_OK: *SESSION is the request's session. */
static enum result find(crew_request *request, crew_response *response,
                        const struct session **session) {
    const char *token = crew_request_cookie(request, COOKIE);
    struct session found;
    *session = crew_request_get(request, "session");
    if (*session != NULL)
        return RESULT_OK;
    if (token == NULL)
        return RESULT_NONE;
    enum result result = look_up(app_database(request), token, &found);
    if (result != RESULT_OK)
        return result;
    prolong(request, response, &found);
    *session = carry(request, &found);
    return *session != NULL ? RESULT_OK : RESULT_FAILED;
}

const struct session *session_find(crew_request *request, crew_response *response) {
    const struct session *session;
    find(request, response, &session);
    return session;
}

/* Expired sessions and their notes are deleted when a new session begins. */
static const struct session *begin(crew_request *request, crew_response *response) {
    static const char sql[] = "INSERT INTO sessions (token, csrf, expires)"
                              " VALUES (?1, ?2, ?3)";
    sqlite3 *database = app_database(request);
    struct session session = {.expires = (long)time(NULL) + LIFETIME_S};
    if (!make_secret(session.token) || !make_secret(session.csrf) ||
        database_run(database, "DELETE FROM sessions WHERE expires <= unixepoch()", "") <
            0 ||
        database_run(database, sql, "ssi", session.token, session.csrf, session.expires) <
            0)
        return NULL;
    session.id = (long)sqlite3_last_insert_rowid(database);
    send_cookie(request, response, session.token);
    return carry(request, &session);
}

/* Make a session only if there is none: after a database error the old one is still
 * valid. */
const struct session *session_need(crew_request *request, crew_response *response) {
    const struct session *session;
    enum result result = find(request, response, &session);
    return result == RESULT_NONE ? begin(request, response) : session;
}

long session_number(crew_request *request, crew_response *response) {
    const struct session *session = session_find(request, response);
    return session != NULL ? session->id : 0;
}
