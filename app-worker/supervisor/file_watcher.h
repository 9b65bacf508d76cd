/* --reload: whether the app's .so has changed since it was last loaded.
 *
 * stat(2) is called from time to time and for each task that arrives. inotify(7) does not
 * report changes on network file systems and container mounts, of a symbolic link on the
 * path, or through a mapping, which some linkers use. And a check for each task shows
 * whether it arrived before or after the change. */
#ifndef CREW_WORKER_FILE_WATCHER_H
#define CREW_WORKER_FILE_WATCHER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum file_change {
    FILE_SAME,     /* as it was loaded; or it is missing or empty */
    FILE_CHANGING, /* changed; it may still be being written */
    FILE_CHANGED   /* changed, and not written for a moment */
};

/* Identifies the content of the file; all zero: there is none. */
struct file_stamp {
    dev_t device;
    ino_t inode;
    off_t bytes;
    struct timespec changed; /* st_ctim: unlike st_mtim it cannot be set back */
};

struct file_watcher {
    const char *path;
    struct file_stamp loaded;
    struct file_stamp seen; /* at the last check */
    uint64_t since_ms;      /* when it was first seen so, or loaded */
};

/* PATH must outlive the watcher; the present file counts as loaded. */
void file_watcher_init(struct file_watcher *watcher, const char *path);

enum file_change file_watcher_check(struct file_watcher *watcher);

/* Has it changed, or been loaded, less than this time ago? */
bool file_watcher_changed_within(const struct file_watcher *watcher, uint32_t within_ms);

/* The present file is going to be loaded. To be called before it is read: a change in the
 * meantime is seen at the next check. */
void file_watcher_reset(struct file_watcher *watcher);

#endif
