/* libcrew's events as log lines. */
#ifndef CREW_DAEMON_LOG_EVENT_H
#define CREW_DAEMON_LOG_EVENT_H

#include <crew/message.h>

/* An on_event of libcrew's options: connected and unblocked are logged as info, the other
 * events as warnings. A repeated connection error is logged once, then once a minute. */
void log_event(void *arg, enum crew_event_kind kind, const char *text);

#endif
