/* A private copy of the app's .so. Processes map what they load: to write over a file
 * that is in use changes or crashes the programs that run from it. */
#ifndef CREW_WORKER_APP_SNAPSHOT_H
#define CREW_WORKER_APP_SNAPSHOT_H

/* Copy APP_PATH. The path of the copy, for app_snapshot_remove; null with errno. It is a
 * hidden file beside the original, so that what the app finds relative to its own path
 * ($ORIGIN) is found and debuggers find its symbols; where that folder is not writable,
 * it is in TMPDIR or /tmp. */
char *app_snapshot_new(const char *app_path);

/* Remove a copy and free its path; processes that have loaded it keep it. Null is
 * fine. */
void app_snapshot_remove(char *path);

#endif
