/* Giving up root. */
#ifndef CREW_DAEMON_PRIVILEGES_H
#define CREW_DAEMON_PRIVILEGES_H

#include <stddef.h>
#include <sys/types.h>

/* Names or numbers; null USER and GROUP: nothing happens. GROUP null: the user's own.
 * 0, or -1 with a sentence in WHY (unknown user, not permitted ...). */
int privileges_drop(const char *user, const char *group, char *why, size_t why_bytes);

/* Look up; 0, or -1 when there is no such user or group. */
int privileges_user(const char *name, uid_t *uid);
int privileges_group(const char *name, gid_t *gid);

#endif
