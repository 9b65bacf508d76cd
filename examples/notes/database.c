/* Several processes write to one file, without "database is locked" errors:
 *
 * - WAL: readers do not wait for writers, and writers not for readers;
 * - a busy timeout: writers wait for each other;
 * - each write is one statement. It takes the write lock before it reads, so what it has
 *   read is not outdated when it writes.
 */
#include "database.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { BUSY_TIMEOUT_MS = 10000 };

/* Rows are deleted with their session and their note. With AUTOINCREMENT the id of a
 * deleted row is not reused, so an old link never shows another note.
 *
 * The version of a note counts the changes of its text, the revision those of everything
 * that its page shows. */
static const char schema[] =
    "PRAGMA journal_mode = WAL;"
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS sessions ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  token TEXT NOT NULL UNIQUE,"
    "  csrf TEXT NOT NULL,"
    "  expires INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS notes ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,"
    "  title TEXT NOT NULL,"
    "  text TEXT NOT NULL,"
    "  version INTEGER NOT NULL DEFAULT 1,"
    "  revision INTEGER NOT NULL DEFAULT 1,"
    "  changed INTEGER NOT NULL DEFAULT (unixepoch()));"
    "CREATE INDEX IF NOT EXISTS notes_of_session ON notes (session, changed);"
    "CREATE TABLE IF NOT EXISTS files ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  note INTEGER NOT NULL REFERENCES notes ON DELETE CASCADE,"
    "  name TEXT NOT NULL,"
    "  content BLOB NOT NULL);"
    "CREATE INDEX IF NOT EXISTS files_of_note ON files (note);"
    "CREATE TRIGGER IF NOT EXISTS file_added AFTER INSERT ON files BEGIN"
    "  UPDATE notes SET revision = revision + 1 WHERE id = new.note; END;"
    "CREATE TRIGGER IF NOT EXISTS file_removed AFTER DELETE ON files BEGIN"
    "  UPDATE notes SET revision = revision + 1 WHERE id = old.note; END;"
    "COMMIT;";

static void complain(sqlite3 *database, const char *sql) {
    fprintf(stderr, "notes: %s: %s\n", sqlite3_errmsg(database), sql);
}

static bool execute(sqlite3 *database, const char *sql) {
    if (sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK)
        return true;
    complain(database, sql);
    return false;
}

/* To enable WAL, SQLite needs exclusive access and does not wait for it. Processes that
 * start at the same time try again. */
static bool create_tables(sqlite3 *database) {
    const struct timespec pause = {.tv_nsec = 10 * 1000000};
    for (int tries = BUSY_TIMEOUT_MS / 10; tries > 0; tries--) {
        int error = sqlite3_exec(database, schema, NULL, NULL, NULL);
        if (error == SQLITE_OK)
            return true;
        if (error != SQLITE_BUSY)
            break;
        nanosleep(&pause, NULL);
    }
    complain(database, "creating the tables");
    return false;
}

sqlite3 *database_open(const char *path) {
    sqlite3 *database = NULL;
    umask(077); /* not readable by other users */
    if (sqlite3_open(path, &database) == SQLITE_OK) {
        sqlite3_busy_timeout(database, BUSY_TIMEOUT_MS);
        if (create_tables(database) && execute(database, "PRAGMA foreign_keys = ON") &&
            execute(database, "PRAGMA synchronous = NORMAL"))
            return database;
    } else {
        complain(database, path);
    }
    sqlite3_close(database);
    return NULL;
}

static int bind(sqlite3_stmt *statement, int at, char type, va_list *values) {
    const void *data;
    switch (type) {
    case 'i':
        return sqlite3_bind_int64(statement, at, va_arg(*values, long));
    case 's':
        return sqlite3_bind_text(statement, at, va_arg(*values, const char *), -1,
                                 SQLITE_STATIC);
    case 'b':
        data = va_arg(*values, const void *);
        return sqlite3_bind_blob64(statement, at, data, va_arg(*values, size_t),
                                   SQLITE_STATIC);
    default:
        return SQLITE_MISUSE;
    }
}

static sqlite3_stmt *prepare(sqlite3 *database, const char *sql, const char *types,
                             va_list *values) {
    sqlite3_stmt *statement = NULL;
    int error = sqlite3_prepare_v2(database, sql, -1, &statement, NULL);
    for (int at = 1; error == SQLITE_OK && types[at - 1] != '\0'; at++)
        error = bind(statement, at, types[at - 1], values);
    if (error == SQLITE_OK)
        return statement;
    complain(database, sql);
    sqlite3_finalize(statement);
    return NULL;
}

sqlite3_stmt *database_prepare(sqlite3 *database, const char *sql, const char *types,
                               ...) {
    va_list values;
    va_start(values, types);
    sqlite3_stmt *statement = prepare(database, sql, types, &values);
    va_end(values);
    return statement;
}

bool database_next(sqlite3_stmt *statement, enum result *result) {
    int step = statement != NULL ? sqlite3_step(statement) : SQLITE_ERROR;
    if (statement != NULL && step != SQLITE_ROW && step != SQLITE_DONE)
        complain(sqlite3_db_handle(statement), sqlite3_sql(statement));
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        *result = RESULT_FAILED;
    return step == SQLITE_ROW;
}

int database_run(sqlite3 *database, const char *sql, const char *types, ...) {
    va_list values;
    va_start(values, types);
    sqlite3_stmt *statement = prepare(database, sql, types, &values);
    va_end(values);
    enum result result = RESULT_OK;
    while (database_next(statement, &result))
        ;
    int changed = result == RESULT_OK ? sqlite3_changes(database) : -1;
    sqlite3_finalize(statement);
    return changed;
}
