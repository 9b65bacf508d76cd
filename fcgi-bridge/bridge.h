/* The bridge: one event loop that connects listener, web server connections, requests,
 * the client and the subscribers, and its life from start to stop. */
#ifndef BRIDGE_BRIDGE_H
#define BRIDGE_BRIDGE_H

#include "listener.h"
#include "settings.h"
#include <crew/client.h>

struct bridge_options {
    const struct settings *settings;
    struct listener *listener;
    const struct crew_broker *broker; /* for subscribers */
    crew_client *client;
    char **command; /* the command line, for reloads */
    int ready_fd;   /* from reload_inherited, or -1 */
};

/* bridge_run - serve until a signal ends it. 0, or a libuv error: it could not start. */
int bridge_run(const struct bridge_options *options);

#endif
