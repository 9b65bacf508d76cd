/* --reload: whether the app's .so has changed since it was last loaded.
 *
 * It is asked with stat(2), now and then and for each task that comes. Notices of the
 * kernel (inotify) would come by themselves, but not from file systems of other machines
 * and containers' hosts, not when a symbolic link on the way to the file is changed, and
 * not for what is written through a mapping, as some linkers do. And who asks for each
 * task knows for certain whether it came before or after the change. */
#ifndef CREW_WORKER_WATCH_H
#define CREW_WORKER_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum watch_sight {
    WATCH_SAME,     /* as it was loaded, or nothing that could be: missing, empty */
    WATCH_CHANGING, /* another one, but it may still be being written */
    WATCH_CHANGED   /* another one, and it has been quiet for a moment */
};

/* What tells one state of the file from another; all zero: there is none. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t bytes;
    struct timespec changed; /* st_ctim: unlike the file's age never set back */
};

struct watch {
    const char *path;
    struct stamp loaded;
    struct stamp seen; /* at the last look */
    uint64_t since_ms; /* when it was first seen so, or loaded */
};

/* PATH must outlive the watch; what is there is taken as loaded. */
void watch_init(struct watch *watch, const char *path);

enum watch_sight watch_look(struct watch *watch);

/* Has it changed, or been loaded, within this time before now? */
bool watch_was_lately(const struct watch *watch, uint32_t within_ms);

/* What is there is going to be loaded. To be called before it is read: a change in the
 * meantime is seen at the next look. */
void watch_loading(struct watch *watch);

#endif
