/* The notes of a session, and the files attached to them. SESSION is the number of the
 * session (session.h): no function reaches the notes of another one. */
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
    long revision; /* of all that belongs to it */
    time_t changed;
};

struct file {
    long id;
    const char *name;
    const void *content; /* null in lists */
    long bytes;
};

/* What lists call for each row; its texts are good until it returns. */
typedef void note_fn(void *arg, const struct note *note);
typedef void file_fn(void *arg, const struct file *file);

/* store_list - at most COUNT notes in which WORDS occur ("": all), the last changed
 * first, without the first SKIP of them. */
enum result store_list(sqlite3 *database, long session, const char *words, long skip,
                       long count, note_fn *each, void *arg);

/* store_find - RESULT_OK: *NOTE is the caller's, to be given to note_fini. */
enum result store_find(sqlite3 *database, long session, long id, struct note *note);
void note_fini(struct note *note);

enum result store_create(sqlite3 *database, long session, const char *title,
                         const char *text, long *id);

/* store_change - NOTE's title and text take the place of those of the note with its id,
 * if that is still at NOTE's version. */
enum result store_change(sqlite3 *database, long session, const struct note *note);

enum result store_delete(sqlite3 *database, long session, long id);

/* ---- files ---- */

enum result store_files(sqlite3 *database, long session, long note, file_fn *each,
                        void *arg);

/* store_attach - NOTE is one that store_find has found. */
enum result store_attach(sqlite3 *database, long session, long note,
                         const struct file *file);

/* store_read_file - call READ with the file and its content. */
enum result store_read_file(sqlite3 *database, long session, long note, long id,
                            file_fn *read, void *arg);

enum result store_remove_file(sqlite3 *database, long session, long note, long id);

#endif
