#include "app/loader.h"

#include "base/xalloc.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A name without a slash is a file in the current folder; dlopen(3) would search the
 * system. */
static void *open_library(const char *path) {
    if (strchr(path, '/') != NULL)
        return dlopen(path, RTLD_NOW | RTLD_LOCAL);
    size_t bytes = strlen(path) + sizeof "./";
    char *here = xcalloc(1, bytes);
    snprintf(here, bytes, "./%s", path);
    void *library = dlopen(here, RTLD_NOW | RTLD_LOCAL);
    free(here);
    return library;
}

static bool reaches_beyond(uint64_t at, uint64_t bytes, uint64_t end) {
    return at > end || bytes > end - at;
}

/* True when the file is shorter than its headers say, because it is still being written
 * or writing it has failed. dlopen(3) would map it, and access to the missing part is
 * SIGBUS. */
static bool is_cut(int fd) {
    struct stat file;
    ElfW(Ehdr) head;
    ElfW(Phdr) part;
    if (fstat(fd, &file) != 0 || pread(fd, &head, sizeof head, 0) != sizeof head ||
        memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_phentsize != sizeof part)
        return false; /* not a library: dlopen reports it */
    uint64_t end = (uint64_t)file.st_size;
    uint64_t at = head.e_phoff;
    for (unsigned i = 0; i < head.e_phnum; i++, at += sizeof part)
        if (pread(fd, &part, sizeof part, (off_t)at) != sizeof part ||
            reaches_beyond(part.p_offset, part.p_filesz, end))
            return true;
    return reaches_beyond(head.e_shoff, (uint64_t)head.e_shnum * head.e_shentsize, end);
}

static bool is_file_cut(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool cut = fd >= 0 && is_cut(fd);
    if (fd >= 0)
        close(fd);
    return cut;
}

static int find_entry(struct loader *loader, const char *path, char *why,
                      size_t why_bytes) {
    const unsigned *abi = dlsym(loader->library, "crew_app_abi");
    /* ISO C has no cast from an object pointer to a function pointer; POSIX requires this
     * one. */
    *(void **)&loader->init = dlsym(loader->library, "crew_app_init");
    if (abi == NULL || loader->init == NULL) {
        snprintf(why, why_bytes, "%s is not a crew app: it has no CREW_APP", path);
        return CREW_EINVAL;
    }
    if (*abi != CREW_APP_ABI) {
        snprintf(why, why_bytes, "%s is built for app ABI %u, this is ABI %u", path, *abi,
                 CREW_APP_ABI);
        return CREW_EINVAL;
    }
    return CREW_OK;
}

int loader_open(struct loader *loader, const char *path, char *why, size_t why_bytes) {
    *loader = (struct loader){0};
    if (is_file_cut(path)) {
        snprintf(why, why_bytes, "cannot load %s: its end is missing", path);
        return CREW_EINVAL;
    }
    loader->library = open_library(path);
    if (loader->library == NULL) {
        snprintf(why, why_bytes, "cannot load %s: %s", path, dlerror());
        why[strcspn(why, "\n")] = '\0';
        return CREW_EINVAL;
    }
    int error = find_entry(loader, path, why, why_bytes);
    if (error != CREW_OK)
        loader_close(loader);
    return error;
}

void loader_close(struct loader *loader) {
    if (loader->library != NULL)
        dlclose(loader->library);
    *loader = (struct loader){0};
}
