#include "file_watcher.h"

#include "base/clock.h"
#include <sys/stat.h>

enum { QUIET_MS = 100 }; /* compilers and linkers write in several steps */

static struct file_stamp stamp_of(const char *path) {
    struct stat file;
    if (stat(path, &file) != 0 || !S_ISREG(file.st_mode))
        return (struct file_stamp){0};
    return (struct file_stamp){file.st_dev, file.st_ino, file.st_size, file.st_ctim};
}

static bool is_same(const struct file_stamp *a, const struct file_stamp *b) {
    return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
           a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec;
}

void file_watcher_init(struct file_watcher *watcher, const char *path) {
    *watcher = (struct file_watcher){.path = path};
    file_watcher_reset(watcher);
}

enum file_change file_watcher_check(struct file_watcher *watcher) {
    struct file_stamp now = stamp_of(watcher->path);
    uint64_t now_ms = clock_ms();
    if (!is_same(&now, &watcher->seen)) {
        watcher->seen = now;
        watcher->since_ms = now_ms;
    }
    if (now.bytes == 0 || is_same(&now, &watcher->loaded))
        return FILE_SAME;
    return now_ms - watcher->since_ms < QUIET_MS ? FILE_CHANGING : FILE_CHANGED;
}

bool file_watcher_changed_within(const struct file_watcher *watcher, uint32_t within_ms) {
    return clock_ms() - watcher->since_ms < within_ms;
}

void file_watcher_reset(struct file_watcher *watcher) {
    watcher->loaded = watcher->seen = stamp_of(watcher->path);
    watcher->since_ms = clock_ms();
}
