/* SQLite in two words: open a database, run one prepared statement.
 *
 * What goes wrong is written to stderr, which ends up in the worker's log; nobody else
 * can do anything about it.
 */
#ifndef NOTES_DATABASE_H
#define NOTES_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>

/* How the functions of the store end. A handler that gets one of them passes it on to
 * answer_result (app.h). */
enum result {
    RESULT_OK,
    RESULT_NONE,     /* the session has no such note or file */
    RESULT_CONFLICT, /* the note is not any more what the writer has seen */
    RESULT_FULL,     /* as much as a session or a note may have */
    RESULT_FAILED    /* the database's fault; it has been logged */
};

/* database_open - the database of this handler process, with all its tables. Several
 * processes, also of several workers, may do it at the same time. Null: failed. */
sqlite3 *database_open(const char *path);

/* database_prepare - SQL with values in the place of ?1, ?2 and so on. TYPES has a letter
 * for each:
 *
 *     i   long
 *     s   const char *, a text
 *     b   const void *, size_t: bytes
 *
 * Texts and bytes must stay until the caller has called sqlite3_finalize. Null: failed.
 */
sqlite3_stmt *database_prepare(sqlite3 *database, const char *sql, const char *types,
                               ...);

/* database_next - the statement's next row; false at the end, or when *RESULT is
 * RESULT_FAILED. */
bool database_next(sqlite3_stmt *statement, enum result *result);

/* database_run - run SQL to its end. Returns how many rows it has changed; -1: failed. */
int database_run(sqlite3 *database, const char *sql, const char *types, ...);

#endif
