/* A word to the service manager (sd_notify(3)'s protocol, NOTIFY_SOCKET). Nothing happens
 * without one. */
#ifndef CREW_DAEMON_NOTIFY_H
#define CREW_DAEMON_NOTIFY_H

void notify(const char *state); /* "READY=1", "STOPPING=1", "RELOADING=1" */

#endif
