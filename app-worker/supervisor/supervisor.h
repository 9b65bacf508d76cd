/* The supervisor: broker, signals and handler processes in one loop. */
#ifndef CREW_WORKER_SUPERVISOR_H
#define CREW_WORKER_SUPERVISOR_H

#include "app-worker/settings.h"

/* Serve until a signal stops it. The exit status. */
int supervisor_run(const struct settings *settings);

#endif
