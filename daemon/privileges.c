/* Drops root: groups first, then the user, then a check that root cannot be regained. */
#include "daemon/privileges.h"

#include "base/xalloc.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOKUP_BYTES 65536 /* enough for a group with many members */

/* A decimal id. -1, all bits set, is not valid: chown(2) does not change the id then. */
static bool parse_number(const char *text, unsigned *number) {
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 ||
        value >= (unsigned)-1)
        return false;
    *number = (unsigned)value;
    return true;
}

/* The user's id and, if it has an entry in the user database, its primary group. */
static int find_user(const char *name, uid_t *uid, gid_t *gid, bool *has_entry) {
    char *space = xcalloc(1, LOOKUP_BYTES);
    struct passwd entry, *found = NULL;
    unsigned number;
    bool numeric = false;
    getpwnam_r(name, &entry, space, LOOKUP_BYTES, &found);
    if (found == NULL && parse_number(name, &number)) {
        numeric = true;
        getpwuid_r(number, &entry, space, LOOKUP_BYTES, &found);
    }
    *has_entry = found != NULL;
    if (found != NULL) {
        *uid = found->pw_uid;
        *gid = found->pw_gid;
    } else if (numeric) {
        *uid = number;
    }
    free(space);
    return *has_entry || numeric ? 0 : -1;
}

int privileges_user(const char *name, uid_t *uid) {
    uid_t found;
    gid_t ignored;
    bool has_entry;
    if (find_user(name, &found, &ignored, &has_entry) != 0)
        return -1;
    *uid = found;
    return 0;
}

int privileges_group(const char *name, gid_t *gid) {
    char *space = xcalloc(1, LOOKUP_BYTES);
    struct group entry, *found = NULL;
    getgrnam_r(name, &entry, space, LOOKUP_BYTES, &found);
    unsigned number;
    int result = 0;
    if (found != NULL)
        *gid = found->gr_gid;
    else if (parse_number(name, &number))
        *gid = number;
    else
        result = -1;
    free(space);
    return result;
}

/* The user and groups to run as. */
struct credentials {
    uid_t uid;
    gid_t gid;
    const char *user; /* for its supplementary groups; null: none */
};

static int find_credentials(const char *user, const char *group, struct credentials *c,
                            char *error, size_t error_bytes) {
    bool has_entry = false;
    *c = (struct credentials){.uid = geteuid(), .gid = getegid()};
    if (user != NULL && find_user(user, &c->uid, &c->gid, &has_entry) != 0) {
        snprintf(error, error_bytes, "there is no user \"%s\"", user);
        return -1;
    }
    if (user != NULL && !has_entry && group == NULL) {
        snprintf(error, error_bytes, "user %s has no group of its own: name a group",
                 user);
        return -1;
    }
    if (group != NULL && privileges_group(group, &c->gid) != 0) {
        snprintf(error, error_bytes, "there is no group \"%s\"", group);
        return -1;
    }
    c->user = has_entry ? user : NULL;
    return 0;
}

static int set_groups(const struct credentials *c) {
    int result = c->user != NULL ? initgroups(c->user, c->gid) : setgroups(1, &c->gid);
    return result == 0 ? setresgid(c->gid, c->gid, c->gid) : result;
}

static bool is_set(const struct credentials *c) {
    return geteuid() != 0 && getuid() == c->uid && geteuid() == c->uid &&
           getgid() == c->gid && getegid() == c->gid;
}

int privileges_drop(const char *user, const char *group, char *error,
                    size_t error_bytes) {
    struct credentials c;
    if (user == NULL && group == NULL)
        return 0;
    if (find_credentials(user, group, &c, error, error_bytes) != 0)
        return -1;
    if (is_set(&c))
        return 0;
    if (set_groups(&c) != 0 || setresuid(c.uid, c.uid, c.uid) != 0) {
        snprintf(error, error_bytes, "cannot become user %u, group %u: %s", c.uid, c.gid,
                 strerror(errno));
        return -1;
    }
    if (c.uid != 0 && setuid(0) == 0) {
        snprintf(error, error_bytes, "root privileges could be regained");
        return -1;
    }
    return 0;
}
