/* Giving up root for good: groups first, then the user, then a look whether it holds. */
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

#define LOOKUP_BYTES 65536 /* a group with very many members still fits */

/* A decimal number that is no name; -1, all bits set, means "leave alone" to chown. */
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

/* The user's number, and its own group when there is an entry for it. */
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

/* Who the program shall be. */
struct identity {
    uid_t uid;
    gid_t gid;
    const char *user; /* for its other groups; null: it has none */
};

static int find_identity(const char *user, const char *group, struct identity *who,
                         char *why, size_t why_bytes) {
    bool has_entry = false;
    *who = (struct identity){.uid = geteuid(), .gid = getegid()};
    if (user != NULL && find_user(user, &who->uid, &who->gid, &has_entry) != 0) {
        snprintf(why, why_bytes, "there is no user \"%s\"", user);
        return -1;
    }
    if (user != NULL && !has_entry && group == NULL) {
        snprintf(why, why_bytes, "user %s has no group of its own: name a group", user);
        return -1;
    }
    if (group != NULL && privileges_group(group, &who->gid) != 0) {
        snprintf(why, why_bytes, "there is no group \"%s\"", group);
        return -1;
    }
    who->user = has_entry ? user : NULL;
    return 0;
}

static int take_groups(const struct identity *who) {
    int result =
        who->user != NULL ? initgroups(who->user, who->gid) : setgroups(1, &who->gid);
    return result == 0 ? setresgid(who->gid, who->gid, who->gid) : result;
}

static bool is_already(const struct identity *who) {
    return geteuid() != 0 && getuid() == who->uid && geteuid() == who->uid &&
           getgid() == who->gid && getegid() == who->gid;
}

int privileges_drop(const char *user, const char *group, char *why, size_t why_bytes) {
    struct identity who;
    if (user == NULL && group == NULL)
        return 0;
    if (find_identity(user, group, &who, why, why_bytes) != 0)
        return -1;
    if (is_already(&who))
        return 0;
    if (take_groups(&who) != 0 || setresuid(who.uid, who.uid, who.uid) != 0) {
        snprintf(why, why_bytes, "cannot become user %u, group %u: %s", who.uid, who.gid,
                 strerror(errno));
        return -1;
    }
    if (who.uid != 0 && setuid(0) == 0) {
        snprintf(why, why_bytes, "root did not go away");
        return -1;
    }
    return 0;
}
