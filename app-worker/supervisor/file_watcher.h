/* --reload: whether the app's .so has changed since it was last loaded.
 *
 * It is asked with stat(2), now and then and for each task that comes. Notices of the
 * kernel (inotify) would come by themselves, but not from file systems of other machines
 * and containers' hosts, not when a symbolic link on the way to the file is changed, and
 * not for what is written through a mapping, as some linkers do. And who asks for each
 * task knows for certain whether it came before or after the change. */
#ifndef CREW_WORKER_FILE_WATCHER_H
#define CREW_WORKER_FILE_WATCHER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum file_change {
    FILE_SAME,     /* as it was loaded, or nothing that could be: missing, empty */
    FILE_CHANGING, /* another one, but it may still be being written */
    FILE_CHANGED   /* another one, and it has been quiet for a moment */
};

/* What tells one state of the file from another; all zero: there is none. */
struct file_stamp {
    dev_t device;
    ino_t inode;
    off_t bytes;
    struct timespec changed; /* st_ctim: unlike the file's age never set back */
};

struct file_watcher {
    const char *path;
    struct file_stamp loaded;
    struct file_stamp seen; /* at the last look */
    uint64_t since_ms;      /* when it was first seen so, or loaded */
};

/* PATH must outlive the watch; what is there is taken as loaded. */
void file_watcher_init(struct file_watcher *watcher, const char *path);

enum file_change file_watcher_check(struct file_watcher *watcher);

/* Has it changed, or been loaded, within this time before now? */
bool file_watcher_changed_within(const struct file_watcher *watcher, uint32_t within_ms);

/* What is there is going to be loaded. To be called before it is read: a change in the
 * meantime is seen at the next look. */
void file_watcher_reset(struct file_watcher *watcher);

#endif
