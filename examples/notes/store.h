/* The notes of a session and their attached files. SESSION is the id of the session
 * (session.h); no function reads or changes notes of another session. */
#ifndef NOTES_STORE_H
#define NOTES_STORE_H

#include "database.h"
#include <stddef.h>
#include <time.h>

enum { NOTES_MOST = 1000, FILES_MOST = 20 };

struct note {
    long id;
    const char *title;
    const char *text;
    long version;  /* of title and text */
    long revision; /* of everything that its page shows */
    time_t changed;
};

struct file {
    long id;
    const char *name;
    const void *content; /* null in lists */
    long bytes;
};

/* Called for each row of a list. Texts are valid during the call. */
typedef void note_fn(void *arg, const struct note *note);
typedef void file_fn(void *arg, const struct file *file);

/* List COUNT notes that contain WORDS ("": all), the last changed first, after the first
 * SKIP. */
enum result store_list(sqlite3 *database, long session, const char *words, long skip,
                       long count, note_fn *each, void *arg);

/* RESULT_OK: *NOTE belongs to the caller, who calls note_fini. */
enum result store_find(sqlite3 *database, long session, long id, struct note *note);
void note_fini(struct note *note);

enum result store_create(sqlite3 *database, long session, const char *title,
                         const char *text, long *id);

/* Replace title and text of the note with NOTE's id, if it is still at NOTE's version. */
enum result store_change(sqlite3 *database, long session, const struct note *note);

enum result store_delete(sqlite3 *database, long session, long id);

/* ---- files ---- */

enum result store_files(sqlite3 *database, long session, long note, file_fn *each,
                        void *arg);

/* NOTE was found by store_find. */
enum result store_attach(sqlite3 *database, long session, long note,
                         const struct file *file);

/* Call READ with the file and its content. */
enum result store_read_file(sqlite3 *database, long session, long note, long id,
                            file_fn *read, void *arg);

enum result store_remove_file(sqlite3 *database, long session, long note, long id);

#endif
