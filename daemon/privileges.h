/* Dropping root privileges. */
#ifndef CREW_DAEMON_PRIVILEGES_H
#define CREW_DAEMON_PRIVILEGES_H

#include <stddef.h>
#include <sys/types.h>

/* Run as USER and GROUP, names or numbers. GROUP null: the user's primary group; both
 * null: does nothing. 0, or -1 with the reason in ERROR. */
int privileges_drop(const char *user, const char *group, char *error, size_t error_bytes);

/* Look up an id by name or number. 0, or -1 if there is no such user or group. */
int privileges_user(const char *name, uid_t *uid);
int privileges_group(const char *name, gid_t *gid);

#endif
