/* A private copy of the app's .so. Processes map what they load: to write over a file
 * that is in use changes or ends the programs that run from it. */
#ifndef CREW_WORKER_APP_SNAPSHOT_H
#define CREW_WORKER_APP_SNAPSHOT_H

/* Copy APP_PATH. The path of the copy, to be freed and, some time, removed; null with
 * errno. It is a hidden file beside the original, so that what the app finds by its own
 * place ($ORIGIN) is found and debuggers find its symbols; where that folder cannot be
 * written, it is in TMPDIR or /tmp. */
char *app_snapshot_make(const char *app_path);

/* Remove a copy and free its path. Processes that have loaded it keep it. Null is fine.
 */
void app_snapshot_remove(char *path);

#endif
