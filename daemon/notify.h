/* Notifies the service manager (the protocol of sd_notify(3)). Does nothing if
 * NOTIFY_SOCKET is not set. */
#ifndef CREW_DAEMON_NOTIFY_H
#define CREW_DAEMON_NOTIFY_H

void notify(const char *state); /* "READY=1", "STOPPING=1", "RELOADING=1" */

#endif
