/* Two stamps and a clock. */
#include "watch.h"

#include "base/clock.h"
#include <sys/stat.h>

enum { QUIET_MS = 100 }; /* compilers and linkers write in pieces */

static struct stamp stamp_of(const char *path) {
    struct stat file;
    if (stat(path, &file) != 0 || !S_ISREG(file.st_mode))
        return (struct stamp){0};
    return (struct stamp){file.st_dev, file.st_ino, file.st_size, file.st_ctim};
}

static bool is_same(const struct stamp *a, const struct stamp *b) {
    return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
           a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec;
}

void watch_init(struct watch *watch, const char *path) {
    *watch = (struct watch){.path = path};
    watch_loading(watch);
}

enum watch_sight watch_look(struct watch *watch) {
    struct stamp now = stamp_of(watch->path);
    uint64_t now_ms = clock_ms();
    if (!is_same(&now, &watch->seen)) {
        watch->seen = now;
        watch->since_ms = now_ms;
    }
    if (now.bytes == 0 || is_same(&now, &watch->loaded))
        return WATCH_SAME;
    return now_ms - watch->since_ms < QUIET_MS ? WATCH_CHANGING : WATCH_CHANGED;
}

bool watch_was_lately(const struct watch *watch, uint32_t within_ms) {
    return clock_ms() - watch->since_ms < within_ms;
}

void watch_loading(struct watch *watch) {
    watch->loaded = watch->seen = stamp_of(watch->path);
    watch->since_ms = clock_ms();
}
