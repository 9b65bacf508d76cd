/* Each function is one statement, with the session in its condition. */
#include "store.h"

#include <stdlib.h>
#include <string.h>

/* ---- notes ---- */

#define NOTE "id, title, text, version, revision, changed"

static struct note note_of(sqlite3_stmt *row) {
    return (struct note){
        .id = (long)sqlite3_column_int64(row, 0),
        .title = (const char *)sqlite3_column_text(row, 1),
        .text = (const char *)sqlite3_column_text(row, 2),
        .version = (long)sqlite3_column_int64(row, 3),
        .revision = (long)sqlite3_column_int64(row, 4),
        .changed = (time_t)sqlite3_column_int64(row, 5),
    };
}

/* instr compares WORDS literally; in a LIKE pattern '%' and '_' are wildcards. */
enum result store_list(sqlite3 *database, long session, const char *words, long skip,
                       long count, note_fn *each, void *arg) {
    static const char sql[] = "SELECT " NOTE " FROM notes WHERE session = ?1 AND"
                              " instr(lower(title || char(10) || text), lower(?2)) > 0"
                              " ORDER BY changed DESC, id DESC LIMIT ?3 OFFSET ?4";
    enum result result = RESULT_OK;
    sqlite3_stmt *rows =
        database_prepare(database, sql, "isii", session, words, count, skip);
    while (database_next(rows, &result)) {
        struct note note = note_of(rows);
        each(arg, &note);
    }
    sqlite3_finalize(rows);
    return result;
}

enum result store_find(sqlite3 *database, long session, long id, struct note *note) {
    static const char sql[] = "SELECT " NOTE " FROM notes WHERE session = ?1 AND id = ?2";
    enum result result = RESULT_NONE;
    sqlite3_stmt *rows = database_prepare(database, sql, "ii", session, id);
    if (database_next(rows, &result)) {
        *note = note_of(rows);
        note->title = strdup(note->title);
        note->text = strdup(note->text);
        result = RESULT_OK;
        if (note->title == NULL || note->text == NULL) {
            note_fini(note);
            result = RESULT_FAILED;
        }
    }
    sqlite3_finalize(rows);
    return result;
}

void note_fini(struct note *note) {
    free((char *)note->title);
    free((char *)note->text);
}

/* The result of a statement that changes one row; UNCHANGED: it has changed none. */
static enum result result_of(int changed, enum result unchanged) {
    if (changed < 0)
        return RESULT_FAILED;
    return changed > 0 ? RESULT_OK : unchanged;
}

enum result store_create(sqlite3 *database, long session, const char *title,
                         const char *text, long *id) {
    static const char sql[] =
        "INSERT INTO notes (session, title, text) SELECT ?1, ?2, ?3"
        " WHERE (SELECT count(*) FROM notes WHERE session = ?1) < ?4";
    int changed =
        database_run(database, sql, "issi", session, title, text, (long)NOTES_MOST);
    *id = (long)sqlite3_last_insert_rowid(database);
    return result_of(changed, RESULT_FULL);
}

enum result store_change(sqlite3 *database, long session, const struct note *note) {
    static const char sql[] =
        "UPDATE notes SET title = ?4, text = ?5, version = version + 1,"
        " revision = revision + 1, changed = unixepoch()"
        " WHERE session = ?1 AND id = ?2 AND version = ?3";
    int changed = database_run(database, sql, "iiiss", session, note->id, note->version,
                               note->title, note->text);
    return result_of(changed, RESULT_CONFLICT);
}

enum result store_delete(sqlite3 *database, long session, long id) {
    static const char sql[] = "DELETE FROM notes WHERE session = ?1 AND id = ?2";
    return result_of(database_run(database, sql, "ii", session, id), RESULT_NONE);
}

/* ---- files ---- */

#define OWN_NOTE "(SELECT id FROM notes WHERE session = ?1 AND id = ?2)"

enum result store_files(sqlite3 *database, long session, long note, file_fn *each,
                        void *arg) {
    static const char sql[] = "SELECT id, name, length(content) FROM files"
                              " WHERE note = " OWN_NOTE " ORDER BY id";
    enum result result = RESULT_OK;
    sqlite3_stmt *rows = database_prepare(database, sql, "ii", session, note);
    while (database_next(rows, &result)) {
        const struct file file = {
            .id = (long)sqlite3_column_int64(rows, 0),
            .name = (const char *)sqlite3_column_text(rows, 1),
            .bytes = (long)sqlite3_column_int64(rows, 2),
        };
        each(arg, &file);
    }
    sqlite3_finalize(rows);
    return result;
}

enum result store_attach(sqlite3 *database, long session, long note,
                         const struct file *file) {
    static const char sql[] = "INSERT INTO files (note, name, content) SELECT id, ?3, ?4"
                              " FROM notes WHERE session = ?1 AND id = ?2 AND"
                              " (SELECT count(*) FROM files WHERE note = ?2) < ?5";
    const void *content =
        file->bytes > 0 ? file->content : ""; /* a null pointer would be NULL */
    int changed = database_run(database, sql, "iisbi", session, note, file->name, content,
                               (size_t)file->bytes, (long)FILES_MOST);
    return result_of(changed, RESULT_FULL);
}

enum result store_read_file(sqlite3 *database, long session, long note, long id,
                            file_fn *read, void *arg) {
    static const char sql[] = "SELECT name, content FROM files"
                              " WHERE note = " OWN_NOTE " AND id = ?3";
    enum result result = RESULT_NONE;
    sqlite3_stmt *rows = database_prepare(database, sql, "iii", session, note, id);
    if (database_next(rows, &result)) {
        const struct file file = {
            .id = id,
            .name = (const char *)sqlite3_column_text(rows, 0),
            .content = sqlite3_column_blob(rows, 1),
            .bytes = sqlite3_column_bytes(rows, 1),
        };
        read(arg, &file);
        result = RESULT_OK;
    }
    sqlite3_finalize(rows);
    return result;
}

enum result store_remove_file(sqlite3 *database, long session, long note, long id) {
    static const char sql[] = "DELETE FROM files WHERE note = " OWN_NOTE " AND id = ?3";
    return result_of(database_run(database, sql, "iii", session, note, id), RESULT_NONE);
}
