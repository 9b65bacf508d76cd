/* A small interface to SQLite: open a database, run one prepared statement. Errors are
 * written to stderr, which goes to the worker's log. */
#ifndef NOTES_DATABASE_H
#define NOTES_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>

/* Results of the store. A handler passes errors to answer_result (app.h). */
enum result {
    RESULT_OK,
    RESULT_NONE,     /* the session has no such note or file */
    RESULT_CONFLICT, /* the note has changed since it was read */
    RESULT_FULL,     /* the limit of a session or a note is reached */
    RESULT_FAILED    /* database error; it has been logged */
};

/* Open the database for this handler process, and create its tables. Several processes
 * may do so at the same time. Null: failed. */
sqlite3 *database_open(const char *path);

/* Prepare SQL with values for ?1, ?2 and so on. TYPES has a letter for each:
 *
 *     i   long
 *     s   const char *, a text
 *     b   const void *, size_t: bytes
 *
 * Texts and bytes must be valid until sqlite3_finalize. Null: failed.
 */
sqlite3_stmt *database_prepare(sqlite3 *database, const char *sql, const char *types,
                               ...);

/* Get the next row. False: there is none, or *RESULT is RESULT_FAILED. */
bool database_next(sqlite3_stmt *statement, enum result *result);

/* Run SQL to its end. Returns the number of changed rows; -1: failed. */
int database_run(sqlite3 *database, const char *sql, const char *types, ...);

#endif
